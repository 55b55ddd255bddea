"""Reads the activity log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec
from peewee import JOIN

from rules.access import Caller, Permission
from rules.refusals import ActivityNotFound, CustomerNotFound, ProgramNotFound
from rules.sentences import NO_NOUNS, Nouns, Person, people_of, program_of
from storage.access.queries import called, users_named
from storage.activity import dropped
from storage.activity.commands import Scope
from storage.activity.records import ActivityRow
from storage.customers.records import CustomerRow
from storage.engine.database import Connection, handle
from storage.engine.keyring import Keyring
from storage.personal import queries as personal
from storage.personal.queries import PersonalChange
from storage.programs import nouns as program_nouns
from storage.programs.records import ProgramRow


class Activity(NamedTuple):
    """One act, as its body has it. `actor_name` is what its actor is called today, empty where it was no caller;
    `nouns` are what its program calls things today."""

    id: UUID
    body: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime
    actor_name: str
    nouns: Nouns = NO_NOUNS


def scope(program_id: str, customer_id: str, caller: Caller) -> Scope:
    """The internal ids of a program and, where one is named, of a customer of it.

    Raises ProgramNotFound, also where the caller may not know of it, and CustomerNotFound.
    """
    query = ProgramRow.select(ProgramRow.id, ProgramRow.program_id).where(ProgramRow.program_id == program_id)
    program = query.first() if caller.sees(program_id) else None
    if program is None:
        raise ProgramNotFound(program=program_id)
    return Scope(int(program.id), _customer(program, customer_id) if customer_id else None)


def people(whose: Scope) -> dict[int, str]:
    """A customer and all that were merged into it: their public ids by the internal ones."""
    books = cast(Connection, handle.connection())
    return dict(books.execute(_PERSON, [whose.customer]).fetchall())


class OneActivity(NamedTuple):
    """One activity, and the public ids of whose it is: empty where it concerned no program or no customer. `personal`
    are the values of personal fields that it changed, and `note` what people wrote of its reason, where the caller may
    see them and they were not erased."""

    activity: Activity
    program: str
    customer: str
    personal: Mapping[str, PersonalChange]
    note: str = ""


def get(connection: Connection, activity: UUID | None, name: str, caller: Caller, keyring: Keyring) -> OneActivity:
    """One activity, called `name`; None has no row. Raises ActivityNotFound, also where the caller may not see it."""
    columns = (ActivityRow.id, ActivityRow.body, ActivityRow.occurred_at, ActivityRow.recorded_at)
    query = ActivityRow.select(*columns, ProgramRow.program_id, CustomerRow.customer_id)
    query = query.join(ProgramRow, JOIN.LEFT_OUTER, on=(ProgramRow.id == ActivityRow.program))
    query = query.join(CustomerRow, JOIN.LEFT_OUTER, on=(CustomerRow.id == ActivityRow.customer))
    row = query.where(ActivityRow.id == activity).tuples().first()
    if row is None or not _shows(row[4], caller):
        raise ActivityNotFound(activity=name)
    [found] = from_rows([row])
    if row[4]:
        is_shown = caller.may(Permission.ACTIVITIES_PERSONAL_READ, row[4])
    else:
        is_shown = caller.may_everywhere(Permission.ACTIVITIES_PERSONAL_READ)
    values = personal.changes(connection, found.id, keyring) if is_shown else {}
    notes = connection.execute("SELECT note FROM activity_note WHERE activity = %s", (found.id,)) if is_shown else ()
    return OneActivity(found, row[4] or "", row[5] or "", values, "".join(note for (note,) in notes))


def _shows(program_id: str | None, caller: Caller) -> bool:
    """Whether the caller may see what was done in a program or, where there is none, to none of them."""
    if program_id is None:
        return caller.may_everywhere(Permission.ACTIVITIES_READ)
    return caller.may(Permission.ACTIVITIES_WATCH, program_id)


def from_rows(rows: Iterable[Any]) -> list[Activity]:
    """Activities out of (id, body, occurred_at, recorded_at, …)."""
    found = list(rows)
    left = dropped.bodies([row[0] for row in found if row[1] is None])
    read = [(row, left[row[0]] if row[1] is None else msgspec.json.decode(row[1])) for row in found]
    names = _names({body["actor"]["id"] for _, body in read})
    nouns = program_nouns.current({program_of(body["subject"]) for _, body in read} - {"", "-"})
    persons = _people(set().union(*(people_of(body) for _, body in read)))
    return [
        Activity(
            row[0],
            body,
            row[2],
            row[3],
            names.get(body["actor"]["id"], ""),
            _told(nouns.get(program_of(body["subject"]), NO_NOUNS), body, persons),
        )
        for row, body in read
    ]


def one_by_one(rows: Sequence[Any]) -> Iterator[tuple[Any, Activity]]:
    """Each of many rows with its activity: only one is held in memory as more than its text, but for those whose bodies
    were dropped, which are small."""
    left = dropped.bodies([row[0] for row in rows if row[1] is None])
    names: dict[str, str] = {}
    nouns: dict[str, Nouns] = {}
    persons: dict[str, Person] = {}
    for row in rows:
        body: dict[str, Any] = left[row[0]] if row[1] is None else msgspec.json.decode(row[1])
        actor, program = body["actor"]["id"], program_of(body["subject"])
        if actor not in names:
            names[actor] = _names({actor}).get(actor, "")
        if program not in nouns:
            nouns[program] = program_nouns.current({program} - {"", "-"}).get(program, NO_NOUNS)
        persons |= _people(people_of(body).difference(persons))
        told = _told(nouns[program], body, persons)
        yield row, Activity(row[0], body, row[2], row[3], names[actor], told)


def _names(callers: set[str]) -> dict[str, str]:
    # On this thread's connection. Each page asks: Peewee takes longer to say it than the database to answer.
    books = cast(Connection, handle.connection())
    return called(books, callers)


def _people(users: set[str]) -> dict[str, Person]:
    return users_named(cast(Connection, handle.connection()), users) if users else {}


def _told(nouns: Nouns, body: Mapping[str, Any], found: Mapping[str, Person]) -> Nouns:
    """The nouns with the users that the activity speaks of; most speak of none."""
    named = people_of(body) if found else ()
    return nouns._replace(people={one: found[one] for one in named if one in found}) if named else nouns


def _customer(program: ProgramRow, customer_id: str) -> int:
    found = CustomerRow.get_or_none((CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id))
    if found is None:
        raise CustomerNotFound(program=program.program_id)
    return int(found.id)


_PERSON = """
WITH RECURSIVE person (id, customer_id) AS (
    SELECT id, customer_id FROM customer WHERE id = %s
    UNION ALL
    SELECT c.id, c.customer_id FROM person JOIN customer c ON c.merged_into = person.id
)
SELECT id, customer_id FROM person
"""
