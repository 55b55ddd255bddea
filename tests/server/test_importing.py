"""Files of codes through the wire: what is good is taken together or not at all, what is bad is named."""

import asyncio
import random
from typing import Any

import pytest

from fealty.v1 import coupon_campaigns_pb2 as pb
from rules.access import Role
from server import limits
from storage.coupons import batches
from storage.coupons.importing import staging
from storage.engine.unit import run
from tests.server.batching import BATCH, NDJSON, bad, codes, import_told, imported, pieces, sent, target
from tests.server.campaigning import SPRING, archived, created
from tests.server.club import BEN, NAME, Club, money
from tests.server.serving import activities, fresh

COUPONS = "SELECT count(*) FROM coupon"
DISCARDED = "SELECT discarded_at IS NOT NULL FROM coupon_batch ORDER BY number"


async def test_the_good_lines_of_a_file_become_coupons_all_at_once(club: Club) -> None:
    """With whose they are, what they are worth, and until when."""
    await created(club, balance=money(1_000))
    file = b"code,customer,balance_minor,last_day\nAAAA-1111,,,\nbbbb2222,ada,250,2025-03-31\n"
    report = await imported(club.admin, file)
    assert (report.lines, report.bad_lines_total, bad(report)) == (2, 0, [])
    assert (report.batch.name, report.batch.coupons, report.batch.origin) == (BATCH, 2, pb.COUPON_ORIGIN_IMPORTED)
    assert report.batch.HasField("publish_time")
    assert report.batch.activity == report.receipt.activity
    columns = "last_four, origin, c.customer_id, initial_minor, balance_minor, expires_at::text, uses"
    found = club.served.rows(f"SELECT {columns} FROM coupon LEFT JOIN customer c ON c.id = customer ORDER BY coupon.id")
    assert found == [
        ("1111", "IMPORTED", None, 1_000, 1_000, None, 0),
        ("2222", "IMPORTED", "ada", 250, 250, "2025-03-31 22:00:00+00", 0),
    ]
    assert codes(club) == ["AAAA1111", "BBBB2222"]


async def test_any_file_is_reported_as_somebody_who_reads_it_line_by_line_would(club: Club) -> None:
    """However it is cut into pieces, and however its lines fall into transactions."""
    await created(club)
    chance = random.Random(5)
    taken: set[str] = set()
    for number in range(12):
        lines = [_line(chance) for _ in range(chance.randrange(1, 60))]
        file = "code,customer\n" + "".join(f"{code},{customer}\n" for code, customer in lines)
        expected, good = _read_plainly(lines, taken)
        limits_before, limits.IMPORT_STAGED_BYTES = limits.IMPORT_STAGED_BYTES, chance.choice([64, 300, 1 << 18])
        try:
            report = await imported(
                club.admin, file.encode(), size=chance.choice([1, 50, 1 << 20]), skip_bad_lines=True
            )
        finally:
            limits.IMPORT_STAGED_BYTES = limits_before
        assert bad(report) == expected, number
        assert (report.lines, report.bad_lines_total) == (len(lines), len(expected))
        assert report.batch.coupons == len(good)
        taken |= good
    assert set(codes(club)) == taken


def _line(chance: random.Random) -> tuple[str, str]:
    code = chance.choice(["", "x", "Ä" * 5]) if chance.random() < 0.1 else f"CODE{chance.randrange(150):04}"
    code = "-".join((code[:4], code[4:])) if chance.random() < 0.3 else code
    return code, chance.choice(["", "", "ada", "ben", "eve"])


def _read_plainly(lines: list[tuple[str, str]], taken: set[str]) -> tuple[list[tuple[int, str]], set[str]]:
    """The bad lines, and the codes that are taken, as the words of the contract have it."""
    found, good = [], set[str]()
    for number, (written, customer) in enumerate(lines, 2):
        code = written.replace("-", "")
        if not (code.isascii() and 4 <= len(code) <= 40):
            found.append((number, "CODE_MALFORMED"))
        elif customer == "eve":
            found.append((number, "CUSTOMER_NOT_FOUND"))
        elif code in good:
            found.append((number, "DUPLICATE_IN_FILE"))
        elif code in taken:
            found.append((number, "DUPLICATE_IN_BOOKS"))
        else:
            good.add(code)
    return found, good


async def test_unless_bad_lines_are_to_be_left_out_nothing_of_the_file_is_taken(club: Club) -> None:
    """Whoever corrects it and sends it again finds none of its codes in the way."""
    await created(club)
    file = b'{"code": "AAAA1111"}\n{"code": "AA"}\n{"code": "BBBB2222"}\n'
    report = await imported(club.admin, file, NDJSON)
    assert bad(report) == [(2, "CODE_MALFORMED")]
    assert not report.HasField("batch")
    assert report.receipt.activity
    assert codes(club) == []
    again = await imported(club.admin, file.replace(b'"AA"', b'"CCCC3333"'), NDJSON)
    assert (again.batch.coupons, bad(again)) == (3, [])
    assert codes(club) == ["AAAA1111", "CCCC3333", "BBBB2222"]
    assert club.served.rows(DISCARDED) == [(True,), (False,)]


async def test_customers_who_have_left_get_none(club: Club) -> None:
    """Closed, merged, or never there."""
    await created(club)
    await club.merge()
    report = await imported(club.admin, b"code,customer\nAAAA,ada\nBBBB,ben\nCCCC,ADA\n", skip_bad_lines=True)
    assert bad(report) == [(2, "CUSTOMER_NOT_FOUND"), (4, "CUSTOMER_NOT_FOUND")]
    await club.close(BEN)
    report = await imported(club.admin, b"code,customer\nDDDD,ben\n", skip_bad_lines=True)
    assert bad(report) == [(2, "CUSTOMER_NOT_FOUND")]
    assert not report.HasField("batch")


async def test_a_customer_is_named_by_id_or_as_every_call_names_them(club: Club) -> None:
    """Whoever writes the file has the one or the other; a customer of another program is nobody here."""
    await created(club)
    lines = f"AAAA,{BEN}\nBBBB,ben\nCCCC,{BEN.replace(NAME, 'programs/other')}\n"
    report = await imported(club.admin, f"code,customer\n{lines}".encode(), skip_bad_lines=True)
    assert bad(report) == [(4, "CUSTOMER_NOT_FOUND")]
    assert "resource name" in report.bad_lines[0].message
    assert club.served.rows("SELECT c.customer_id FROM coupon JOIN customer c ON c.id = customer") == [("ben",)] * 2


async def test_it_is_told_how_many_coupons_are_expired_as_they_come(club: Club) -> None:
    """Usually somebody mistyped the year. They are taken all the same: a ledger of old codes is one."""
    await created(club)
    file = b"code,last_day\nAAAA,2024-12-30\nBBBB,2024-12-31\nCCCC,\nDDDD,2025-12-31\nAAAA,2024-12-30\nE,2024-12-30\n"
    request_id = fresh()
    report = await imported(club.admin, file, skip_bad_lines=True, request_id=request_id)
    assert (report.expired_lines, report.batch.coupons, report.bad_lines_total) == (2, 4, 2)
    again = await imported(club.admin, file, skip_bad_lines=True, request_id=request_id)
    assert again.expired_lines == 2


async def test_sent_again_the_same_file_is_one_import_and_another_is_refused(club: Club) -> None:
    """A connection that broke before the answer must not cost a second batch, nor hide that the file has changed."""
    await created(club)
    request_id = fresh()
    first = await imported(club.admin, b"code\nAAAA\n", request_id=request_id)
    books = club.books()
    again = await imported(club.admin, b"code\nAAAA\n", request_id=request_id, size=3)
    assert (again.receipt.replayed, first.receipt.replayed) == (True, False)
    again.receipt.replayed = False
    assert again == first
    assert club.books() == books
    told = await import_told(club.admin, [target(request_id=request_id), *pieces(b"code\nBBBB\n")])
    assert told.reason == "REQUEST_ID_REUSED"
    assert codes(club) == ["AAAA"]


async def test_sent_twice_at_once_it_is_one_import(club: Club) -> None:
    """The later finds the answer of the earlier, and its own batch is discarded."""
    await created(club)
    messages = [target(skip_bad_lines=True), *pieces(b"code\nAAAA\nBBBB\n")]
    answers = await asyncio.gather(*(sent(club.admin, messages) for _ in range(4)), return_exceptions=True)
    reports = [one[-1].report for one in answers if not isinstance(one, BaseException)]
    assert sum(not report.receipt.replayed for report in reports) == 1
    assert len({report.batch.name for report in reports}) == 1
    assert len(await _imports(club)) == 1


async def test_a_rehearsal_reports_the_same_and_leaves_nothing(club: Club) -> None:
    """The usual first step with a file of somebody else's."""
    await created(club)
    file = b"code\nAAAA\nAAAA\nBBBB\n"
    would = await imported(club.admin, file, skip_bad_lines=True, validate_only=True)
    assert (bad(would), would.batch.coupons, would.batch.name) == ([(3, "DUPLICATE_IN_FILE")], 2, "")
    assert not would.receipt.activity
    assert (codes(club), await _imports(club)) == ([], [])
    done = await imported(club.admin, file, skip_bad_lines=True)
    assert (bad(done), done.batch.coupons) == (bad(would), 2)


async def test_a_rehearsal_stands_in_nobodys_way(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may last for minutes: an import of the same file meanwhile takes all of it, as the first batch, and a code for
    all can be made. What the rehearsal has seen twice it still tells as such."""
    monkeypatch.setattr(limits, "IMPORT_STAGED_BYTES", 5)
    await created(club, unlimited_for_customer=True)
    call: Any = club.admin.coupon_campaigns.ImportCoupons()
    await call.write(target(validate_only=True, skip_bad_lines=True))
    await call.write(pb.ImportCouponsRequest(data=b"code\nAAAA\nBBBB\nSUMMER026\n"))
    await _until(club, COUPONS, [(3,)])
    report = await imported(club.admin, b"code\nAAAA\n")
    assert (bad(report), report.batch.name) == ([], BATCH)
    shared = pb.CreateSharedCouponRequest(parent=SPRING, code="SUMMER026", request_id=fresh())
    await club.admin.coupon_campaigns.CreateSharedCoupon(shared)
    await call.write(pb.ImportCouponsRequest(data=b"BBBB\n"))
    await call.done_writing()
    would = [one async for one in call][-1].report
    assert (bad(would), would.batch.coupons) == ([(5, "DUPLICATE_IN_FILE")], 3)
    assert sorted(codes(club)) == ["AAAA"]


async def test_a_stream_that_breaks_leaves_nothing_that_can_be_seen(club: Club) -> None:
    """Half of a file is nobody's wish; what was staged of it is removed by a task."""
    await created(club)
    call: Any = club.admin.coupon_campaigns.ImportCoupons()
    await call.write(target())
    limits_before, limits.IMPORT_STAGED_BYTES = limits.IMPORT_STAGED_BYTES, 5
    try:
        await call.write(pb.ImportCouponsRequest(data=b"code\nAAAA\nBBBB\n"))
        await _until(club, COUPONS, [(2,)])
        call.cancel()
        await _until(club, DISCARDED, [(True,)])
    finally:
        limits.IMPORT_STAGED_BYTES = limits_before
    assert codes(club) == []
    [(campaign, number)] = club.served.rows(
        "SELECT (args ->> 'campaign')::int, (args ->> 'batch')::int FROM task WHERE unique_key LIKE '%%:now'"
    )
    discard_batch(club, campaign, number)
    assert club.served.rows(COUPONS) == [(0,)]


async def test_a_server_that_stops_ends_an_import_and_leaves_nothing_that_can_be_seen(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold up the stop for as long as the file takes; another process takes it from the beginning."""
    monkeypatch.setattr(limits, "IMPORT_STAGED_BYTES", 5)
    await created(club)
    call: Any = club.admin.coupon_campaigns.ImportCoupons()
    await call.write(target())
    await call.write(pb.ImportCouponsRequest(data=b"code\nAAAA\n"))
    await _until(club, COUPONS, [(1,)])
    for servicer in club.served.app.servicers:
        if hasattr(servicer, "end_streams"):
            servicer.end_streams()
    await call.write(pb.ImportCouponsRequest(data=b"BBBB\n"))
    assert (await call.code()).name == "UNAVAILABLE"
    await _until(club, DISCARDED, [(True,)])
    assert codes(club) == []


async def test_whoever_sends_a_long_file_hears_how_far_it_is(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for minutes before a screen that does not move."""
    monkeypatch.setattr(limits, "IMPORT_STAGED_BYTES", 5)
    monkeypatch.setattr(limits, "IMPORT_PROGRESS_S", 0.0)
    await created(club)
    answers = await sent(club.admin, [target(), *pieces(b"code\n" + b"".join(b"%04d\n" % n for n in range(9)))])
    told = [(one.progress.bytes, one.progress.lines) for one in answers[:-1]]
    assert told == sorted(told)
    assert len(set(told)) == len(told) == 10
    assert answers[-1].report.lines == 9


async def test_what_an_import_left_behind_that_nobody_ended_is_discarded_by_a_task(club: Club) -> None:
    """The server was killed: the task was planned before the first code was staged."""
    await created(club)
    call: Any = club.admin.coupon_campaigns.ImportCoupons()
    await call.write(target())
    await _until(club, "SELECT count(*) FROM coupon_batch", [(1,)])
    later = "SELECT (args ->> 'campaign')::int, (args ->> 'batch')::int FROM task WHERE unique_key LIKE '%%:later'"
    [(campaign, number)] = club.served.rows(later)
    [(pause,)] = club.served.rows("SELECT due_at - created_at FROM task WHERE unique_key LIKE '%%:later'")
    assert pause == staging.ABANDONED_AFTER
    assert pause.total_seconds() > 2 * limits.IMPORT_MAX_S
    discard_batch(club, campaign, number)
    assert club.served.rows(DISCARDED) == [(True,)]
    call.cancel()


async def test_nothing_comes_in_for_a_campaign_that_was_archived_meanwhile(club: Club) -> None:
    """Neither at the beginning nor at the end."""
    await created(club)
    call: Any = club.admin.coupon_campaigns.ImportCoupons()
    await call.write(target())
    await call.write(pb.ImportCouponsRequest(data=b"code\nAAAA\n"))
    await _until(club, "SELECT count(*) FROM coupon_batch", [(1,)])
    await archived(club)
    await call.done_writing()
    assert (await call.code()).name == "FAILED_PRECONDITION"
    assert (await import_told(club.admin, [target()])).reason == "CAMPAIGN_ARCHIVED"
    assert codes(club) == []


async def test_a_file_that_is_too_large_is_refused_with_the_limit(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes or in lines, before all of it is read."""
    await created(club)
    monkeypatch.setattr(limits, "IMPORT_BYTES_MAX", 50_000)
    told = await import_told(club.admin, [target(), *pieces(b"code\n" + b"x" * 60_000, 1_000)])
    assert (told.reason, told.facts["limit"]) == ("IMPORT_TOO_LARGE", "50,000 bytes")
    monkeypatch.setattr(limits, "IMPORT_LINES_MAX", 1_000)
    told = await import_told(club.admin, [target(), *pieces(b"code" + b"\n" * 1_100)])
    assert (told.reason, told.facts["limit"]) == ("IMPORT_TOO_LARGE", "1,000 lines")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        pieces(b"code\n"),
        [target(), target()],
        [target(parent="spring")],
        [target(form=pb.IMPORT_FORMAT_UNSPECIFIED)],
        [target(request_id="")],
        [target(), pb.ImportCouponsRequest()],
        [target(), pb.ImportCouponsRequest(data=bytes((1 << 20) + 1))],
    ],
)
async def test_a_stream_is_a_target_and_pieces_of_a_file(club: Club, messages: Any) -> None:
    """Whatever else comes is told as what it is, and not taken for a code."""
    await created(club)
    told = await import_told(club.admin, messages)
    assert told.reason == "INVALID_REQUEST"
    assert club.served.rows(COUPONS) == [(0,)]


async def test_only_administrators_of_the_program_bring_codes(club: Club) -> None:
    """A till's key in the wrong hands would print money."""
    await created(club)
    assert (await import_told(club.till, [target()])).reason == "PERMISSION_MISSING"
    other = club.served.client(club.served.key("other", Role.ADMINISTRATOR, "coffee"))
    assert (await import_told(other, [target()])).reason == "PROGRAM_NOT_FOUND"
    assert (await import_told(club.admin, [target(parent=f"{NAME}/couponCampaigns/no")])).reason == "CAMPAIGN_NOT_FOUND"
    await club.archive()
    assert (await import_told(club.admin, [target()])).reason == "PROGRAM_ARCHIVED"


async def test_the_log_says_what_came_in_and_no_code_is_in_it(club: Club) -> None:
    """Also of a file that was refused."""
    await created(club)
    await imported(club.admin, b"code\nAAAA1111\nBB\n")
    await imported(club.admin, b"code\nAAAA1111\nBB\nCCCC3333\n", skip_bad_lines=True)
    second, first = await _imports(club)
    assert first.subject == SPRING
    assert [first.details[name].number for name in ("coupons", "bad_lines", "lines")] == [0, 1, 2]
    assert second.details["batch"].text == f"{SPRING}/batches/2"
    assert [second.details[name].number for name in ("coupons", "bad_lines", "lines")] == [2, 1, 3]
    books = str(club.books())
    assert "AAAA1111" not in books
    assert b"AAAA1111".hex() not in books


def discard_batch(club: Club, campaign: int, number: int) -> None:
    """As the task of it does."""
    while not run(club.served.database, lambda unit: batches.remove(unit, campaign, number)):
        pass


async def _imports(club: Club) -> list[Any]:
    """Their records, newest first."""
    return [one for one in await activities(club.admin) if one.action == "coupons.imported" and one.outcome == 1]


async def _until(club: Club, query: str, found: list[Any]) -> None:
    while club.served.rows(query) != found:
        await asyncio.sleep(0.01)
