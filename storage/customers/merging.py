"""Merges a customer into another: all that it holds moves, and whoever names it afterwards is told whom to name."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from rules import merging
from rules.access import Caller
from rules.activity import Change
from rules.merging import Moved
from rules.refusals import MergeImpossible
from rules.states import CustomerState
from storage.customers import accounts, belongings, merge_record, pairs, queries
from storage.customers.belongings import Belongings
from storage.customers.pairs import Pair
from storage.customers.queries import Customer, KeptCustomer
from storage.customers.states import check_state, record_change, save_state
from storage.engine.commands import CommandContext
from storage.engine.database import Connection
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger import facts
from storage.ledger.facts import MovementKind
from storage.programs import queries as programs

# Enough to see whether the two are one; people look at them one by one.
DUPLICATES_SHOWN = 20


class MergedAccount(NamedTuple):
    """What moved of one card: points, and how many open lots and holds."""

    card_id: str
    active: int
    pending: int
    held: int
    debt: int
    lots: int
    holds: int


class Duplicate(NamedTuple):
    """Two purchases that are likely to be one, by the resource names they had before: one of each customer."""

    one: str
    other: str


class Merge(NamedTuple):
    """What moved, purchases that may be one, and the customer that it is about now: the one that holds it."""

    accounts: tuple[MergedAccount, ...]
    duplicates: tuple[Duplicate, ...]
    customer: Customer
    belongings: Belongings = Belongings()

    def as_kept(self) -> "KeptMerge":
        """Figures and names, and nothing about the person."""
        return KeptMerge(
            self.accounts, self.duplicates, self.customer.program_id, self.customer.customer_id, self.belongings
        )


class KeptMerge(NamedTuple):
    """What is kept of an answer that shows a merge."""

    accounts: tuple[MergedAccount, ...]
    duplicates: tuple[Duplicate, ...]
    program_id: str
    customer_id: str
    belongings: Belongings = Belongings()

    def as_it_stands(self, caller: Caller) -> Merge:
        """The merge as it was, with the customer. Raises ProgramNotFound, CustomerNotFound."""
        customer = KeptCustomer(self.program_id, self.customer_id).as_it_stands(caller)
        return Merge(self.accounts, self.duplicates, customer, self.belongings)


class MergeCustomers(NamedTuple):
    """Moves what a customer holds to another, `into_id`, of the same program."""

    program_id: str
    customer_id: str
    into_program_id: str
    into_id: str
    context: CommandContext

    def answers(self) -> type[KeptMerge]:
        """What moved."""
        return KeptMerge

    def decide(self, unit: Unit) -> Answer[Merge]:
        """Raises ProgramNotFound, CustomerNotFound, MergeImpossible, CustomerMerged, CustomerStateWrong where one of
        them is suspended, and AmountTooLarge."""
        context = self.context
        program = programs.get(self.program_id, context.caller)
        if self.into_program_id != self.program_id:
            raise MergeImpossible(why="they belong to different programs")
        if self.into_id == self.customer_id:
            raise MergeImpossible(why="they are one and the same")
        source, target = queries.lock(program, self.customer_id, self.into_id)
        check_state(source, CustomerState.ACTIVE)
        check_state(target, CustomerState.ACTIVE)
        pairs.open_missing(unit, source, target)
        locked = accounts.lock(unit, source, target)
        named = accounts.all_open(unit, [account for account, _, _ in locked])
        both = pairs.in_hand(unit, program, source, target, locked, named)
        duplicates = _duplicates(unit.connection, source, target)
        belongings.lock(unit, source, target)
        belonged = belongings.of(unit, program, source, target)
        moves = []
        for pair in both:
            giving, getting = pair.source.draft(), pair.target.draft()
            # All that is open is at hand: what falls due next is known to the instant.
            giving.rest_due_at = getting.rest_due_at = None
            now = pair.source.program.now
            moves.append((pair, giving, getting, merging.move(giving, getting, pair.source.key.account, now)))
        moved = [(pair, parts) for pair, _, _, parts in moves]
        figures = merged_accounts(moved)
        points = points_of(figures)
        changes = [
            Change("state", source.state, CustomerState.MERGED),
            Change("merged_into", None, target.name),
            *(change for pair, giving, _, _ in moves for change in pair.source.changes(giving)),
        ]
        got = [change for pair, _, getting, _ in moves for change in pair.target.changes(getting)]
        left = -points if points is not None else None
        told = [one._asdict() for one in figures]
        details: dict[str, Any] = {"accounts": told, "into": target.name, **belonged.told()}
        activity = record_change(unit, context, program, source, changes, details, left)
        details = {"accounts": told, "from": source.name, **belonged.told()}
        other = record_change(unit, context, program, target, got, details, points)
        for pair, giving, getting, _ in moves:
            pair.source.apply(giving, activity)
            pair.target.apply(getting, other)
            facts.moved(unit, MovementKind.MERGE, pair.source.key.account, giving, pair.target.key.account, getting)
        merge_record.keep(unit, program.id, source, target, moved, activity)
        unit.write()
        for pair, parts in moved:
            for owed in parts.shortfalls:
                merge_record.move_shortfall(unit, pair.source.key.account, owed.source, owed.points)
        merge_record.move_purchases(unit, activity)
        belongings.move(unit, activity, source, target)
        save_state(unit, source, CustomerState.MERGED, activity, target)
        return Answer(Merge(figures, duplicates, target, belonged), activity)


def merged_accounts(moved: Iterable[tuple[Pair, Moved]]) -> tuple[MergedAccount, ...]:
    """What moved, card by card, where anything did."""
    found = [
        MergedAccount(
            pair.source.address.card,
            parts.active,
            parts.pending,
            parts.held,
            parts.debt,
            len(parts.lots),
            len(parts.holds),
        )
        for pair, parts in moved
    ]
    return tuple(one for one in found if one.lots or one.debt)


def points_of(moved: Iterable[MergedAccount]) -> int | None:
    """The points that moved, for a history: None where several cards moved, whose units have no sum."""
    figures = [one.active + one.pending for one in moved if one.lots]
    return sum(figures) if len(figures) <= 1 else None


def _duplicates(connection: Connection, source: Customer, target: Customer) -> tuple[Duplicate, ...]:
    rows = connection.execute(_DUPLICATES, {"source": source.id, "target": target.id, "limit": DUPLICATES_SHOWN})
    return tuple(
        Duplicate(f"{source.name}/transactions/{one}", f"{target.name}/transactions/{other}") for one, other in rows
    )


# An id begins with `source~` where its sender has one.
_DUPLICATES = """
WITH bought AS (
    SELECT a.customer, t.transaction_id, t.amount_minor, t.currency_code, t.occurred_at,
           substr(t.transaction_id, strpos(t.transaction_id, '~') + 1) AS number
    FROM account a JOIN transaction t ON t.account = a.id WHERE a.customer IN (%(source)s, %(target)s)
), of_source AS (
    SELECT * FROM bought WHERE customer = %(source)s
), of_target AS (
    SELECT * FROM bought WHERE customer = %(target)s
)
SELECT s.transaction_id, t.transaction_id
FROM of_source s JOIN of_target t USING (amount_minor, currency_code, occurred_at)
UNION
SELECT s.transaction_id, t.transaction_id FROM of_source s JOIN of_target t USING (number)
ORDER BY 1, 2 LIMIT %(limit)s
"""
