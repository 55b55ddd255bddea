"""The record of an act: the same bytes for the same act, nothing about persons, and columns that repeat the body."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import NoneType
from uuid import UUID

import pytest

from rules.access import ActorType, Role
from rules.activity import POINTS_EXPIRED, Kind, by_time
from rules.programs import PendingMode, PendingPolicy
from rules.refusals import ExternalIdTaken
from storage.access.commands import create_key, revoke_key
from storage.activity.commands import BODY_VERSION, Outcome, Scope, record
from storage.activity.recorder import Act
from storage.activity.records import ActivityRow
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.queries import ExternalId, Profile
from storage.engine.database import Database
from storage.engine.unit import run, transaction
from storage.programs.commands import UpdateProgram
from tests.storage.blocking import record as record_acts
from tests.storage.scene import ORIGIN, SETTINGS, Scene, asked

PERSON = Profile(
    "Gwendolyn Featherstone", "gwen@featherstone.example", "+420601123456", "cy", (ExternalId("crm", "FEATHER-77"),)
)
MOVED = Profile("Gwendolyn Quillfeather", "gq@quill.example", "+4479460001", "kw", (ExternalId("crm", "QUILL-8"),))


@pytest.fixture
def scene(database: Database) -> Scene:
    """One customer."""
    return Scene(database)


def test_a_body_is_json_with_its_keys_in_order_at_every_depth(scene: Scene) -> None:
    """It is hashed byte for byte: an outsider who writes the same act must come to the same hash."""
    _everything_happens(scene)
    bodies = scene.bodies()
    assert len({json.loads(body)["action"] for body in bodies}) >= 6
    for body in bodies:
        assert body == json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_a_body_holds_no_number_that_two_machines_could_write_differently(scene: Scene) -> None:
    """Floats have many spellings; whole numbers have one."""
    _everything_happens(scene)
    for body in scene.bodies():
        json.loads(body, parse_float=_refuse, parse_constant=_refuse)


def test_the_columns_repeat_the_body(scene: Scene) -> None:
    """Whoever searches by a column must find what the body says, for only the body is proven."""
    _everything_happens(scene)
    for row in ActivityRow.select():
        body = json.loads(row.body)
        assert (str(row.id), BODY_VERSION) == (body["id"], body["v"])
        for column in ("action", "category", "type", "source", "module", "outcome"):
            assert getattr(row, column) == body[column]
        assert (row.actor_type, row.actor) == (body["actor"]["type"], body["actor"]["id"])
        assert row.occurred_at == datetime.fromisoformat(body["occurred_at"])
        assert row.recorded_at == datetime.fromisoformat(body["recorded_at"])
        told = (row.subject, row.details) if row.event else (body["subject"], body["details"])
        assert told == (body["subject"], body["details"])
        assert row.event or (row.subject, row.details) == (None, None)
    # Byte for byte: numbers stay numbers, and keys in their order.
    same = "SELECT bool_and(details::text = (body::json -> 'details')::text) FROM activity WHERE event IS NOT NULL"
    assert scene.rows(same) == [(True,)]


def test_nothing_about_a_person_is_kept_outside_the_customers_own_tables(scene: Scene) -> None:
    """What is hashed can never be erased: a name in it would stay for ever."""
    _everything_happens(scene)
    words = [word for profile in (PERSON, MOVED) for word in (*profile[:3], profile.external_ids[0].external_id)]
    kept = scene.contents()
    assert any(word in str(kept["customer"]) for word in words)
    assert kept["personal_value"]
    for table in kept.keys() - {"customer", "customer_external_id"}:
        # Bytes are shown as hexadecimal digits.
        forms = [*words, *(word.encode().hex() for word in words)]
        assert not [form for form in forms if form in str(kept[table])], table


def test_of_a_changed_person_the_record_names_the_fields_only(scene: Scene) -> None:
    """Enough to see what was touched, and to prove what it was; the values lie where they can be erased."""
    _everything_happens(scene)
    [created, updated] = [json.loads(body) for body in scene.bodies() if '"customer.' in body and "gwen" in body]
    fields = ["display_name", "email", "phone_number", "language_code", "external_ids"]
    for body, befores in ((created, {NoneType}), (updated, {dict})):
        assert [(change["field"], change["kind"]) for change in body["changes"]] == [(f, "WITHHELD") for f in fields]
        assert {type(change["before"]) for change in body["changes"]} == befores
        assert all(list(change["after"]) == ["$personal"] for change in body["changes"])


def test_of_changed_settings_the_record_tells_before_and_after(scene: Scene) -> None:
    """ "Time zone updated from Europe/Prague → Asia/Tokyo": settings are the business's own."""
    _everything_happens(scene)
    [body] = [json.loads(body) for body in scene.bodies() if '"program.updated"' in body]
    assert {"after": "Asia/Tokyo", "before": "Europe/Prague", "field": "time_zone", "kind": "TEXT"} in body["changes"]
    assert {"after": 7, "before": 10, "field": "cards.slow.pending.days", "kind": "DURATION"} in body["changes"]


def test_a_change_that_fails_leaves_no_record(scene: Scene) -> None:
    """A change and its record are one transaction: both or none."""
    scene.carry_out(CreateCustomer("coffee", "gwen", PERSON, asked("gwen")))
    before = scene.contents()
    with pytest.raises(ExternalIdTaken):
        scene.carry_out(CreateCustomer("coffee", "other", PERSON, asked("other")))
    assert scene.contents() == before


def test_what_changed_nothing_is_recorded_under_whom_it_was_about(scene: Scene) -> None:
    """A refused or denied call is found in the timeline of its customer; one about nobody we know is kept too."""
    origin = ORIGIN._replace(kind=Kind("customer.read", "CUSTOMERS", "ACCESS"))
    acts = [
        Act(origin, Outcome.SUCCEEDED, "programs/coffee/customers/ada", "coffee", "ada", {"b": 1, "a": 2}, "r-1"),
        Act(origin, Outcome.DENIED, "programs/coffee/customers/eve", "coffee", "eve"),
        Act(origin, Outcome.INVALID, "programs/tea", "tea"),
    ]
    ids = record_acts(scene.database, acts)
    found = {str(row.id): row for row in ActivityRow.select().where(ActivityRow.action == "customer.read")}
    rows = [found[str(identity)] for identity in ids]
    assert [row.outcome for row in rows] == ["SUCCEEDED", "DENIED", "INVALID"]
    assert [row.program for row in rows] == [scene.program.id, scene.program.id, None]
    assert rows[0].customer is not None
    assert rows[1].customer is rows[2].customer is None
    assert json.loads(rows[0].body)["request_id"] == "r-1"


def test_a_record_carries_the_instant_of_the_act_and_that_of_the_writing(scene: Scene) -> None:
    """A point expires at midnight however late it is noticed; both instants are kept."""
    midnight = datetime(2025, 3, 1, tzinfo=UTC)
    with transaction(scene.database) as unit:
        activity = record(unit, by_time(POINTS_EXPIRED), "s", Scope(), midnight, details={"b": {"d": 1, "c": [2]}})
        now = unit.now
    row = ActivityRow.get_by_id(UUID(activity))
    assert (row.occurred_at, row.recorded_at, row.actor_type) == (midnight, now, ActorType.SYSTEM)
    assert '"details":{"b":{"c":[2],"d":1}}' in row.body


def _everything_happens(scene: Scene) -> None:
    """One act of each kind that storage records."""
    created, updated = (asked(PERSON, action=action) for action in ("customer.created", "customer.updated"))
    scene.carry_out(CreateCustomer("coffee", "gwen", PERSON, created))
    scene.carry_out(UpdateCustomer("coffee", "gwen", "", MOVED._asdict(), updated))
    cards = (SETTINGS.cards[0], replace(SETTINGS.cards[1], pending=PendingPolicy(PendingMode.DELAY, 7)))
    changes = {"time_zone": "Asia/Tokyo", "cards": cards}
    scene.carry_out(UpdateProgram("coffee", "", changes, asked(changes, action="program.updated")))
    key = run(scene.database, lambda unit: create_key(unit, "till", Role.SERVICE, "coffee"))
    assert run(scene.database, lambda unit: revoke_key(unit, key.key.id))
    scene.earn(100, name="gwen", card="slow")
    scene.advance(timedelta(days=100))
    scene.sweep()
    scene.earn(50, name="gwen")
    scene.do(scene.spending(20, name="gwen", reference="order 7"))


def _refuse(text: str) -> None:
    raise AssertionError(f"{text} stands in a body")
