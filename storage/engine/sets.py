"""Writes rows of many tables as sets: one statement, each table one part of it, each part fed by one JSON array."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import json

from storage.engine.session import Session, Statement

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class RowSet:
    """How rows of one table are written together.

    `columns` maps each column to its SQL type. With `keys`, rows that exist are updated by them, which whoever writes
    them has locked: one that somebody else changes at the same moment would be left out; without, rows
    are inserted, or with `unless_exists` left out where a unique index holds them already. With `removes`, rows are
    removed by them. `recorded` fills the
    column `recorded_at` with the transaction's instant. Values of a row are numbers, text, instants, UUIDs,
    and lists and dicts of them.
    """

    table: str
    columns: Mapping[str, str]
    keys: tuple[str, ...] = ()
    recorded: bool = False
    unless_exists: bool = False
    removes: bool = False

    def part(self, rows: str, now: str) -> str:
        """The SQL that writes the JSON array in parameter `rows`, at the instant in parameter `now`."""
        fields = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        source = f"json_to_recordset({rows}) AS r({fields})"
        if self.removes:
            match = " AND ".join(f"{self.table}.{name} = r.{name}" for name in self.keys)
            return f"DELETE FROM {self.table} USING {source} WHERE {match}"  # noqa: S608
        if self.keys:
            values = ", ".join(f"{name} = r.{name}" for name in self.columns if name not in self.keys)
            match = " AND ".join(f"old.{name} = r.{name}" for name in self.keys)
            # One look-up by key a row, whichever way the planner would rather join two tables of unknown size.
            found = f"(SELECT old.ctid FROM {self.table} AS old WHERE {match} OFFSET 0) AS found"  # noqa: S608
            return (
                f"UPDATE {self.table} SET {values} FROM {source} CROSS JOIN LATERAL {found} "  # noqa: S608
                f"WHERE {self.table}.ctid = found.ctid"
            )
        names = ", ".join([*self.columns, *(["recorded_at"] if self.recorded else [])])
        values = ", ".join([*(f"r.{name}" for name in self.columns), *([now] if self.recorded else [])])
        conflict = " ON CONFLICT DO NOTHING" if self.unless_exists else ""
        return f"INSERT INTO {self.table} ({names}) SELECT {values} FROM {source}{conflict}"  # noqa: S608 - our own words


async def write(session: Session, sets: Mapping[RowSet, Sequence[Row]], now: datetime, commit: bool = False) -> None:
    """Writes all rows in one round trip, in the transaction that the caller opened; with `commit`, ends it."""
    # In an order of their own: the same tables make the same statement, whichever was filled first.
    filled = tuple(sorted((row_set for row_set, rows in sets.items() if rows), key=id))
    parameters = [now.isoformat().encode(), *(json.encode(sets[row_set]) for row_set in filled)]
    await session.run(_statement(filled), parameters, commit=commit)


@lru_cache(maxsize=256)
def _statement(sets: tuple[RowSet, ...]) -> Statement:
    # Parts see one snapshot: no part may update a row that another inserts. Foreign keys are checked at its end.
    parts = [
        f"{row_set.table}_{number} AS ({row_set.part(f'${number}', '$1')})"
        for number, row_set in enumerate(sets, start=2)
    ]
    return Statement(
        f"WITH {', '.join(parts)} SELECT $1" if parts else "SELECT $1", ["timestamptz", *["json"] * len(sets)]
    )
