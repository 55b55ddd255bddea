"""What records say of their tables is what the tables are."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import storage
from storage.engine.database import Database, connection
from storage.engine.records import Record


def records() -> Iterator[Record[Any]]:
    """Every record, wherever it is declared."""
    for module in pkgutil.walk_packages(storage.__path__, "storage."):
        if (module.name.endswith(".records") and module.name != "storage.engine.records") or module.name.endswith(
            ".requests"
        ):
            yield from (one for one in vars(import_module(module.name)).values() if isinstance(one, Record))


RECORDS = {record.table: record for record in records()}

# Written by statements of their own, and by nobody else: Peewee's history, and bookkeeping.
WITHOUT = {"schema_migration", "sql_function"}

COLUMNS = """
SELECT column_name, CASE data_type
           WHEN 'timestamp with time zone' THEN 'timestamptz' WHEN 'ARRAY' THEN 'integer[]' ELSE data_type END,
       is_nullable = 'YES'
FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s
"""

KEY = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = %s::text::regclass AND i.indisprimary ORDER BY array_position(i.indkey, a.attnum)
"""

APPEND_ONLY = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'"


@pytest.mark.parametrize("table", RECORDS)
def test_a_record_says_what_its_table_is(database: Database, table: str) -> None:
    """A column that only one of the two knows is lost without a word, or found by the first customer."""
    record = RECORDS[table]
    with connection(database) as books:
        found = {name: (kind, nullable) for name, kind, nullable in books.execute(COLUMNS.encode(), [table])}
        key = [name for (name,) in books.execute(KEY.encode(), [table])]
    said = {name: (column.sql_type, column.is_nullable) for name, column in record.all_columns.items()}
    for name in record.fields:
        if said[name][0] == "bigint" and found.get(name, ("", False))[0] == "integer":
            # A whole number of the rules, which the table keeps in four bytes.
            said[name] = ("integer", said[name][1])
    assert said == found
    assert list(record.key_names) == key


def test_what_is_append_only_has_no_column_that_changes(database: Database) -> None:
    """The database would refuse it, on the day on which somebody first tries."""
    with connection(database) as books:
        guarded = {table for (table,) in books.execute(APPEND_ONLY.encode())}
    assert {table for table in guarded & set(RECORDS) if RECORDS[table].changes} == set()


def test_every_table_has_a_record(database: Database) -> None:
    """Whoever looks for what is kept of a noun finds it in one place."""
    with connection(database) as books:
        tables = {name for (name,) in books.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert tables - WITHOUT == set(RECORDS)
