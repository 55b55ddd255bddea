"""Records: what a table keeps of a noun, said once. Row sets, select lists, decoders and models follow from it."""

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import Raw, json
from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CompositeKey,
    Field,
    IntegerField,
    TextField,
    UUIDField,
)
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField, JSONField

from storage.engine.database import Table
from storage.engine.sets import Row, RowSet

Value = TypeVar("Value")
Key = tuple[Any, ...]

# What the types of values are in the database. Whole numbers that its columns keep in four bytes fit both ways.
_SQL_TYPES: Mapping[type, str] = {int: "bigint", str: "text", bool: "boolean", datetime: "timestamptz"}
_FIELDS: Mapping[str, type[Field]] = {
    "bigint": BigIntegerField,
    "integer": IntegerField,
    "text": TextField,
    "boolean": BooleanField,
    "timestamptz": DateTimeTZField,
    "uuid": UUIDField,
    "jsonb": BinaryJSONField,
    "json": JSONField,
    "bytea": BlobField,
}


class Column(NamedTuple):
    """A column by its SQL type."""

    sql_type: str
    is_nullable: bool = False


class Kind(Generic[Value]):
    """A kind of thing that a transaction has in hand, by a key. What is no more than this is never written."""

    def __init__(self, name: str) -> None:
        self.name = name


class Record(Kind[Value]):
    """A noun in the books.

    `key` names a row. `value` is what the rules know of it: a NamedTuple, each field of which is a column of its name,
    but for those that are kept `elsewhere`, by the SQL that reads them of a row `{0}`. `changes` are the columns that
    may change once the row is made. `beside` are columns that no rule reads, or whose SQL type is another than their
    value's; a type that ends in `?` may be null. `apart` are those that statements of their own write. With `recorded`,
    `recorded_at` is the instant of the transaction that made the row. Where a transaction has more in hand than the
    value, that is an `in_hand` with the value in one of its fields, and `also` are columns that are others.

    `made_row` makes a new row of a key, what is in hand and the columns beside, `changed_row` what may have changed.
    """

    def __init__(
        self,
        table: str,
        value: type[Value] | None,
        key: Mapping[str, str],
        changes: Iterable[str] = (),
        beside: Mapping[str, str] | None = None,
        elsewhere: Mapping[str, str] | None = None,
        apart: Mapping[str, str] | None = None,
        recorded: bool = False,
        in_hand: type[Any] | None = None,
        also: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(table)
        self.table = table
        self.value = value
        self.recorded = recorded
        self.key_names = tuple(key)
        self._elsewhere = elsewhere or {}
        fields = _columns(value) if value is not None else {}
        fields = {name: column for name, column in fields.items() if name not in self._elsewhere}
        self.fields = tuple(fields)
        self.columns: dict[str, Column] = {name: _column(sql_type) for name, sql_type in key.items()}
        self.columns.update((name, column) for name, column in fields.items() if name not in key)
        self.columns.update((name, _column(sql_type)) for name, sql_type in {**(also or {}), **(beside or {})}.items())
        self.apart = {name: _column(sql_type) for name, sql_type in (apart or {}).items()}
        self.changes = tuple(name for name in self.columns if name in set(changes))
        self._lists = {name for name, column in fields.items() if column.sql_type == "jsonb"}
        found = self._found(in_hand)
        columns = {name: f"key[{number}]" for number, name in enumerate(key)}
        made = {**{name: found[name] for name in (*fields, *(also or ()))}, **columns}
        changed = {**columns, **{name: path for name, path in made.items() if name in self.changes}}
        self.made_row: Callable[[Key, Value, Mapping[str, Any]], Row] = _row("key, in_hand, beside", made, ", **beside")
        self.changed_row: Callable[[Key, Value], Row] = _row("key, in_hand", changed)

    @cached_property
    def made(self) -> RowSet:
        """How new rows are written."""
        columns = {name: column.sql_type for name, column in self.columns.items()}
        return RowSet(self.table, columns, recorded=self.recorded)

    @cached_property
    def changed(self) -> RowSet:
        """How rows that are there are changed."""
        names = (*self.key_names, *self.changes)
        return RowSet(self.table, {name: self.columns[name].sql_type for name in names}, keys=self.key_names)

    def changing(self, *names: str, where: Sequence[str] = ()) -> RowSet:
        """How some of the columns that may change are, of rows that are not in hand and agree in those of `where`."""
        assert set(names) <= set(self.changes)
        keys = (*self.key_names, *where)
        return RowSet(self.table, {name: self.columns[name].sql_type for name in (*keys, *names)}, keys=keys)

    @cached_property
    def removed(self) -> RowSet:
        """How rows are removed."""
        columns = {name: self.columns[name].sql_type for name in self.key_names}
        return RowSet(self.table, columns, keys=self.key_names, removes=True)

    @property
    def all_columns(self) -> dict[str, Column]:
        """Every column of the table."""
        recorded = {"recorded_at": Column("timestamptz")} if self.recorded else {}
        return {**self.columns, **self.apart, **recorded}

    def as_json(self, alias: str) -> str:
        """The columns of a value as the text of a JSON array: what `read` takes."""
        return f"json_build_array({self.select(alias)})::text"

    def select(self, alias: str) -> str:
        """The columns of a value, in its order, of the row that is called `alias`: what the decoder reads."""
        assert self.value is not None
        names: Sequence[str] = self.value._fields  # type: ignore[attr-defined]
        return ", ".join(self._selected(name, alias) for name in names)

    @cached_property
    def decoder(self) -> "json.Decoder[list[tuple[Any, ...]] | None]":
        """Decodes rows of [*key, [columns]] as JSON, as (*key, value)."""
        kinds = [self.columns[name].sql_type for name in self.key_names]
        types_ = [int if kind in ("bigint", "integer") else str for kind in kinds]
        row: Any = tuple.__class_getitem__((*types_, self.value))
        return json.Decoder(list[row] | None)

    def decode(self, rows: Raw | str | None) -> list[tuple[Any, ...]]:
        """The same; no rows where there are none."""
        return self.decoder.decode(rows) or [] if rows is not None else []

    @cached_property
    def _value_decoder(self) -> "json.Decoder[Any]":
        return json.Decoder(self.value)

    def read(self, columns: str) -> Any:
        """The value of one row, out of `as_json`."""
        return self._value_decoder.decode(columns)

    @cached_property
    def model(self) -> Any:
        """Peewee's model of the table, for what is read and written a row at a time."""
        fields: dict[str, Any] = {}
        for name, column in self.all_columns.items():
            is_key = self.key_names == (name,)
            fields[name] = _FIELDS[column.sql_type](null=column.is_nullable, primary_key=is_key)
        meta: dict[str, Any] = {"table_name": self.table}
        if len(self.key_names) != 1:
            meta["primary_key"] = CompositeKey(*self.key_names) if self.key_names else False
        return type(f"{self.table.title().replace('_', '')}Row", (Table,), {**fields, "Meta": type("Meta", (), meta)})

    def _found(self, in_hand: type[Any] | None) -> dict[str, str]:
        """Where each field is found in what a transaction has in hand."""
        outer = getattr(in_hand or self.value, "_fields", ())
        found = {name: f"in_hand[{number}]" for number, name in enumerate(outer)}
        if in_hand is not None and self.value is not None:
            [inside] = [name for name, hint in typing.get_type_hints(in_hand).items() if hint is self.value]
            inner: Sequence[str] = self.value._fields  # type: ignore[attr-defined]
            found |= {name: f"{found[inside]}[{number}]" for number, name in enumerate(inner)}
        return {name: f"({path} or None)" if name in self._lists else path for name, path in found.items()}

    def _selected(self, name: str, alias: str) -> str:
        if name in self._elsewhere:
            return self._elsewhere[name].format(alias)
        return f"coalesce({alias}.{name}, '[]')" if name in self._lists else f"{alias}.{name}"


def _columns(value: type[Any]) -> dict[str, Column]:
    return {name: _of_type(hint) for name, hint in typing.get_type_hints(value).items()}


def _of_type(hint: Any) -> Column:
    if isinstance(hint, types.UnionType):
        [one] = [part for part in hint.__args__ if part is not type(None)]
        return Column(_of_type(one).sql_type, is_nullable=True)
    if typing.get_origin(hint) is tuple:
        return Column("jsonb", is_nullable=True)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Column("text")
    return Column(_SQL_TYPES[hint])


def _column(sql_type: str) -> Column:
    return Column(sql_type.removesuffix("?"), sql_type.endswith("?"))


def _row(parameters: str, columns: Mapping[str, str], more: str = "") -> Callable[..., Row]:
    """A function that makes rows. It is compiled, as named tuples are: five rows a purchase are a tenth of its time."""
    items = ", ".join(f"{name!r}: {path}" for name, path in columns.items())
    made: Callable[..., Row] = eval(f"lambda {parameters}: {{{items}{more}}}")  # noqa: S307 - our own words
    return made
