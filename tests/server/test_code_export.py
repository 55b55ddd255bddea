"""Codes in the clear, as a file: once, to whom may have them, and nobody takes them without being noted."""

import asyncio
import csv
import hashlib
import io
from typing import Any

import grpc.aio
import pytest

from fealty.v1 import coupon_campaigns_pb2 as pb
from rules.access import Role
from server import limits
from tests.server.batching import BATCH, codes, exported, generated, imported
from tests.server.campaigning import SPRING, created
from tests.server.club import WHY, Club, money
from tests.server.serving import Client, Told, activities, fresh, told_by


async def export_told(client: Client, name: str = BATCH, **more: Any) -> Told:
    """What the caller of one is told that fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await exported(client, name, **more)
    return told_by(failed.value)


def whole(responses: list[pb.ExportCouponsResponse]) -> list[dict[str, str]]:
    """The rows of a file, which must be what its last message says."""
    data = b"".join(one.data for one in responses)
    end = responses[-1].exported
    assert (end.bytes, end.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert end.coupons == len(rows)
    return rows


@pytest.mark.parametrize("rows", [2, 5, 1_000])
async def test_a_batch_comes_whole_in_the_order_of_making(
    club: Club, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """As people write codes, however many fit a page; and nothing of another batch."""
    monkeypatch.setattr(limits, "CODES_EXPORT_ROWS", rows)
    await created(club)
    await generated(club, 3)
    batch = await generated(club, 5, code_pattern="AB-####-####@")
    await generated(club, 3)
    found = whole(await exported(club.admin, batch))
    assert [row["code"].replace("-", "") for row in found] == codes(club)[3:8]
    assert all(row["code"][2] == row["code"][7] == "-" for row in found)
    assert {tuple(row.values())[1:] for row in found} == {("AVAILABLE", "", "", "", "")}


async def test_each_line_says_whose_it_is_and_how_it_stands(club: Club) -> None:
    """Whoever mails codes must not mail a stranger's, nor one that is over."""
    await created(club, balance=money(1_000))
    file = b"code,customer,balance_minor,last_day\nAAAA1111,,,\nBBBB2222,ada,250,2025-03-31\nCCCC3333,,,2024-12-31\n"
    await imported(club.admin, file)
    found = [tuple(row.values()) for row in whole(await exported(club.admin))]
    assert found == [
        ("AAAA1111", "AVAILABLE", "", "", "1000", "EUR"),
        ("BBBB2222", "ASSIGNED", "ada", "2025-03-31T22:00:00Z", "250", "EUR"),
        ("CCCC3333", "EXPIRED", "", "2024-12-31T23:00:00Z", "1000", "EUR"),
    ]


async def test_a_second_time_it_takes_a_reason(club: Club) -> None:
    """Two files of the same codes are two people who can use them."""
    await created(club)
    batch = await generated(club)
    first = whole(await exported(club.admin))
    told = await export_told(club.admin)
    assert (told.reason, "export_time" in told.facts) == ("BATCH_EXPORTED", True)
    assert whole(await exported(club.admin, reason=WHY)) == first
    request = pb.ListCouponBatchesRequest(parent=SPRING)
    [listed] = (await club.till.coupon_campaigns.ListCouponBatches(request)).batches
    assert (listed.name, listed.HasField("export_time")) == (batch, True)


async def test_its_beginning_stands_in_the_log_before_the_first_code_is_sent(club: Club) -> None:
    """And its end, with a digest by which a file that turns up is known again."""
    await created(club)
    await generated(club)
    call: Any = club.admin.coupon_campaigns.ExportCoupons(pb.ExportCouponsRequest(name=BATCH, request_id=fresh()))
    first = await call.read()
    assert first.data.startswith(b"code,")
    [began] = [one for one in await activities(club.admin) if one.action == "codes.export_started"]
    assert (began.subject, began.details["coupons"].number) == (BATCH, 5)
    rest = [response async for response in call]
    assert rest[-1].exported.coupons == 5
    [ended] = [one for one in await activities(club.admin) if one.action == "coupons.exported"]
    assert ended.subject == BATCH
    assert ended.details["sha256"].text == rest[-1].exported.sha256
    assert not any(code in str(club.books()) for code in codes(club))


async def test_one_that_breaks_is_recorded_with_what_was_sent(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a batch in somebody's hands is half of a batch."""
    monkeypatch.setattr(limits, "CODES_EXPORT_ROWS", 1)
    await created(club)
    await generated(club, 400)
    call: Any = club.admin.coupon_campaigns.ExportCoupons(pb.ExportCouponsRequest(name=BATCH, request_id=fresh()))
    for _ in range(3):
        await call.read()
    call.cancel()
    ended: list[Any] = []
    while not ended:
        await asyncio.sleep(0.02)
        ended = [one for one in await activities(club.admin) if one.action == "coupons.exported"]
    assert not ended[0].details["whole"].flag
    assert (await export_told(club.admin)).reason == "BATCH_EXPORTED"


async def test_only_who_may_read_codes_gets_them(club: Club) -> None:
    """A till may assign and redeem all day and never see one in the clear."""
    await created(club)
    await generated(club)
    assert (await export_told(club.till)).reason == "PERMISSION_MISSING"
    other = club.served.client(club.served.key("other", Role.ADMINISTRATOR, "coffee"))
    assert (await export_told(other)).reason == "PROGRAM_NOT_FOUND"
    assert (await export_told(club.admin, f"{SPRING}/batches/2")).reason == "BATCH_NOT_FOUND"
    assert (await export_told(club.admin, BATCH.replace("spring", "no"))).reason == "CAMPAIGN_NOT_FOUND"


async def test_codes_that_are_not_made_yet_are_in_no_batch(club: Club) -> None:
    """They may all come to nothing."""
    from tests.server.batching import generating, work

    await created(club)
    await generating(club)
    assert (await export_told(club.admin)).reason == "BATCH_NOT_FOUND"
    work(club)
    assert len(whole(await exported(club.admin))) == 5
