"""Full-text search of the log, as callers ask for it: what is found, when it is, and what is no text to look for."""

import pytest
from grpc import StatusCode

from fealty.v1 import audit_pb2
from rules.access import Role
from server import limits
from storage.activity import positions, words
from storage.engine.unit import run
from tests.server.club import ADA, NAME, Club
from tests.server.exported import NDJSON, objects, whole
from tests.server.exported import exported as export
from tests.server.logged import Activity, answer, listed, lived, until
from tests.server.serving import told
from tests.server.watching import told as watched
from tests.server.watching import watching

MANY = 10_000


def taken(club: Club) -> None:
    """Takes the words of all that is recorded, as the clock does each second."""
    run(club.served.database, lambda unit: positions.assign(unit.connection, MANY))
    run(club.served.database, lambda unit: words.advance(unit.connection, MANY))


async def test_what_is_typed_is_found_in_sentences_and_ids(club: Club) -> None:
    """As a message and as a line, alone and with other filters, in both orders."""
    log = await lived(club)
    taken(club)
    for text, has in (
        ('"customer ada"', "customer ada"),
        ("TRIED", "tried"),
        ('"because the customer is suspended"', "because the customer is suspended"),
        ("refused", "refused"),
    ):
        wanted = [one for one in log if has in one.description.lower()]
        line = f"{text} AND {until(log)}"
        assert _names(await listed(club.admin, filter_text=line)) == _names(wanted)[::-1]
        asked = audit_pb2.ActivityFilter(text=text)
        assert await listed(club.admin, filter=asked, filter_text=until(log), ascending=True) == wanted
        assert wanted
    codes = await listed(club.admin, filter_text=f"customer_suspended AND outcome = REFUSED AND {until(log)}")
    assert {one.details["reason"].text for one in codes} == {"CUSTOMER_SUSPENDED"}
    by_request = await listed(club.admin, filter_text=f'"{log[3].request_id}" AND {until(log)}')
    assert log[3].name in _names(by_request)
    assert {one.request_id for one in by_request} == {log[3].request_id}


async def test_what_is_counted_and_exported_of_a_text_is_what_is_listed(club: Club) -> None:
    """One filter, one set: a chart above a list that shows another number is a wrong chart."""
    log = await lived(club)
    taken(club)
    for text in ("refused", '"customer ada" AND outcome = SUCCEEDED', '"ada customer"'):
        line = f"{text} AND {until(log)}"
        found = await listed(club.admin, filter_text=line)
        asked = audit_pb2.AnalyzeActivitiesRequest(parent=NAME, filter_text=line)
        counted = await club.admin.audit.AnalyzeActivities(asked)
        assert (counted.total, counted.basis.is_all) == (len(found), True)
        assert sum(one.count for one in counted.actors) == len(found)
        exported = objects(whole(await export(club.admin, kind=NDJSON, filter_text=line)))
        assert [one["name"] for one in exported][::-1] == _names(found)


def _names(found: list[Activity]) -> list[str]:
    return [one.name for one in found]


async def test_an_answer_says_up_to_when_it_is_complete(club: Club) -> None:
    """Whoever looks for what happened a second ago must not take its absence for a fact."""
    await club.earn(100, transaction_id="early")
    asked = {"filter_text": "early"}
    assert not (await answer(club.admin, **asked)).HasField("text_complete_time")
    taken(club)
    first = await answer(club.admin, **asked)
    [found] = first.activities
    assert found.record_time.ToDatetime() < first.text_complete_time.ToDatetime()
    await club.earn(100, transaction_id="late")
    late = await answer(club.admin, filter_text="late")
    assert (list(late.activities), late.text_complete_time) == ([], first.text_complete_time)
    taken(club)
    [found] = (await answer(club.admin, filter_text="late")).activities
    assert first.text_complete_time.ToDatetime() < found.record_time.ToDatetime()
    assert not (await answer(club.admin)).HasField("text_complete_time")


async def test_pages_of_a_text_go_on_where_the_last_one_ended(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a page has looked at enough; and the total is that of all of them."""
    log = await lived(club)
    taken(club)
    line = f"customer AND {until(log)}"
    whole = await answer(club.admin, filter_text=line, want_total=True)
    assert whole.total == len(whole.activities)
    found: list[str] = []
    token = ""
    monkeypatch.setattr(limits, "LOG_LOOKED_MAX", 5)
    while token or not found:
        page = await answer(club.admin, filter_text=line, page_size=2, page_token=token)
        found += [one.name for one in page.activities]
        # Looking is recorded, too.
        taken(club)
        token = page.next_page_token
    assert found == [one.name for one in whole.activities]
    other = await told(answer(club.admin, filter_text="customer", page_token=page.next_page_token or "x"))
    assert other.reason == "PAGE_TOKEN_MISMATCH"


async def test_words_of_another_program_are_not_found(club: Club) -> None:
    """Not by a key of another program, and not under it."""
    await lived(club)
    taken(club)
    auditor = club.served.client(club.served.key("auditor", Role.AUDITOR, NAME.partition("/")[2]))
    elsewhere = [one for one in await listed(club.admin, "-", filter_text="operator") if "club" not in one.subject]
    assert elsewhere
    assert await listed(auditor, "-", filter_text="operator") == []
    assert await listed(auditor, "-", filter_text="service")
    nobody = await told(answer(auditor, "programs/other", filter_text="service"))
    assert nobody.reason == "PROGRAM_NOT_FOUND"


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ('refund "till', "a quote is not closed"),
        ("!?", "there is no word in it"),
        ("   ", "there is no word in it"),
        ('""', "there is no word in it"),
        (" ".join(f"w{number}" for number in range(17)), "has more than 16 words"),
        ("a" * 257, "at most 256"),
        ("a\0b", "NUL"),
    ],
)
async def test_what_is_no_text_to_look_for_is_refused(club: Club, text: str, told_of: str) -> None:
    """Clearly, and before anybody looks for it."""
    wanted = audit_pb2.ActivityFilter(text=text)
    refused = await told(answer(club.admin, filter=wanted))
    assert (refused.code, refused.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert refused.fields == ["filter.text"]
    assert told_of in refused.message
    assert (await watched(club.admin, NAME, filter=wanted)).reason == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "text",
    [
        *("'; DROP TABLE activity; --", "% _ *", "a & b | !c", "(x)", "x" * 256, "ß ﬁ \u202e", "NaN null"),
        *("{a,b} $1 %s %(x)s", "\\x00 \\", "' OR '' = '"),
    ],
)
async def test_operators_are_words_like_any_other(club: Club, text: str) -> None:
    """Nothing that is typed means anything to the database."""
    await club.earn(100)
    taken(club)
    wanted = audit_pb2.ActivityFilter(text=text)
    assert (await answer(club.admin, filter=wanted, want_total=True)).total == 0
    assert len(await listed(club.admin, filter_text="purchase")) == 1


async def test_a_stream_finds_what_the_list_finds(club: Club) -> None:
    """As soon as it comes: the words of what is new are asked of itself."""
    log = await lived(club)
    taken(club)
    for text in ("customer ada", '"customer is suspended"', "nothing-such"):
        wanted = audit_pb2.ActivityFilter(text=text, end_time=log[-1].record_time)
        for parent in (NAME, ADA):
            found = await listed(club.admin, parent, filter=wanted, ascending=True)
            async with watching(club.admin, parent, filter=wanted) as stream:
                assert await stream.message() == found
