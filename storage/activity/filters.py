"""Which activities: what a filter asks, and the same as conditions on rows of the log.

Listing, following, counting and exporting ask with the same filter, so that their numbers cannot drift apart.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from rules.access import Caller
from rules.words import NOTHING, TextQuery
from storage.access.queries import NAMED
from storage.activity.queries import people, scope


@dataclass(frozen=True, slots=True)
class Filter:
    """All of it must match; of several values one must; what is empty asks nothing.

    `actors` are ids of callers, `actor_names` what callers are called today: either will do. `customers` are pairs of
    public ids, of a program and of a customer of it. A `changed_field` is a field as its change has it, or what follows
    one of its dots; it, `values_before` and `values_after` (texts) must hold of one change. `actions_of_events` are the
    actions that are one of the `events`: a record of before says its event by its action only. `reason_codes` are those
    of callers and of refusals. `shown` is a customer, by the public ids of the program and its own: what showed
    something of that person, also under names that were merged into it.
    """

    categories: Sequence[str] = ()
    types: Sequence[str] = ()
    events: Sequence[str] = ()
    actions_of_events: Sequence[str] = ()
    actions: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    actors: Sequence[str] = ()
    actor_names: Sequence[str] = ()
    actor_types: Sequence[str] = ()
    roles: Sequence[str] = ()
    sources: Sequence[str] = ()
    modules: Sequence[str] = ()
    subjects: Sequence[str] = ()
    subject_kinds: Sequence[str] = ()
    customers: Sequence[tuple[str, str]] = ()
    related: Sequence[str] = ()
    addresses: Sequence[str] = ()
    request_ids: Sequence[str] = ()
    trace_ids: Sequence[str] = ()
    reason_codes: Sequence[str] = ()
    changed_fields: Sequence[str] = ()
    values_before: Sequence[str] = ()
    values_after: Sequence[str] = ()
    shown: tuple[str, str] | None = None
    text: TextQuery = NOTHING
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None


# A condition, and what belongs in its places.
Condition = tuple[str, list[Any]]


class Conditions(NamedTuple):
    """A filter as SQL about rows of `activity` called `a`.

    `between` bounds `recorded_at`, in whose order the log is read: what is outside is not even looked at. `matching` is
    asked of each entry that is looked at. `customers` are internal ids, where it names any: no others match; `shown`
    are those of the person of whom something was shown. `wanted` is no SQL: finding.py looks for it, or words.py tells
    of an activity whether it matches.
    """

    between: Sequence[Condition]
    matching: Sequence[Condition]
    customers: Sequence[int]
    wanted: TextQuery = NOTHING
    shown: Sequence[int] = ()


ALL = Conditions((), (), ())


def conditions(filters: Iterable[Filter], caller: Caller) -> Conditions:
    """What matches all of some filters. Raises ProgramNotFound, CustomerNotFound for customers that one names."""
    between: list[Condition] = []
    matching: list[Condition] = []
    customers: list[int] = []
    shown: list[int] = []
    asked = list(filters)
    for wanted in asked:
        if wanted.recorded_from is not None:
            between.append(("a.recorded_at >= %s", [wanted.recorded_from]))
        if wanted.recorded_before is not None:
            between.append(("a.recorded_at < %s", [wanted.recorded_before]))
        if wanted.customers:
            found = [scope(program, customer, caller).customer for program, customer in wanted.customers]
            customers = [number for number in found if number is not None]
            matching.append(("a.customer = ANY(%s)", [customers]))
        if wanted.shown is not None:
            person = people(scope(*wanted.shown, caller))
            shown = list(person)
            matching.append((_SHOWN, [shown, list(person.values())]))
        matching += _of_columns(wanted)
        matching += _of_body(wanted)
    return Conditions(between, matching, customers, text_of(asked), shown)


def text_of(filters: Iterable[Filter]) -> TextQuery:
    """The text of all of some filters."""
    texts = [wanted.text for wanted in filters]
    words, phrases = chain.from_iterable(one.words for one in texts), chain.from_iterable(one.phrases for one in texts)
    return TextQuery(tuple(dict.fromkeys(words)), tuple(dict.fromkeys(phrases)))


def _of_columns(wanted: Filter) -> Iterator[Condition]:
    for name, column in _COLUMNS.items():
        if values := getattr(wanted, name):
            yield f"a.{column} = ANY(%s)", [list(values)]
    if wanted.actors or wanted.actor_names:
        yield _ACTORS, [list(wanted.actors), list(wanted.actor_names)]


def _of_body(wanted: Filter) -> Iterator[Condition]:
    if wanted.events:
        yield _EVENTS, [list(wanted.events), list(wanted.actions_of_events)]
    for name, told in _TOLD.items():
        if values := list(getattr(wanted, name)):
            yield told, [values] * told.count("%s")
    if changes := list(_of_change(wanted)):
        told = " AND ".join(sql for sql, _ in changes)
        yield _CHANGES.format(told=told), [value for _, values in changes for value in values]


def _of_change(wanted: Filter) -> Iterator[Condition]:
    if fields := list(wanted.changed_fields):
        yield _CHANGED_FIELD, [fields, fields]
    for side in ("before", "after"):
        if values := getattr(wanted, f"values_{side}"):
            yield _VALUE.format(side=side), [list(values)]


_COLUMNS = {
    "categories": "category",
    "types": "type",
    "actions": "action",
    "outcomes": "outcome",
    "actor_types": "actor_type",
    "sources": "source",
    "modules": "module",
}

_ACTORS = f"(a.actor = ANY(%s) OR a.actor = ANY(ARRAY(SELECT id FROM ({NAMED}) AS named WHERE name = ANY(%s))))"  # noqa: S608

_BODY = "a.body::jsonb"

# Of an event of the customer's history it stands in a column, too; and of what has no customer, in an index.
SUBJECT = f"coalesce(a.subject, {_BODY} ->> 'subject')"

_EVENTS = "(a.kind_event = ANY(%s) OR (a.kind_event IS NULL AND a.action = ANY(%s)))"

# What a record tells, by the field of the filter.
_TOLD = {
    "subjects": f"{SUBJECT} = ANY(%s)",
    "subject_kinds": f"split_part({SUBJECT}, '/', -2) = ANY(%s)",
    "roles": f"{_BODY} #> '{{actor,roles}}' ?| %s",
    "addresses": f"{_BODY} #>> '{{actor,ip}}' = ANY(%s)",
    "request_ids": f"{_BODY} ->> 'request_id' = ANY(%s)",
    "trace_ids": f"{_BODY} ->> 'trace_id' = ANY(%s)",
    "related": (
        f"({_BODY} #>> '{{details,related}}' = ANY(%s) OR {_BODY} #>> '{{details,transaction}}' = ANY(%s)"
        f" OR jsonb_path_query_array({_BODY}, '$.details.**.coupon') ?| %s)"
    ),
    "reason_codes": (
        f"({_BODY} #>> '{{details,reason_code}}' = ANY(%s) OR {_BODY} #>> '{{details,reason}}' = ANY(%s))"
    ),
}

# Of lists the record has whom they showed. An export of the program's log has everybody, unless it was filtered: then
# nobody knows. What else is about the program as a whole names nobody.
_SHOWN = (
    f"(a.customer = ANY(%s) OR (a.customer IS NULL AND ({_BODY} #> '{{details,customers}}' ?| %s"
    f" OR ({_BODY} ->> 'type' = 'EXPORT' AND {_BODY} #> '{{details,filter}}' = '[]'))))"
)

_CHANGES = "EXISTS (SELECT FROM jsonb_array_elements(a.body::jsonb -> 'changes') AS c WHERE {told})"

# Compared letter by letter: what somebody types is no pattern.
_CHANGED_FIELD = """
(c ->> 'field' = ANY(%s) OR EXISTS (
    SELECT FROM unnest(%s::text[]) AS asked WHERE right(c ->> 'field', length(asked) + 1) = '.' || asked
))
"""

_VALUE = "(jsonb_typeof(c -> '{side}') IN ('string', 'number', 'boolean') AND c ->> '{side}' = ANY(%s))"
