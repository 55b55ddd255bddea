"""Who keeps the sums of the log, and what they are."""

from typing import Any

from storage.activity import rollup
from storage.engine.database import Database, connection
from storage.engine.unit import transaction


def advance(database: Database, limit: int) -> int:
    """One step of the follower, and how many it took."""
    with transaction(database) as unit:
        return rollup.advance(unit.connection, limit)


def advance_all(database: Database, limit: int) -> None:
    """As many steps as it takes."""
    while advance(database, limit) == limit:
        pass


def sums(database: Database) -> dict[tuple[Any, ...], list[int]]:
    """All sums, by program, day and what a kind is made of."""
    kind = ", ".join(f"k.{name}" for name in rollup.DIMENSIONS)
    query = f"SELECT r.program, r.day, {kind}, r.counts FROM activity_rollup r JOIN activity_kind k ON k.id = r.kind"
    with connection(database) as books:
        return {tuple(row[:-1]): row[-1] for row in books.execute(query.encode())}
