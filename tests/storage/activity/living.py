"""A log of everything that a filter can tell apart, made by chance and yet the same each time; and what a reader would
pick from it by hand."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from rules.access import ActorType, Role, in_role
from rules.activity import Change, Kind, Origin
from storage.access.commands import create_key
from storage.access.records import CallerRow
from storage.activity.commands import Outcome, Scope, record
from storage.activity.filters import Filter
from storage.activity.records import ActivityRow
from storage.customers.commands import CreateCustomer
from storage.customers.queries import Profile
from storage.customers.records import CustomerRow
from storage.engine.database import Database
from storage.engine.unit import run, transaction
from storage.programs.commands import CreateProgram
from storage.programs.records import ProgramRow
from tests.storage.scene import SETTINGS, START, Scene, asked

# Who reads the log, all of it.
READER = in_role("caller_1", "back office", Role.ADMINISTRATOR)

PROGRAMS = ("coffee", "tea", "")
CUSTOMERS = ("ada", "ben", "")
KINDS = (
    Kind("customer.updated", "CUSTOMERS", "DATA", "MEMBERS"),
    Kind("transaction.recorded", "ORDERS", "ORDER"),
    Kind("program.updated", "SYSTEM", "SETTINGS", "PROGRAM_SETTINGS"),
    Kind("customer.read", "CUSTOMERS", "ACCESS", event=""),
    # Callers may call what they record by any name, and say of each what it was.
    Kind("visit.started", "CUSTOMERS", "VISIT", event="CREATED"),
    Kind("visit.started", "BOOKINGS", "VISIT", event="DELETED"),
)
ADDRESSES = ("10.0.0.1", "2001:db8::7", "")
FIELDS = ("points.active", "stars.active", "time_zone", "active", "email", "%", "it's")
VALUES: tuple[Any, ...] = (None, 0, 1, 12, True, False, "12", "true", "Europe/Prague", "'; --", ["12"], {"a": 1})
BELOW = ("", "/accounts/points", "/transactions/t-1", "/accounts/points/lots/1")
RELATED = ("bookings/4711", "carts/7", "")
CODES = ("goodwill", "POINTS_INSUFFICIENT", "")
# Many are recorded at one instant, and stand in the order of their ids.
AT_ONCE = 9


class Entry(NamedTuple):
    """An activity as a reader of the table sees it, with the public ids of whose it is; empty where it is nobody's."""

    id: Any
    recorded_at: Any
    program: str
    customer: str
    body: dict[str, Any]
    actor_name: str


def lived(database: Database, count: int = 300, seed: int = 7) -> list[Entry]:
    """Programs, customers, callers, and so many acts of theirs; answers the whole log, the oldest first."""
    scene = Scene(database, "ada", "ben")
    scene.carry_out(CreateProgram("tea", SETTINGS, START, asked("tea")))
    for name in ("ada", "ben"):
        scene.carry_out(CreateCustomer("tea", name, Profile(), asked(f"tea {name}")))
    for name in ("till", "desk"):
        run(database, partial(create_key, name=name, role=Role.SERVICE))
    act_by_chance(database, random.Random(seed), count)
    return entries()


def act_by_chance(
    database: Database, chance: random.Random, count: int, at: Callable[[], datetime] | None = None
) -> None:
    """So many acts more, recorded now, or when `at` says."""
    programs = {row.program_id: int(row.id) for row in ProgramRow.select()}
    customers = {(row.program, row.customer_id): int(row.id) for row in CustomerRow.select()}
    callers = [row.id for row in CallerRow.select()]
    while count > 0:
        with transaction(database) as unit:
            unit.now = at() if at is not None else unit.now
            for _ in range(min(count, chance.randint(1, AT_ONCE))):
                count -= 1
                program, customer = chance.choice(PROGRAMS), chance.choice(CUSTOMERS)
                number = programs.get(program)
                name = "/".join(filter(None, (f"programs/{program or 'gone'}", customer and f"customers/{customer}")))
                record(
                    unit,
                    _origin(chance, callers),
                    name + chance.choice(BELOW if customer else ("", "/cards/points")),
                    Scope(number, customers.get((number, customer))),
                    unit.now - timedelta(minutes=chance.randint(0, 9)),
                    chance.choice(list(Outcome)),
                    [Change(chance.choice(FIELDS), *chance.choices(VALUES, k=2)) for _ in range(chance.randint(0, 2))],
                    _details(chance),
                    request_id=chance.choice(("", "r-1", "r-2")),
                    event=chance.choice(("", "visit")) if customer and program else "",
                )


def _origin(chance: random.Random, callers: list[str]) -> Origin:
    actor, trace_id = chance.choice([*callers, "operator", ""]), chance.choice(("t-1", "t-2", ""))
    kind, source = chance.choice(KINDS), chance.choice(("API", "PLATFORM", "AUTOMATED"))
    roles = tuple(chance.choice(((), ("SERVICE",), ("ADMINISTRATOR", "SERVICE"))))
    address = chance.choice(ADDRESSES)
    return Origin(
        chance.choice(list(ActorType)), actor, source, kind, ip_address=address, roles=roles, trace_id=trace_id
    )


def _details(chance: random.Random) -> dict[str, Any]:
    said = {chance.choice(("related", "transaction")): chance.choice(RELATED)}
    return {**said, chance.choice(("reason_code", "reason")): chance.choice(CODES)}


def entries() -> list[Entry]:
    """The whole log, the oldest first."""
    programs = {int(row.id): row.program_id for row in ProgramRow.select()}
    customers = {int(row.id): row.customer_id for row in CustomerRow.select()}
    callers = {row.id: row.name for row in CallerRow.select()}
    found = []
    for row in ActivityRow.select():
        body = json.loads(row.body)
        whose = programs.get(row.program, ""), customers.get(row.customer, "")
        found.append(Entry(row.id, row.recorded_at, *whose, body, callers.get(body["actor"]["id"], "")))
    return sorted(found, key=lambda entry: (entry.recorded_at, entry.id))


def matches(entry: Entry, wanted: Filter) -> bool:
    """Whether a reader would pick it: said once more, with none of the database's words."""
    body, subject, details = entry.body, entry.body["subject"].split("/"), entry.body["details"]
    named = wanted.actors or wanted.actor_names
    return all(
        (
            _among(body["category"], wanted.categories),
            _among(body["type"], wanted.types),
            _among(body["event"], wanted.events),
            _among(body["action"], wanted.actions),
            _among(body["outcome"], wanted.outcomes),
            not named or body["actor"]["id"] in wanted.actors or entry.actor_name in wanted.actor_names,
            _among(body["actor"]["type"], wanted.actor_types),
            not wanted.roles or bool(set(body["actor"]["roles"]) & set(wanted.roles)),
            _among(body["source"], wanted.sources),
            _among(body["module"], wanted.modules),
            _among(body["subject"], wanted.subjects),
            _among(subject[-2] if len(subject) > 1 else "", wanted.subject_kinds),
            _among((entry.program, entry.customer), wanted.customers),
            not wanted.related or bool({details.get("related"), details.get("transaction")} & set(wanted.related)),
            _among(body["actor"]["ip"], wanted.addresses),
            _among(body["request_id"], wanted.request_ids),
            _among(body.get("trace_id"), wanted.trace_ids),
            not wanted.reason_codes
            or bool({details.get("reason_code"), details.get("reason")} & set(wanted.reason_codes)),
            wanted.recorded_from is None or entry.recorded_at >= wanted.recorded_from,
            wanted.recorded_before is None or entry.recorded_at < wanted.recorded_before,
            not (wanted.changed_fields or wanted.values_before or wanted.values_after)
            or any(_changed(change, wanted) for change in body["changes"]),
        )
    )


def _among(value: Any, wanted: Any) -> bool:
    return not wanted or value in wanted


def _changed(change: dict[str, Any], wanted: Filter) -> bool:
    field = change["field"].split(".")
    ends = {".".join(field[start:]) for start in range(len(field))}
    return (
        (not wanted.changed_fields or bool(ends & set(wanted.changed_fields)))
        and _among(_text(change["before"]), wanted.values_before)
        and _among(_text(change["after"]), wanted.values_after)
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
