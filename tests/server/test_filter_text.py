"""A filter as one line: it means what the message means, and what is no filter is told where it stops being one."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from fealty.v1 import activity_pb2, values_pb2
from fealty.v1.audit_pb2 import ActivityFilter
from server.convert import filter_text
from server.errors import RequestInvalid

DAY = values_pb2.Date(year=2026, month=1, day=31)
NEXT = values_pb2.Date(year=2026, month=2, day=1)
BEFORE = values_pb2.Date(year=2026, month=1, day=30)


def _at(micros: int = 0) -> Timestamp:
    """That long after noon of the day."""
    noon = Timestamp()
    noon.FromJsonString("2026-01-31T12:00:00Z")
    noon.FromMicroseconds(noon.ToMicroseconds() + micros)
    return noon


MEANT: dict[str, ActivityFilter] = {
    "": ActivityFilter(),
    "  \n\t ": ActivityFilter(),
    "category = ORDERS": ActivityFilter(categories=["ACTIVITY_CATEGORY_ORDERS"]),
    "category:orders": ActivityFilter(categories=["ACTIVITY_CATEGORY_ORDERS"]),
    'type: ("ORDER" OR DATA)': ActivityFilter(types=["ACTIVITY_TYPE_ORDER", "ACTIVITY_TYPE_DATA"]),
    "outcome=DENIED OR outcome=FAILED": ActivityFilter(outcomes=["ACTIVITY_OUTCOME_DENIED", "ACTIVITY_OUTCOME_FAILED"]),
    "event = DELETED AND (source = API OR source = STAFF) AND module=TIERS": ActivityFilter(
        events=["ACTIVITY_EVENT_DELETED"],
        sources=["ACTIVITY_SOURCE_API", "ACTIVITY_SOURCE_STAFF"],
        modules=["ADMIN_MODULE_TIERS"],
    ),
    "outcome = DENIED AND category = ORDERS OR category = SYSTEM": ActivityFilter(
        outcomes=["ACTIVITY_OUTCOME_DENIED"],
        categories=["ACTIVITY_CATEGORY_ORDERS", "ACTIVITY_CATEGORY_SYSTEM"],
    ),
    r"""actor = "till \"7\" \\" AND action = 'it\'s'""": ActivityFilter(actors=['till "7" \\'], actions=["it's"]),
    "actor_type = STAFF AND address = 2001:db8::7": ActivityFilter(
        actor_types=["ACTOR_TYPE_STAFF"], addresses=["2001:db8::7"]
    ),
    "subject = programs/p/customers/c/transactions/t~1:2 AND subject_kind = lots": ActivityFilter(
        subjects=["programs/p/customers/c/transactions/t~1:2"], subject_kinds=["lots"]
    ),
    "customer = programs/p/customers/c AND changed_field = points.active": ActivityFilter(
        customers=["programs/p/customers/c"],
        changed_fields=["points.active"],
    ),
    "role = ADMINISTRATOR AND related = bookings/4711 AND reason_code = (GOODWILL OR LATE)": ActivityFilter(
        roles=["ADMINISTRATOR"], related=["bookings/4711"], reason_codes=["GOODWILL", "LATE"]
    ),
    "request_id = order-7 AND trace_id = 4bf92f3577b34da6a3ce929d0e0e4736": ActivityFilter(
        request_ids=["order-7"], trace_ids=["4bf92f3577b34da6a3ce929d0e0e4736"]
    ),
    "before = 12 AND after = -5": ActivityFilter(values_before=["12"], values_after=["-5"]),
    'action = "AND" AND actor = "(a OR b)"': ActivityFilter(actions=["AND"], actors=["(a OR b)"]),
    "customer ada": ActivityFilter(text="customer ada"),
    "refund till-71": ActivityFilter(text="refund till-71"),
    "Refund AND (category = ORDERS) AND till-71": ActivityFilter(
        text="Refund till-71", categories=["ACTIVITY_CATEGORY_ORDERS"]
    ),
    r"""'front "desk' 12.50 "category" AND action = a""": ActivityFilter(
        text='"front  desk" 12.50 "category"', actions=["a"]
    ),
    "record_time >= 2026-01-31": ActivityFilter(start_date=DAY),
    'record_time > "2026-01-31"': ActivityFilter(start_date=NEXT),
    "record_time <= 2026-01-31": ActivityFilter(end_date=DAY),
    "record_time < 2026-01-31 AND time_zone = Asia/Tokyo": ActivityFilter(end_date=BEFORE, time_zone="Asia/Tokyo"),
    "record_time = 2026-01-31": ActivityFilter(start_date=DAY, end_date=DAY),
    "record_time >= 2026-01-31T12:00:00Z": ActivityFilter(start_time=_at()),
    "record_time > 2026-01-31T13:00:00+01:00": ActivityFilter(start_time=_at(1)),
    "record_time < 2026-01-31T12:00:00Z": ActivityFilter(end_time=_at()),
    "record_time <= 2026-01-31T12:00:00Z": ActivityFilter(end_time=_at(1)),
    "record_time = 2026-01-31T12:00:00Z": ActivityFilter(start_time=_at(), end_time=_at(1)),
    "record_time >= 2026-01-31 AND record_time < 2026-01-31T12:00:00Z": ActivityFilter(start_date=DAY, end_time=_at()),
}


@pytest.mark.parametrize("line", MEANT)
def test_a_line_means_what_the_message_means(line: str) -> None:
    """Each field and each relation of the grammar."""
    assert filter_text.parse(line) == MEANT[line]


def test_every_field_of_the_message_has_a_word() -> None:
    """What cannot be typed would be looked for in vain by whoever types."""
    said = {field.name for found in MEANT.values() for field, _ in found.ListFields()}
    assert said == {field.name for field in ActivityFilter.DESCRIPTOR.fields}


# What is wrong, at which character, and what is told of what should be there.
WRONG: list[tuple[str, int, str]] = [
    ("refund outcome = DENIED", 8, "AND, OR or the end"),
    ("refund OR till", 8, "AND, OR or the end"),
    ("till:71", 1, "one of the fields"),
    ("refund = ", 1, "one of the fields"),
    ("refund AND", 11, "one of the fields"),
    ('refund "till', 8, "AND, OR or the end"),
    ("a" * 257, 1, "a text of 256 characters at most"),
    ("categry = ORDERS", 1, "one of the fields action, "),
    ("category >= ORDERS", 10, "= or :"),
    ("category = ORDRES", 12, "one of ORDERS, CUSTOMERS, "),
    ("category = UNSPECIFIED", 12, "one of ORDERS"),
    ("category =", 11, "a value"),
    ("category = AND", 12, "a value"),
    ("category = (ORDERS", 19, "OR or )"),
    ("category = (ORDERS, SYSTEM)", 13, "one of ORDERS"),
    ("category = (ORDERS AND SYSTEM)", 20, "OR or )"),
    ("category = ()", 13, "a value"),
    ("(category = ORDERS", 19, "OR or )"),
    ("((category = ORDERS))", 2, "one of the fields"),
    ("category = ORDERS SYSTEM", 19, "AND, OR or the end"),
    ("category = ORDERS and type = DATA", 19, "AND, OR or the end"),
    ("category = ORDERS AND", 22, "one of the fields"),
    ("category = ORDERS OR type = DATA", 22, "another value of category"),
    ("category = ORDERS AND category = SYSTEM", 23, "category once"),
    ("-category = ORDERS", 1, "one of the fields"),
    ('actor = "till', 9, "a value"),
    ("record_time >= yesterday", 16, "a day such as"),
    ("record_time >= 2026-02-30", 16, "a day such as"),
    ("record_time >= 2026-01-31T12:00:00", 16, "a day such as"),
    ("record_time >= 1969-12-31", 16, "a day such as"),
    ("record_time >= 9999-12-31T23:59:59Z", 16, "a day such as"),
    ("record_time > 2026-01-01 AND record_time >= 2026-01-02", 45, "that side of record_time once"),
    ("record_time = 2026-01-01 OR record_time = 2026-01-02", 29, "AND between two of record_time"),
    ("time_zone = (A OR B)", 19, "time_zone once"),
    ("(" * 2000, 2, "one of the fields"),
]


@pytest.mark.parametrize(("line", "at", "expected"), WRONG)
def test_what_is_no_filter_is_told_where_and_why(line: str, at: int, expected: str) -> None:
    """Whoever types must not have to guess. What was typed is not repeated: it may be anything."""
    with pytest.raises(RequestInvalid) as invalid:
        filter_text.parse(line)
    [(field, what)] = invalid.value.violations
    assert field == "filter_text"
    assert what.startswith(f"character {at}: expected {expected}")


NEGATED: list[tuple[str, int]] = [
    ("NOT category = ORDERS", 1),
    ("category = ORDERS AND NOT refund", 23),
    ("refund NOT till", 8),
    ("category = (NOT ORDERS)", 13),
    ("category != ORDERS", 10),
    ("record_time ! 2026-01-31", 13),
]


@pytest.mark.parametrize(("line", "at"), NEGATED)
def test_whoever_negates_is_told_that_it_cannot_be(line: str, at: int) -> None:
    """Else they would look for another way to write it."""
    with pytest.raises(RequestInvalid) as invalid:
        filter_text.parse(line)
    [(_, what)] = invalid.value.violations
    assert what.startswith(f"character {at}: there is no NOT and no !=; expected ")


@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.text("catgory=()\"\\'<>: ANDOR", max_size=60))
def test_no_text_is_more_than_refused(line: str) -> None:
    """Also one that breaks off in a quote, or in the middle of a character."""
    with suppress(RequestInvalid):
        filter_text.parse(line)


_TEXTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=3)
_ENUMS = {
    "category": ("categories", activity_pb2.ActivityCategory, "ACTIVITY_CATEGORY_"),
    "actor_type": ("actor_types", activity_pb2.ActorType, "ACTOR_TYPE_"),
}


@given(
    texts=st.fixed_dictionaries({"actions": _TEXTS, "values_before": _TEXTS, "subjects": _TEXTS}),
    numbers=st.fixed_dictionaries({name: st.lists(st.integers(1, 5), max_size=3) for name in _ENUMS}),
    quote=st.sampled_from("\"'"),
)
def test_what_is_written_as_a_line_is_read_as_it_was(texts: Any, numbers: Any, quote: str) -> None:
    """Any text can be said in quotes, whatever is in it."""
    found = ActivityFilter(**texts)
    words = {"actions": "action", "values_before": "before", "subjects": "subject"}
    clauses = {words[name]: [_quoted(text, quote) for text in values] for name, values in texts.items()}
    for word, (name, enum, prefix) in _ENUMS.items():
        getattr(found, name).extend(numbers[word])
        clauses[word] = [enum.Name(number).removeprefix(prefix) for number in numbers[word]]
    line = " AND ".join(f"{word} = ({' OR '.join(values)})" for word, values in clauses.items() if values)
    assert filter_text.parse(line) == found


def _quoted(text: str, quote: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def test_the_lines_of_the_documentation_are_filters() -> None:
    """Whoever copies one must not be told that it is none."""
    page = (Path(__file__).parents[2] / "docs" / "activities.md").read_text()
    cells = [row.split("|")[3].strip() for row in page.splitlines() if row.startswith("| ")]
    lines = [cell.strip("`") for cell in cells if cell.startswith("`")]
    assert len(lines) == 13
    assert ActivityFilter() not in map(filter_text.parse, lines)
    named = page.partition("The fields: ")[2].partition(".\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", named)) == set(filter_text._FIELDS)
