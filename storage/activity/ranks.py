"""Who did the most, and to what the most was done, among the newest entries that a filter finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rules.access import Caller
from storage.access.queries import called
from storage.activity.counts import AT_ONE_INSTANT, Basis, basis_of
from storage.activity.filters import SUBJECT
from storage.activity.look import Look, Search
from storage.engine.database import Connection


class Actor(NamedTuple):
    """Somebody who did something so many times. `name` is what a caller is called today."""

    id: str
    type: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who did the most and to what the most was done, the most first; and of what that was made."""

    actors: Sequence[Actor]
    subjects: Sequence[tuple[str, int]]
    basis: Basis


def rank(
    books: Connection, search: Search, caller: Caller, actors: bool, subjects: bool, size: int, looked_max: int
) -> Ranking:
    """Up to `size` actors and subjects, where these are asked for. Raises ProgramNotFound, CustomerNotFound."""
    with books.transaction():
        books.execute(AT_ONE_INSTANT)
        look = Look(books, search, caller, None, looked_max)
        look.narrow()
        acting = look.tally("a.actor, a.actor_type", "actor, actor_type", size) if actors else []
        touched = look.tally(f"{SUBJECT} AS subject", "subject", size + 1) if subjects else []
        names = called(books, [one[0] for one in acting])
        return Ranking(
            [Actor(actor, kind, names.get(actor, ""), number) for actor, kind, number in acting],
            # What a call was about that named nothing.
            [(subject, number) for subject, number in touched if subject][:size],
            basis_of(look),
        )
