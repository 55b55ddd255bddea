"""Tables without indexes and foreign keys while they are filled: each is made once, at the end, not a row at a time.

What comes back is what was there, word for word: PostgreSQL itself is asked for it, and asked again afterwards.
Triggers stay: those of ours refuse changes, and filling changes nothing. So do BRIN indexes, which cost next to
nothing, and on which functions depend. Defaults, checks and "not null" stay too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg


class Definition(NamedTuple):
    """An index or a constraint, and the words that make it. `kind` is PostgreSQL's letter, `i` for an index."""

    kind: str
    table: str
    name: str
    words: str

    @property
    def drop(self) -> str:
        """The statement that takes it away."""
        alter = f"ALTER TABLE {self.table} DROP CONSTRAINT {self.name}"
        return f"DROP INDEX {self.name}" if self.kind == "i" else alter

    @property
    def make(self) -> str:
        """The statement that brings it back."""
        alter = f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} {self.words}"
        return self.words if self.kind == "i" else alter


@contextmanager
def bare(books: "psycopg.Connection[Any]", tables: Sequence[str]) -> Iterator[None]:
    """Takes indexes and keys away and brings them back. Raises RuntimeError where something else came back.

    For a database that is thrown away where filling it fails: then nothing comes back.
    """
    before = definitions(books, tables)
    for definition in reversed(before):
        books.execute(definition.drop.encode())
    yield
    for definition in before:
        books.execute(definition.make.encode())
    if definitions(books, tables) != before:
        raise RuntimeError("the indexes and keys that came back are not those that were there")


def definitions(books: "psycopg.Connection[Any]", tables: Sequence[str]) -> list[Definition]:
    """All of the tables, and foreign keys of others to them, in the order in which they can be made."""
    found = [Definition(*row) for row in books.execute(_DEFINITIONS, (list(tables),))]
    return sorted(found, key=lambda definition: ("puxif".index(definition.kind), definition))


_DEFINITIONS = """
WITH wanted AS (SELECT unnest(%s::text[])::regclass AS oid)
SELECT c.contype::text, c.conrelid::regclass::text, quote_ident(c.conname), pg_get_constraintdef(c.oid)
FROM pg_constraint c
WHERE (c.contype IN ('p', 'u', 'x', 'f') AND c.conrelid IN (SELECT oid FROM wanted))
   OR (c.contype = 'f' AND c.confrelid IN (SELECT oid FROM wanted))
UNION ALL
SELECT 'i', i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
WHERE i.indrelid IN (SELECT oid FROM wanted) AND m.amname <> 'brin'
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
"""
