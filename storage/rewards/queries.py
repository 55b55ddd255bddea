"""Reads rewards and claims."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec

from rules.archiving import Archiving
from rules.coupons.refusals import RewardNotFound
from rules.rewards import Offer, RewardTerms
from storage.engine.database import NO_KEY_UPDATE, Connection, handle
from storage.programs.queries import Program
from storage.rewards.records import RewardRow
from storage.stock.commands import taken


class Reward(NamedTuple):
    """A reward as it stands; `id` is internal, `reward_id` public in its program. `claimed` were claimed and not put
    back, counted in the slots of its `stock`."""

    id: int
    program_id: str
    reward_id: str
    version: int
    offer: Offer
    archived: bool
    stock: int
    claimed: int
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program_id}/rewards/{self.reward_id}"

    @property
    def etag(self) -> str:
        """Changes with every change, and with no claim."""
        return f'"{self.version}-{int(self.updated_at.timestamp() * 1_000_000):x}"'


def get(program: Program, reward_id: str, for_update: bool = False) -> Reward:
    """The reward of that public id. Raises RewardNotFound."""
    query = RewardRow.select().where((RewardRow.program == program.id) & (RewardRow.reward_id == reward_id))
    rows = list(query.for_update(NO_KEY_UPDATE) if for_update else query)
    if not rows:
        raise RewardNotFound(program=program.program_id)
    [found] = _whole(program, rows)
    return found


def page(program: Program, state: str, card_id: str, after: str, size: int) -> list[Reward]:
    """Up to `size` rewards in a state (empty: in any) that are paid with a card (empty: with any), by public id, from
    the first after `after`."""
    query = RewardRow.select().where((RewardRow.program == program.id) & (RewardRow.reward_id > after))
    if state:
        query = query.where(RewardRow.archived == (state == Archiving.ARCHIVED))
    if card_id:
        query = query.where(RewardRow.terms["card_id"] == card_id)
    return _whole(program, query.order_by(RewardRow.reward_id).limit(size))


def _whole(program: Program, rows: Iterable[Any]) -> list[Reward]:
    books = cast(Connection, handle.connection())
    return [
        Reward(
            row.id,
            program.program_id,
            row.reward_id,
            row.version,
            Offer(row.display_name, row.description, msgspec.convert(row.terms, RewardTerms)),
            row.archived,
            row.stock,
            taken(books, row.stock),
            row.created_at,
            row.updated_at,
        )
        for row in rows
    ]
