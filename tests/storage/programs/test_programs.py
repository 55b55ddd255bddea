"""Event types that are declared no more: not while points in the books wait for them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from rules.refusals import EventTypeAwaited
from rules.transactions import TransactionState
from storage.engine.database import Database
from storage.ledger.commands import Command
from storage.ledger.reading import lots
from storage.programs.commands import UpdateProgram
from tests.storage.blocking import Ledger
from tests.storage.policies import CARDS, EVENTS, SETTINGS, Policies
from tests.storage.scene import asked

# What takes `order.delivered` away: the cards that waited for it wait no more, and it is not declared.
WITHOUT = {
    "cards": tuple(replace(card, pending=None) if card.card_id in ("delivered", "tested") else card for card in CARDS),
    "event_types": EVENTS[1:],
}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers."""
    return Policies(database)


def refused(shop: Policies) -> dict[str, str]:
    """The facts of the refusal to take it away, which must have changed nothing."""
    before = shop.contents()
    with pytest.raises(EventTypeAwaited) as refusal:
        shop.change(**WITHOUT)
    assert shop.contents() == before
    return refusal.value.facts


def test_it_is_kept_as_long_as_a_lot_waits_for_it_in_whatever_way_that_ends(shop: Policies) -> None:
    """Nothing could name it again: these points would wait for ever, and nobody would be told."""
    for number in range(5):
        shop.earn(100, "ben" if number else "ada", "delivered", transaction_id=f"t{number}")
    shop.earn(100, card="by-hand")
    ends: list[Command] = [
        shop.event("order.delivered", about="t0"),
        shop.decision("t1", accept=True, name="ben"),
        shop.decision("t2", accept=False, name="ben"),
        shop.lot(3, activate=False, name="ben", card="delivered"),
        shop.refund("t4", name="ben"),
    ]
    for left, command in zip(range(5, 0, -1), ends, strict=True):
        assert refused(shop) == {"event_type": "order.delivered", "lots": str(left)}
        shop.do(command)
    shop.change(**WITHOUT)
    assert shop.earn(100, card="delivered").state is TransactionState.ACCEPTED


def test_what_another_program_waits_for_is_in_nobodys_way(shop: Policies) -> None:
    """Names of event types are a program's own, however alike they are."""
    tea = Policies(shop.database, program="tea", settings=SETTINGS)
    tea.earn(100, card="delivered")
    shop.change(**WITHOUT)
    refused(tea)


def test_only_asked_about_it_is_refused_too(shop: Policies) -> None:
    """A rehearsal that says yes would be a promise."""
    shop.earn(100, card="delivered")
    with pytest.raises(EventTypeAwaited):
        shop.carry_out(UpdateProgram(shop.program_id, "", dict(WITHOUT), asked(WITHOUT, validate_only=True)))


def test_they_are_counted_no_further_than_anybody_needs_to_know(
    shop: Policies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program with a million open orders is told no in a moment, like any other."""
    monkeypatch.setattr(lots, "AWAITING_COUNTED_MAX", 2)
    for _ in range(3):
        shop.earn(100, card="delivered")
    assert refused(shop)["lots"] == "2"


def test_what_is_earned_at_the_same_moment_by_the_settings_of_before_can_be_accepted_by_hand(shop: Policies) -> None:
    """No lock keeps it out, for every till would wait for that lock; so it must not be lost either."""
    shop.earn(100, card="delivered", transaction_id="empty")
    shop.do(shop.correction("empty", 0))
    other = shop.another_connection()
    with ThreadPoolExecutor(1) as till:
        with other.transaction():
            other.execute("LOCK TABLE lot IN SHARE MODE")
            earning = till.submit(Ledger(shop.database).run, [shop.purchase(100, "ben", "delivered", "late")])
            _wait_until_somebody_waits(shop)
            shop.change(**WITHOUT)
        earning.result()
    other.close()
    shop.do(shop.correction("empty", 70))
    for name, transaction_id, points in (("ben", "late", 100), ("ada", "empty", 70)):
        assert shop.figures(name, "delivered")[:2] == (points, 0)
        accepted = shop.do(shop.decision(transaction_id, accept=True, name=name)).value
        assert accepted.state is TransactionState.ACCEPTED
        assert shop.figures(name, "delivered")[:2] == (0, points)
    shop.assert_conserved()


def _wait_until_somebody_waits(shop: Policies) -> None:
    """Polls the database, in which a millisecond passes with each question."""
    for _ in range(20_000):
        if shop.rows(WAITING) == [(1,)]:
            return
    raise AssertionError("nobody waits")
