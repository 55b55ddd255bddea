"""A filter as one line of text, for people who type: a subset of Google's AIP-160.

    line       = [ clause { "AND" clause } ]
    clause     = either | "(" either ")" | value { value }
    either     = comparison { "OR" comparison }
    comparison = field relation ( value | "(" value { "OR" value } ")" )
    relation   = "=" | ":" | ">=" | ">" | "<=" | "<"
    value      = word | '"' text '"' | "'" text "'"

As there, OR binds before AND. It joins values of one field; each field stands in one clause. `:` means what `=` does;
the other four are for `record_time`, which is compared with a day or an instant and may stand in several clauses. What
is compared with nothing is the text: words that must be among those of the entry, and in quotes what must stand in its
sentence. In quotes a backslash makes the next character an ordinary one; a word ends at a space, a quote, a parenthesis
or one of `=<>!`. There is no NOT, and no `!=`. What is compared is data: nothing in it is an operator.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

from fealty.v1 import activity_pb2
from fealty.v1 import audit_pb2 as pb
from server.convert.requests import set_day, set_instant
from server.errors import RequestInvalid

_TEXTS = {
    "action": "actions",
    "actor": "actors",
    "role": "roles",
    "subject": "subjects",
    "subject_kind": "subject_kinds",
    "customer": "customers",
    "related": "related",
    "address": "addresses",
    "request_id": "request_ids",
    "trace_id": "trace_ids",
    "reason_code": "reason_codes",
    "changed_field": "changed_fields",
    "before": "values_before",
    "after": "values_after",
}
_ENUMS: dict[str, tuple[str, Any, str]] = {
    "category": ("categories", activity_pb2.ActivityCategory, "ACTIVITY_CATEGORY_"),
    "type": ("types", activity_pb2.ActivityType, "ACTIVITY_TYPE_"),
    "event": ("events", activity_pb2.ActivityEvent, "ACTIVITY_EVENT_"),
    "outcome": ("outcomes", activity_pb2.ActivityOutcome, "ACTIVITY_OUTCOME_"),
    "actor_type": ("actor_types", activity_pb2.ActorType, "ACTOR_TYPE_"),
    "source": ("sources", activity_pb2.ActivitySource, "ACTIVITY_SOURCE_"),
    "module": ("modules", activity_pb2.AdminModule, "ADMIN_MODULE_"),
}
_FIELDS = sorted((*_TEXTS, *_ENUMS, "record_time", "time_zone"))

_FIELD = re.compile(r"[a-z_]+")
_RELATION = re.compile(r">=|<=|[=:<>]")
_WORD = re.compile(r"""[^\s"'()=<>!]+""")
_COMPARED = re.compile(r"""[a-z_]+\s*[=:<>!]|[^\s"'()=<>!]+\s*[=<>!]""")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"' + r"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_JOINTS = ("AND", "OR", "NOT")
_NEGATION = re.compile(r"NOT\b|!")
_TEXT_MAX = 256  # as the contract has it
# The years that a day of the contract may have.
_YEARS = range(1970, 9001)
# PostgreSQL and Python count instants in these.
_STEP = timedelta(microseconds=1)


def parse(line: str) -> pb.ActivityFilter:
    """The filter that a line means. Raises RequestInvalid, which says at which character what else was expected."""
    parser = _Parser(line)
    parser.line()
    return parser.found


class _Parser:
    """Goes through a line from left to right, and fills a filter."""

    def __init__(self, line: str) -> None:
        self.found = pb.ActivityFilter()
        self._text = line
        self._at = 0
        self._clauses: set[str] = set()

    def line(self) -> None:
        if not self._ended():
            self._clause()
        while not self._ended():
            self._expect("AND", "AND, OR or the end")
            self._clause()

    def _clause(self) -> None:
        if self._take_text():
            return
        closes = self._take_mark("(")
        field = self._comparison("")
        while self._take_joint("OR"):
            self._comparison(field)
        if closes and not self._take_mark(")"):
            self._fail("OR or )")
        self._clauses.add(field)

    def _take_text(self) -> bool:
        """Takes values that stand alone, up to what joins clauses; whether there was one."""
        values = []
        start = self._blank()
        while (value := self._take_alone()) is not None:
            values.append(value)
        text = " ".join(filter(None, (self.found.text, *values)))
        if len(text) > _TEXT_MAX:
            self._fail(f"a text of {_TEXT_MAX} characters at most", start)
        self.found.text = text
        return bool(values)

    def _take_alone(self) -> str | None:
        """A value with no relation behind it."""
        start = self._blank()
        if _QUOTED.match(self._text, start):
            # A quote within is a sign like any other, between words.
            return '"{}"'.format(self._take_value(start).replace('"', " "))
        return self._take_value(start) if self._stands_alone() else None

    def _stands_alone(self) -> bool:
        word = _WORD.match(self._text, self._at)
        # Also of `category:ORDERS`, which is one word but for what it means.
        is_compared = _COMPARED.match(self._text, self._at) is not None
        return word is not None and not is_compared and word[0] not in _JOINTS

    def _comparison(self, joined: str) -> str:
        """Takes one comparison, of the field that those before it in its clause are of; answers the field."""
        start = self._blank()
        field = self._take(_FIELD) or ""
        if field not in _FIELDS:
            self._fail(f"one of the fields {', '.join(_FIELDS)}", start)
        if joined and (field != joined or field == "record_time"):
            self._fail(f"another value of {joined}" if field != joined else "AND between two of record_time", start)
        if field in self._clauses and field != "record_time":
            self._fail(f"{field} once; OR joins its values", start)
        relation_at = self._blank()
        relation = self._take(_RELATION)
        if relation is None:
            self._fail("one of = : >= > <= <" if field == "record_time" else "= or :")
        if relation not in "=:" and field != "record_time":
            self._fail("= or :", relation_at)
        opens = self._take_mark("(")
        self._value(field, relation)
        while opens and self._take_joint("OR"):
            self._value(field, relation)
        if opens and not self._take_mark(")"):
            self._fail("OR or )")
        return field

    def _value(self, field: str, relation: str) -> None:
        start = self._blank()
        value = self._take_value(start)
        if field == "record_time":
            self._set_instant(relation, value, start)
        elif field == "time_zone":
            self._once("time_zone", start)
            self.found.time_zone = value
        elif field in _TEXTS:
            getattr(self.found, _TEXTS[field]).append(value)
        else:
            name, enum, prefix = _ENUMS[field]
            numbers = {word.removeprefix(prefix): number for word, number in enum.items() if number}
            if value.upper() not in numbers:
                self._fail(f"one of {', '.join(numbers)}", start)
            getattr(self.found, name).append(numbers[value.upper()])

    def _set_instant(self, relation: str, value: str, start: int) -> None:
        try:
            if _DAY.fullmatch(value):
                self._set_day(relation, date.fromisoformat(value), start)
                return
            at = datetime.fromisoformat(value)
            if at.tzinfo is None or at.year not in _YEARS:
                raise ValueError
        except ValueError:
            self._fail("a day such as 2026-01-31, or an instant such as 2026-01-31T12:00:00Z", start)
        at = at.astimezone(UTC)
        if relation in (">=", ">", "=", ":"):
            self._bound("start_time", at + _STEP if relation == ">" else at, start)
        if relation in ("<", "<=", "=", ":"):
            self._bound("end_time", at if relation == "<" else at + _STEP, start)

    def _set_day(self, relation: str, day: date, start: int) -> None:
        if day.year not in _YEARS:
            raise ValueError
        one = timedelta(days=1)
        if relation in (">=", ">", "=", ":"):
            self._bound("start_date", day + one if relation == ">" else day, start)
        if relation in ("<", "<=", "=", ":"):
            self._bound("end_date", day - one if relation == "<" else day, start)

    def _bound(self, name: str, value: date, start: int) -> None:
        self._once(name, start)
        fill: Callable[[Any, Any], None] = set_instant if name.endswith("_time") else set_day
        fill(getattr(self.found, name), value)

    def _once(self, name: str, start: int) -> None:
        filled = {field.name for field, _ in self.found.ListFields()}
        if name in filled:
            self._fail(f"{'time_zone' if name == 'time_zone' else 'that side of record_time'} once", start)

    def _take_value(self, start: int) -> str:
        if quoted := _QUOTED.match(self._text, self._at):
            self._at = quoted.end()
            return re.sub(r"\\(.)", r"\1", quoted[1] if quoted[2] is None else quoted[2], flags=re.DOTALL)
        word = self._take(_WORD)
        if word is None or word in _JOINTS:
            self._fail("a value: a word, or a text in quotes", start)
        return word

    def _take_joint(self, joint: str) -> bool:
        start = self._blank()
        if self._take(_WORD) == joint:
            return True
        self._at = start
        return False

    def _expect(self, joint: str, expected: str) -> None:
        if not self._take_joint(joint):
            self._fail(expected)

    def _take_mark(self, mark: str) -> bool:
        self._blank()
        found = self._text.startswith(mark, self._at)
        self._at += found
        return found

    def _take(self, pattern: "re.Pattern[str]") -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def _blank(self) -> int:
        """Passes over spaces; answers where it stands then."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at

    def _ended(self) -> bool:
        return self._blank() == len(self._text)

    def _fail(self, expected: str, at: int | None = None) -> NoReturn:
        where = self._blank() if at is None else at
        told = "there is no NOT and no !=; expected" if _NEGATION.match(self._text, where) else "expected"
        raise RequestInvalid([("filter_text", f"character {where + 1}: {told} {expected}")])
