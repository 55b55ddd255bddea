"""What moves between two accounts is all that is open, to the last point; and all of it finds its way back."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import holds, ledger, refunds
from rules.accounts import UNITS_MAX, Account, AccountState, EntryKind, HoldState, LotState, ShortfallKind
from rules.draft import Draft
from rules.merging import Moved, MovedSlidingExpiry, move
from rules.programs import RefundPolicy, Term
from rules.refusals import AmountTooLarge
from rules.unmerging import give_back, in_the_way

START = datetime(2025, 1, 1, tzinfo=UTC)
SOURCE = 7


def at(minute: int) -> datetime:
    """An instant of the tests' own short time line."""
    return START + timedelta(minutes=minute)


class Deed(NamedTuple):
    """Something done to an account: points, and when they start, end or are let go, in minutes from then."""

    kind: str
    points: int
    starts: int
    lasts: int


deeds = st.lists(
    st.builds(
        Deed,
        st.sampled_from(["earn", "earn", "earn", "slide", "spend", "hold", "refund"]),
        st.integers(1, 500),
        st.integers(-10, 10),
        st.integers(1, 60),
    ),
    max_size=12,
)


def sliding_expiry_at(version: int, activity_type: str, instant: datetime) -> datetime:
    """Sliding points last an hour from any activity."""
    return instant + timedelta(hours=1)


def lived(script: list[Deed], policy: RefundPolicy = RefundPolicy.UNLIMITED) -> Draft:
    """An account to which all this was done, a minute after the other; refused is refused."""
    draft = Draft(Account(), sliding=sliding_expiry_at)
    for minute, deed in enumerate(script):
        now = at(minute)
        ledger.settle(draft, now)
        spendable = draft.account.spendable
        if deed.kind in ("earn", "slide"):
            starts = at(minute + deed.starts)
            slides = deed.kind == "slide"
            term = Term(starts, None if slides else starts + timedelta(minutes=deed.lasts), slides)
            ledger.earn(draft, deed.points, term, 1, now, f"t{minute}")
        elif deed.kind == "refund":
            refunds.claim(draft, deed.points, None, policy, now, f"t{minute}")
        elif spendable and deed.kind == "spend":
            ledger.spend(draft, 1 + deed.points % spendable, now)
        elif spendable:
            holds.create(draft, 1 + deed.points % spendable, deed.lasts * 60, 3600, now)
    ledger.settle(draft, at(len(script)))
    draft.passed.clear()
    draft.entries.clear()
    return draft


def assert_adds_up(draft: Draft) -> None:
    """The figures of an account are those of its lots, holds and debts."""
    account = draft.account
    lots = draft.lots.values()
    assert account.active == sum(lot.remaining for lot in lots if lot.state is LotState.ACTIVE)
    assert account.pending == sum(lot.remaining for lot in lots if lot.state is LotState.PENDING)
    assert account.held == sum(lot.held for lot in lots)
    assert account.held == sum(hold.points for hold in draft.holds.values() if hold.state is HoldState.ACTIVE)
    debts = [owed for owed in draft.shortfalls.values() if owed.kind is ShortfallKind.DEBT]
    assert account.debt == sum(owed.remaining for owed in debts)
    assert account.debt == 0 or account.free == 0
    assert account.earned + account.moved == account.spent + account.expired + account.revoked + account.active
    assert all(lot.held <= lot.remaining and (lot.remaining > 0) == lot.is_open for lot in lots)
    assert account.lots == len(draft.lots)
    assert account.sliding_expiries == len(draft.sliding_expiries)


def has(draft: Draft) -> tuple[int, ...]:
    """What an account is worth: pending, and active less debt."""
    return draft.account.pending, draft.account.active - draft.account.debt, draft.account.held


@given(deeds, deeds, st.sampled_from(RefundPolicy))
def test_together_they_have_what_both_had(one: list[Deed], other: list[Deed], policy: RefundPolicy) -> None:
    """A merge that made or lost a point could be used to make them."""
    source, target = lived(one, policy), lived(other, policy)
    now = at(max(len(one), len(other)))
    for draft in (source, target):
        ledger.settle(draft, now)
    before = [a + b for a, b in zip(has(source), has(target), strict=True)]
    move(source, target, SOURCE, now)
    assert_adds_up(source)
    assert_adds_up(target)
    assert has(source) == (0, 0, 0)
    assert list(has(target)) == before
    assert source.account.debt == source.account.active == 0
    assert not any(lot.is_open for lot in source.lots.values())
    assert source.next_due() is None


@given(deeds, deeds)
def test_what_moves_keeps_its_dates_and_its_order(one: list[Deed], other: list[Deed]) -> None:
    """Whoever is merged must not lose a day, nor spend in another order than was promised."""
    source, target = lived(one, RefundPolicy.ONLY_PENDING), lived(other, RefundPolicy.ONLY_PENDING)
    now = at(max(len(one), len(other)))
    for draft in (source, target):
        ledger.settle(draft, now)
    before = dict(source.lots)
    order = [lot.number for lot in source.in_consumption_order()]
    ends = {number: source.expires_at(lot) for number, lot in before.items() if lot.is_open}
    moved = move(source, target, SOURCE, now)
    for one_lot in moved.lots:
        old, new = before[one_lot.source], target.lots[one_lot.target]
        assert (new.state, new.remaining, new.held) == (old.state, old.remaining, old.held)
        assert (new.activates_at, new.expires_at, new.awaits) == (old.activates_at, old.expires_at, old.awaits)
        assert (new.settings_version, new.transaction_id, new.slides) == (
            old.settings_version,
            old.transaction_id,
            old.slides,
        )
        assert (new.origin, new.origin_account) == (old.number, SOURCE)
        if old.state is LotState.ACTIVE and not old.slides:
            assert target.expires_at(new) == ends[old.number]
        elif old.state is LotState.ACTIVE:
            assert (target.expires_at(new) or now) >= (ends[old.number] or now)
    fixed = {lot.target: lot.source for lot in moved.lots if not before[lot.source].slides}
    found = [fixed[lot.number] for lot in target.in_consumption_order() if lot.number in fixed]
    assert found == [number for number in order if not before[number].slides]


@given(deeds, deeds)
def test_undone_at_once_it_is_as_if_it_had_never_been(one: list[Deed], other: list[Deed]) -> None:
    """Support merges the wrong two now and then: nobody may be able to tell from a balance."""
    source, target = lived(one, RefundPolicy.ONLY_PENDING), lived(other, RefundPolicy.ONLY_PENDING)
    now = at(max(len(one), len(other)))
    for draft in (source, target):
        ledger.settle(draft, now)
    lots, all_holds, slides = dict(source.lots), dict(source.holds), dict(source.sliding_expiries)
    theirs, their_slides = dict(target.lots), dict(target.sliding_expiries)
    accounts = source.account, target.account
    shortfalls = dict(source.shortfalls)
    moved = move(source, target, SOURCE, now)
    assert in_the_way(target, moved, {}) == ((), (), ())
    back = give_back(source, target, moved, now)
    assert (source.lots, source.holds, source.shortfalls, source.sliding_expiries) == (
        lots,
        all_holds,
        shortfalls,
        slides,
    )
    assert {number: target.lots[number] for number in theirs} == theirs
    assert {version: target.sliding_expiries[version] for version in their_slides} == their_slides
    figures = ("pending", "active", "held", "debt", "earned", "spent", "expired", "revoked", "moved")
    for was, draft in zip(accounts, (source, target), strict=True):
        assert [getattr(draft.account, name) for name in figures] == [getattr(was, name) for name in figures]
        assert_adds_up(draft)
    assert (back.active, back.pending, back.held) == (moved.active, moved.pending, moved.held)


@given(deeds, deeds, st.integers(1, 90))
def test_time_alone_is_never_in_the_way(one: list[Deed], other: list[Deed], later: int) -> None:
    """Points that ripened or expired meanwhile did so for themselves: what is left goes back, and all still adds up."""
    source, target = lived(one, RefundPolicy.ONLY_PENDING), lived(other, RefundPolicy.ONLY_PENDING)
    now = at(max(len(one), len(other)))
    for draft in (source, target):
        ledger.settle(draft, now)
    moved = move(source, target, SOURCE, now)
    now += timedelta(minutes=later)
    ledger.settle(target, now)
    assert in_the_way(target, moved, {}) == ((), (), ())
    before = [a + b for a, b in zip(has(source), has(target), strict=True)]
    give_back(source, target, moved, now)
    assert_adds_up(source)
    assert_adds_up(target)
    assert [a + b for a, b in zip(has(source), has(target), strict=True)] == before
    for lot in moved.lots:
        assert not target.lots[lot.target].is_open


@given(deeds, deeds, st.integers(1, 1000))
def test_a_point_that_was_spent_is_in_the_way(one: list[Deed], other: list[Deed], points: int) -> None:
    """Whose point it was nobody can say afterwards, so it is not guessed."""
    source, target = lived(one, RefundPolicy.ONLY_PENDING), lived(other, RefundPolicy.ONLY_PENDING)
    now = at(max(len(one), len(other)))
    for draft in (source, target):
        ledger.settle(draft, now)
    moved = move(source, target, SOURCE, now)
    if not target.account.spendable:
        return
    entry = ledger.spend(target, 1 + points % target.account.spendable, now)
    of_source = {lot.target for lot in moved.lots}
    assert set(in_the_way(target, moved, {}).lots) == {lot for lot, _ in entry.allocations} & of_source


def test_a_debt_that_comes_is_repaid_from_what_is_there() -> None:
    """Debt and free points never stand side by side, whichever of the two brings which."""
    rich, owing = lived([Deed("earn", 100, 0, 60)]), lived([Deed("refund", 30, 0, 1)])
    assert owing.account.debt == 30
    moved = move(owing, rich, SOURCE, at(1))
    assert moved.debt == 30
    assert (rich.account.active, rich.account.debt) == (70, 0)
    assert [entry.kind for entry in rich.entries] == [EntryKind.REPAYMENT]
    assert in_the_way(rich, moved, {}).shortfalls == (1,)
    owing, rich = lived([Deed("refund", 30, 0, 1)]), lived([Deed("earn", 100, 0, 60)])
    moved = move(rich, owing, SOURCE, at(1))
    assert [entry.kind for entry in owing.entries] == [EntryKind.MERGE_IN, EntryKind.REPAYMENT]
    assert in_the_way(owing, moved, {}).lots == (1,)


def test_the_entry_says_what_is_held_and_owed_after_it() -> None:
    """An entry is a line of a history: its figures are those of the account at that moment."""
    source, target = lived([Deed("earn", 100, 0, 60), Deed("hold", 39, 0, 30)]), lived([])
    move(source, target, SOURCE, at(2))
    [out], [into] = source.entries, target.entries
    assert (out.kind, out.amount, out.active_after, out.held_after) == (EntryKind.MERGE_OUT, -100, 0, 0)
    assert (into.kind, into.amount, into.active_after, into.held_after) == (EntryKind.MERGE_IN, 100, 100, 40)


def test_a_group_of_sliding_points_keeps_the_later_end_where_one_was_active_since() -> None:
    """Nobody knows whose purchase it was that moved the end on, so nobody's points are cut short."""
    source, target = lived([Deed("slide", 10, 0, 1)]), lived([Deed("earn", 1, 0, 60)] * 3 + [Deed("slide", 20, 0, 1)])
    mine, theirs = source.sliding_expiries[1], target.sliding_expiries[1]
    assert mine < theirs
    moved = move(source, target, SOURCE, at(5))
    assert moved.sliding_expiries == (MovedSlidingExpiry(1, theirs),)
    target.extend_sliding_expiries("transaction.recorded", at(10))
    ledger.earn(target, 1, Term(at(10), None), 1, at(10))
    give_back(source, target, moved, at(10))
    assert source.sliding_expiries[1] == target.sliding_expiries[1] == at(70)


def test_two_accounts_that_are_too_full_together_are_not_merged() -> None:
    """Beyond that figure, readers lose units without telling."""
    source = Draft(Account(), sliding=sliding_expiry_at)
    target = Draft(Account(active=UNITS_MAX - 5, earned=UNITS_MAX - 5))
    ledger.earn(source, 6, Term(START, None), 1, START)
    with pytest.raises(AmountTooLarge):
        move(source, target, SOURCE, START)


def test_accounts_with_nothing_in_them_move_nothing() -> None:
    """Most cards of most customers are empty; no entry of nothing is made."""
    source, target = Draft(Account(state=AccountState.OPEN)), Draft(Account())
    assert move(source, target, SOURCE, START) == Moved()
    assert source.entries == target.entries == []
