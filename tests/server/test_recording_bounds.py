"""RecordActivity: what nobody may record, what only some may, and what stays out of the log whoever sends it."""

from typing import Any

import pytest
from grpc import StatusCode

from fealty import plain, refusal_of
from fealty.v1 import activity_pb2, receipt_pb2
from rules import recording
from rules.access import Role
from rules.activity import OWN
from server.policy import methods
from tests.server.club import ADA, NAME, NOTE, WHY, Club
from tests.server.recording import SOURCES, TYPES, results, source_word, timeline, visit
from tests.server.serving import program, told


@pytest.mark.parametrize("acting_user", ["", "u-17"])
async def test_a_service_records_what_its_role_allows_and_nothing_else(club: Club, acting_user: str) -> None:
    """Each type from each source, by the table of the rules; what is denied leaves no entry of that name."""
    reason = receipt_pb2.Reason(code="DESK", acting_user=acting_user)
    wanted = [(type_, source) for type_ in TYPES for source in SOURCES]
    requests = [visit(type=type_, source=source, reason=reason) for type_, source in wanted]
    answered = await results(club.till, requests)
    may = (recording.SOURCES_ON_BEHALF if acting_user else recording.SOURCES)[Role.SERVICE]
    allowed = 0
    for (type_, source), result in zip(wanted, answered, strict=True):
        name = activity_pb2.ActivityType.Name(type_).removeprefix("ACTIVITY_TYPE_")
        is_allowed = name not in recording.SECURITY_TYPES and source_word(source) in may
        assert result.HasField("activity_recorded") == is_allowed, (name, source_word(source))
        assert result.refused.code == (0 if is_allowed else StatusCode.PERMISSION_DENIED.value[0])
        allowed += is_allowed
    assert len(await timeline(club, action="visit.started")) == allowed == 15 * (8 if acting_user else 6)


async def test_a_till_that_forges_a_login_is_denied_and_seen(club: Club) -> None:
    """An entry of the log that says "ada logged in" would hide who did; the attempt itself is what must be found."""
    books = club.books()
    forged = club.activity(action="session.opened", type=activity_pb2.ACTIVITY_TYPE_AUTH)
    answer = await told(forged)
    assert (answer.code, answer.reason) == (StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert answer.facts == {"permission": "ACTIVITIES_RECORD_SECURITY", "role": "SERVICE"}
    assert club.books() == books
    [seen] = [one for one in await timeline(club) if one.actor.display_name == "till"]
    assert (seen.action, seen.outcome) == ("activity.recorded", activity_pb2.ACTIVITY_OUTCOME_DENIED)
    assert (seen.subject, seen.type) == (ADA, activity_pb2.ACTIVITY_TYPE_INTEGRATION)
    assert not await timeline(club, action="session.opened")


async def test_an_auditor_records_nothing(club: Club) -> None:
    """Who looks into the log must not be able to write it."""
    auditor = club.served.client(club.served.key("auditor", Role.AUDITOR))
    answer = await told(club.activity(auditor))
    assert (answer.reason, answer.facts["permission"]) == ("PERMISSION_MISSING", "ACTIVITIES_RECORD")


async def test_a_source_that_is_not_said_is_the_api_or_the_platform_where_somebody_is_named(club: Club) -> None:
    """As with every other change; and one that is said stays as it was said."""
    asked: list[dict[str, Any]] = [
        {},
        {"reason": WHY},
        {"reason": WHY, "source": activity_pb2.ACTIVITY_SOURCE_PHYSICAL},
    ]
    recorded = [(await club.activity(**more)).activity for more in asked]
    assert [source_word(one.source) for one in recorded] == ["API", "PLATFORM", "PHYSICAL"]
    assert {one.actor.display_name for one in recorded} == {"till"}


async def test_no_caller_takes_a_name_that_fealty_itself_uses(club: Club) -> None:
    """`points.spent` that no points belong to, and `key.revoked` of a key that still opens, would be lies."""
    names = sorted({kind.action for kind in (*OWN, *(method.kind for method in methods()))})
    answered = await results(club.admin, [visit(action=name) for name in names])
    assert {refusal_of(result).reason for result in answered} == {"ACTION_RESERVED"}
    assert len(names) > 60
    answer = await told(club.activity(action="points.spent"))
    assert (answer.code, answer.facts) == (StatusCode.INVALID_ARGUMENT, {"action": "points.spent"})


async def test_nobody_records_in_a_program_that_is_not_his(club: Club) -> None:
    """Nor learns whether there is one; of his own, what there is not."""
    await club.admin.programs.CreateProgram(program("tea"))
    stranger = club.served.client(club.served.key("stranger", Role.SERVICE, "tea"))
    for parent in (ADA, NAME):
        assert (await told(club.activity(stranger, parent=parent))).reason == "PROGRAM_NOT_FOUND"
    assert (await told(club.activity(parent="programs/cocoa"))).reason == "PROGRAM_NOT_FOUND"
    assert (await told(club.activity(parent="programs/cocoa/customers/ada"))).reason == "PROGRAM_NOT_FOUND"
    answer = await told(club.activity(stranger, parent="programs/tea/customers/ada"))
    assert (answer.reason, answer.facts) == ("CUSTOMER_NOT_FOUND", {"program": "programs/tea"})
    assert not await timeline(club, "-", action="visit.started")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "visit"),
        ("action", "Visit.started"),
        ("action", "visit.started.late"),
        ("action", "visit of ada@example.org"),
        ("action", f"visit.{'a' * 32}"),
        ("category", 0),
        ("category", 99),
        ("type", 0),
        ("source", 99),
        ("event", 9),
        ("outcome", activity_pb2.ACTIVITY_OUTCOME_INVALID),
        ("related", "4711"),
        ("related", "bookings/"),
        ("related", "bookings/47 11"),
        ("related", "customers/ada@example.org"),
        ("related", "bookings/../../etc"),
        ("related", "bookings/4711\n"),
        ("related", "a/1/b/2/c/3/d/4/e/5"),
        ("related", f"bookings/{'1' * 162}"),
        ("related", f"{'a' * 32}/{'1' * 161}/{'a' * 32}/{'1' * 161}/{'a' * 32}/{'1' * 161}"),
        ("facts", {"guest": "Ada Lovelace"}),
        ("facts", {"guest": "ada@example.org"}),
        ("facts", {"phone": "+420601123456"}),
        ("facts", {"guest": ""}),
        ("facts", {"guest": "\0"}),
        ("facts", {"guest": "a" * 65}),
        ("facts", {"Guest of Ada": "1"}),
        ("facts", {f"f{number}": "1" for number in range(17)}),
        ("figures", {"nights": 2**53 + 1}),
        ("figures", {"nights": -(2**53) - 1}),
        ("figures", {"nights of Ada": 1}),
        ("figures", {f"f{number}": 1 for number in range(17)}),
        ("parent", "bookings/4711"),
        ("reason", receipt_pb2.Reason(note="Ada came by")),
    ],
)
async def test_what_is_no_code_is_refused_and_stays_out_of_the_log(club: Club, field: str, value: Any) -> None:
    """The body of a record is kept for years and hashed: there is no way to take a name out of it again."""
    request = visit()
    target = getattr(request, field) if isinstance(value, dict) else None
    if target is not None:
        target.update(value)
    elif isinstance(value, receipt_pb2.Reason):
        request.reason.CopyFrom(value)
    else:
        setattr(request, field, value)
    answer = await told(club.till.audit.RecordActivity(request))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert any(name.startswith(field) for name in answer.fields)
    assert not club.served.rows("SELECT FROM activity WHERE body ~ 'example.org|Lovelace|420601|/etc'")
    assert not await timeline(club, action="visit.started")


async def test_what_people_wrote_lies_beside_the_record(club: Club) -> None:
    """The reason's note is about somebody; it is kept where it can be forgotten."""
    recorded = await club.activity(reason=WHY)
    assert plain(recorded.activity.details) == {"reason_code": "GOODWILL", "admin": "u-17"}
    assert club.served.rows("SELECT note FROM activity_note") == [(NOTE,)]
    assert not club.served.rows("SELECT FROM activity WHERE strpos(body, 'Gwendolyn') > 0")
