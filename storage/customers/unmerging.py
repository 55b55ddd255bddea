"""Undoes a merge, to the last point: as long as nothing that moved was used since.

A lot goes back as it stands now, where all that is missing of it was taken by its own expiry, cancelled, or refunded
with the purchase that it is of. A hold goes back unless it was captured, also ended; a debt unless it was repaid. A
purchase goes back unless it was corrected, or its refund cost other points. What expired or was refunded meanwhile
stands in the history of the account in which it happened. Of coupons goes back what was not used since
(storage/customers/belongings.py): a use of a coupon costs nobody else anything, and hinders nothing.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from rules import unmerging
from rules.activity import Change
from rules.draft import Draft
from rules.merging import Moved
from rules.refusals import CustomerStateWrong, UnmergeImpossible
from rules.states import CustomerState
from storage.customers import accounts, belongings, merge_record, pairs, queries
from storage.customers.accounts import Named
from storage.customers.merge_record import Kept
from storage.customers.merging import KeptMerge, Merge, merged_accounts, points_of
from storage.customers.pairs import Pair
from storage.customers.queries import Customer
from storage.customers.records import UNMERGES
from storage.customers.states import check_state, record_change, save_state
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger import facts
from storage.ledger.facts import MovementKind
from storage.programs import queries as programs
from storage.retention import sweep

# Enough to see what was used; whoever wants to know all of it reads the histories.
NAMES_SHOWN = 5


class UnmergeCustomers(NamedTuple):
    """Gives back to a customer what it held when it was merged into another."""

    program_id: str
    customer_id: str
    context: CommandContext

    def answers(self) -> type[KeptMerge]:
        """What moved back."""
        return KeptMerge

    def decide(self, unit: Unit) -> Answer[Merge]:
        """Raises ProgramNotFound, CustomerNotFound, UnmergeImpossible; CustomerStateWrong where it was not merged, or
        whom it was merged into is suspended or blocked; CustomerClosed where that one is closed."""
        context = self.context
        program = programs.get(self.program_id, context.caller)
        target_id = queries.get(program, self.customer_id).merged_into.rpartition("/")[2]
        source, *targets = queries.lock(program, self.customer_id, *([target_id] if target_id else []))
        target = _target(source, targets)
        kept = merge_record.standing_merge(unit.connection, source)
        locked = accounts.lock(unit, source, target)
        both = pairs.in_hand(unit, program, source, target, locked, _named(kept))
        partings = []
        for pair in both:
            moved = kept.accounts.get((pair.source.key.account, pair.target.key.account))
            if moved is not None:
                partings.append(_Parting(pair, pair.source.draft(), pair.target.draft(), moved))
        _check(unit, target, kept, partings)
        belongings.lock(unit, source, target)
        belonged = belongings.of_merge(unit, program, kept.activity, source, target)
        sweep.parted(unit.connection, program.id, source.id)
        returned = [
            (one.pair, unmerging.give_back(one.source, one.target, one.moved, one.pair.source.program.now))
            for one in partings
        ]
        figures = merged_accounts(returned)
        points = points_of(figures)
        changes = [
            Change("state", source.state, CustomerState.ACTIVE),
            Change("merged_into", target.name, None),
            *(change for one in partings for change in one.pair.source.changes(one.source)),
        ]
        gave = [change for one in partings for change in one.pair.target.changes(one.target)]
        told = [one._asdict() for one in figures]
        told_of_both = {"accounts": told, "merge": kept.activity, **belonged.told()}
        details: dict[str, Any] = {**told_of_both, "from": target.name}
        activity = record_change(unit, context, program, source, changes, details, points)
        details = {**told_of_both, "to": source.name}
        left = -points if points is not None else None
        other = record_change(unit, context, program, target, gave, details, left)
        unit.add(UNMERGES.made, {"activity": activity, "merge": kept.activity})
        for pair, parts in returned:
            for owed in parts.shortfalls:
                merge_record.move_shortfall(unit, pair.source.key.account, owed.target, -owed.points)
        unit.write()
        # Before its figures: an account that is merged holds nothing.
        restored = save_state(unit, source, CustomerState.ACTIVE, activity)
        for one in partings:
            one.pair.target.apply(one.target, other)
            one.pair.source.apply(one.source, activity)
            giver, getter = one.pair.target.key.account, one.pair.source.key.account
            facts.moved(unit, MovementKind.UNMERGE, giver, one.target, getter, one.source)
        unit.write()
        for pair, parts in returned:
            for owed in parts.shortfalls:
                merge_record.move_shortfall(unit, pair.target.key.account, owed.source, owed.points)
        merge_record.return_purchases(unit, kept.activity)
        belongings.give_back(unit, kept.activity, activity, source, target)
        return Answer(Merge(figures, (), restored, belonged), activity)


class _Parting(NamedTuple):
    """Two accounts in the middle of it, and what had moved between them."""

    pair: Pair
    source: Draft
    target: Draft
    moved: Moved


def _target(source: Customer, targets: list[Customer]) -> Customer:
    """Whom it was merged into, who can part from it."""
    if source.state is not CustomerState.MERGED:
        raise CustomerStateWrong(customer=source.customer_id, state=source.state, wanted=CustomerState.MERGED)
    if [one.name for one in targets] != [source.merged_into]:
        raise UnmergeImpossible(why=f"{source.name} is being merged by somebody else; ask again")
    [target] = targets
    if target.state is CustomerState.MERGED:
        raise UnmergeImpossible(why=f"{target.name} was merged into {target.merged_into} since; undo that first")
    check_state(target, CustomerState.ACTIVE)
    return target


def _named(kept: Kept) -> Named:
    """Everything that moved, on both sides."""
    numbers: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for (source, target), moved in kept.accounts.items():
        for noun, parts in (("lot", moved.lots), ("hold", moved.holds), ("shortfall", moved.shortfalls)):
            for part in parts:
                numbers[noun] += [(source, part.source), (target, part.target)]
    return Named(numbers["lot"], numbers["hold"], numbers["shortfall"])


def _check(unit: Unit, target: Customer, kept: Kept, partings: list[_Parting]) -> None:
    """Raises UnmergeImpossible where something was used, with the names of some of it."""
    gone = merge_record.gone(unit.connection, kept.activity)
    used = []
    for one in partings:
        key, address = one.pair.target.key, one.pair.target.address
        way = unmerging.in_the_way(one.target, one.moved, gone[key.account])
        for noun, numbers in (("lots", way.lots), ("holds", way.holds), ("shortfalls", way.shortfalls)):
            used += [f"{address.name}/{noun}/{number}" for number in numbers]
    changed = merge_record.changed_purchases(unit.connection, kept.activity, NAMES_SHOWN + 1)
    used += [f"{target.name}/transactions/{transaction_id}" for transaction_id in changed]
    if used:
        more = " and more" if len(used) > NAMES_SHOWN else ""
        raise UnmergeImpossible(why=f"used since they moved: {', '.join(used[:NAMES_SHOWN])}{more}")
