"""Retention and legal holds as callers set them, and what readers see of what is no longer kept."""

from typing import Any

import pytest

from fealty.v1 import activity_pb2, audit_pb2, customers_pb2, retention_pb2
from rules.access import Role
from storage.engine.unit import run
from storage.retention import sweep
from tests.server.club import ADA, BEN, NAME, WHY, Club
from tests.server.serving import activities, fresh, program, told
from tests.server.watching import watching
from tests.storage.retention.past import LIMITS

READ, CHANGE = retention_pb2.ACTIVITY_EFFECT_READ, retention_pb2.ACTIVITY_EFFECT_CHANGE
CUSTOMERS, SYSTEM = activity_pb2.ACTIVITY_CATEGORY_CUSTOMERS, activity_pb2.ACTIVITY_CATEGORY_SYSTEM


async def _update(club: Club, *rules: tuple[Any, Any, int], **more: Any) -> retention_pb2.UpdateRetentionResponse:
    given = [
        retention_pb2.RetentionRule(category=category, effect=effect, days=days) for category, effect, days in rules
    ]
    request = retention_pb2.UpdateRetentionRequest(
        name=f"{NAME}/retention", rules=given, reason=WHY, request_id=fresh(), **more
    )
    return await club.admin.retention.UpdateRetention(request)


async def _retention(club: Club, name: str = f"{NAME}/retention") -> retention_pb2.Retention:
    return (await club.admin.retention.GetRetention(retention_pb2.GetRetentionRequest(name=name))).retention


def _days(found: retention_pb2.Retention) -> dict[tuple[Any, Any], int]:
    return {(rule.category, rule.effect): rule.days for rule in found.rules}


async def _dropped(club: Club) -> str:
    """The name of a read of ada's profile, long ago, that the sweep has been over."""
    await club.admin.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=ADA))
    club.served.execute(
        "INSERT INTO activity SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
        " 'recorded_at', now() - interval '366 days', 'written_by', pg_current_xact_id()::text::bigint))).*"
        " FROM activity a WHERE action = 'customer.read'"
    )
    while not run(club.served.database, lambda unit: sweep.step(unit, LIMITS)):
        pass
    [found] = [one for one in await activities(club.admin, parent=ADA) if one.dropped_by]
    return found.name


async def test_a_program_without_rules_keeps_as_the_products_promise(club: Club) -> None:
    """A year of who looked and what the system did, and for ever what happened to customers."""
    found = await _retention(club)
    assert (found.name, found.etag, found.HasField("update_time")) == (f"{NAME}/retention", '"0"', False)
    for (category, effect), days in _days(found).items():
        assert days == (365 if category == SYSTEM or effect == READ else 0)
    assert len(found.rules) == 10


async def test_each_change_is_recorded_in_days_before_and_after(club: Club) -> None:
    """ "Tier Retention Period updated from 365 → 730 days", and nothing else is touched."""
    answer = await _update(club, (CUSTOMERS, READ, 730), (CUSTOMERS, CHANGE, 3650), (SYSTEM, READ, 365))
    before, after = _days(await _retention(club, f"{NAME}/retention")), _days(answer.retention)
    assert before == after
    assert (after[CUSTOMERS, READ], after[CUSTOMERS, CHANGE], after[SYSTEM, READ]) == (730, 3650, 365)
    [recorded] = [one for one in await activities(club.admin) if one.name == answer.receipt.activity]
    assert [(one.field, one.before.number, one.after.number, one.kind) for one in recorded.changes] == [
        ("customers.read_days", 365, 730, activity_pb2.CHANGE_KIND_DURATION),
        ("customers.change_days", 0, 3650, activity_pb2.CHANGE_KIND_DURATION),
    ]
    assert recorded.description == (
        "Retention of customers (read) updated from 365 → 730 days; Retention of customers (change) updated from"
        " for ever → 3,650 days (Administrator admin for u-17, GOODWILL)."
    )


async def test_two_who_change_it_at_once_learn_of_each_other(club: Club) -> None:
    """The second has read what is no longer true; what changes nothing leaves no record."""
    etag = (await _retention(club)).etag
    first = await _update(club, (CUSTOMERS, READ, 30), etag=etag)
    assert (await told(_update(club, (CUSTOMERS, READ, 60), etag=etag))).reason == "STALE_ETAG"
    again = await _update(club, (CUSTOMERS, READ, 30), etag=first.retention.etag)
    assert (again.receipt.activity, again.retention) == ("", first.retention)


@pytest.mark.parametrize("rules", [[], [(CUSTOMERS, READ, 1)] * 2, [(CUSTOMERS, READ, -1)], [(CUSTOMERS, 0, 1)]])
async def test_rules_that_say_nothing_or_two_things_are_refused(club: Club, rules: list[tuple[Any, Any, int]]) -> None:
    """What was meant nobody can tell, and what is dropped does not come back."""
    assert (await told(_update(club, *rules))).reason == "INVALID_REQUEST"


async def test_holds_are_listed_with_what_they_hold_and_why_until_they_are_lifted(club: Club) -> None:
    """Whoever lifts one must see that there is another."""
    of_ada, of_all = await club.legal_hold(), await club.legal_hold(NAME)
    listed = await _holds(club)
    assert [(hold.name, hold.subject, hold.reason_code) for hold in listed] == [
        (of_all.name, NAME, "GOODWILL"),
        (of_ada.name, ADA, "GOODWILL"),
    ]
    request = retention_pb2.LiftLegalHoldRequest(name=of_ada.name, reason=WHY, request_id=fresh())
    lifted = (await club.admin.retention.LiftLegalHold(request)).legal_hold
    assert [hold.name for hold in await _holds(club, only_active=True)] == [of_all.name]
    assert (await _holds(club))[1] == lifted
    placed = [one for one in await activities(club.admin, parent=ADA) if one.action.startswith("legalhold.")]
    assert [one.name for one in placed] == [lifted.lift_activity, lifted.activity]
    assert placed[0].cause == lifted.activity


async def test_whoever_has_a_key_of_another_program_finds_nothing(club: Club) -> None:
    """Neither how long things are kept there, nor that there is a case."""
    hold = await club.legal_hold()
    await club.admin.programs.CreateProgram(program("tea"))
    stranger = club.served.client(club.served.key("stranger", Role.ADMINISTRATOR, "tea")).retention
    lift = retention_pb2.LiftLegalHoldRequest(name=hold.name, reason=WHY, request_id=fresh())
    elsewhere = hold.name.replace("programs/club", "programs/tea")
    moved = retention_pb2.LiftLegalHoldRequest(name=elsewhere, reason=WHY, request_id=fresh())
    for call, reason in (
        (stranger.GetRetention(retention_pb2.GetRetentionRequest(name=f"{NAME}/retention")), "PROGRAM_NOT_FOUND"),
        (stranger.ListLegalHolds(retention_pb2.ListLegalHoldsRequest(parent=NAME)), "PROGRAM_NOT_FOUND"),
        (stranger.LiftLegalHold(lift), "PROGRAM_NOT_FOUND"),
        (stranger.LiftLegalHold(moved), "LEGAL_HOLD_NOT_FOUND"),
    ):
        assert (await told(call)).reason == reason


async def test_what_is_no_longer_kept_is_shown_as_such_wherever_the_log_is_read(club: Club) -> None:
    """By name, in lists and in streams: what is left, and by whose announcement the rest went; never a fault."""
    name = await _dropped(club)
    got = (await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=name))).activity
    [listed] = [one for one in await activities(club.admin, parent=ADA, action="customer.read") if one.name == name]
    async with watching(club.admin, ADA) as stream:
        seen: list[audit_pb2.Activity] = []
        while name not in [one.name for one in seen]:
            seen += await stream.message()
    for shown in (got, listed, next(one for one in seen if one.name == name)):
        assert (shown.action, shown.category) == ("customer.read", CUSTOMERS)
        assert shown.HasField("record_time")
        assert not any((shown.details, shown.changes, shown.subject, shown.request_id, shown.actor.ip_address))
        assert shown.actor.display_name == "admin"
        assert shown.description == "Customer read (Administrator admin): what it said is no longer kept."
    announced = audit_pb2.GetActivityRequest(name=got.dropped_by)
    why = (await club.admin.audit.GetActivity(announced)).activity
    assert why.action == "retention.announced"
    assert why.description == (
        "What 1 activity of program Coffee club said is to be dropped: 1 of customers (read) after 365 days."
    )


async def test_filters_find_what_is_left_and_nothing_of_what_it_said(club: Club) -> None:
    """What was dropped must not be found by what stood in it, nor stop a search that reads bodies."""
    name = await _dropped(club)
    found = await activities(club.admin, parent=NAME, type=activity_pb2.ACTIVITY_TYPE_ACCESS)
    assert name in [one.name for one in found]
    by_subject = await activities(club.admin, parent=NAME, subjects=[ADA])
    assert by_subject
    assert name not in [one.name for one in by_subject]
    assert not await activities(club.admin, parent=BEN, type=activity_pb2.ACTIVITY_TYPE_ACCESS)


async def _holds(club: Club, **more: Any) -> list[retention_pb2.LegalHold]:
    request = retention_pb2.ListLegalHoldsRequest(parent=NAME, **more)
    return list((await club.admin.retention.ListLegalHolds(request)).legal_holds)
