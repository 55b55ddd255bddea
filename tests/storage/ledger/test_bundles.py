"""Commands that share a transaction and are about the same things: each as if it had come alone, or all or none."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from rules.refusals import GroupRefused, InsufficientPoints, TransactionNotFound
from storage.engine.database import Database
from storage.ledger.commands import AllOrNothing, Command
from tests.storage.policies import Policies, lives
from tests.storage.scene import START, answered

# Whole lives, once together and once alone.
pytestmark = pytest.mark.long

# What follows from another command of the same transaction, on cards of every kind.
Scripts = dict[str, Callable[[Policies], Sequence[Command]]]
SCRIPTS: Scripts = {
    "a purchase refunded": lambda shop: [shop.purchase(100, transaction_id="t"), shop.refund("t")],
    "a pending purchase refunded in part": lambda shop: [
        shop.purchase(100, card="slow", transaction_id="t"),
        shop.refund("t", 30),
        shop.refund("t", 30),
    ],
    "a purchase refunded when half of it is spent": lambda shop: [
        shop.purchase(100, card="owing", transaction_id="t"),
        shop.purchase(10, card="owing"),
        shop.spending(50, card="owing"),
        shop.refund("t"),
        shop.purchase(70, card="owing"),
    ],
    "a purchase refunded that came when its points were over": lambda shop: [
        shop.purchase(100, card="monthly", transaction_id="t", occurred_at=START - timedelta(days=60)),
        shop.refund("t"),
    ],
    "a purchase that points paid for, refunded": lambda shop: [
        shop.purchase(100),
        shop.spending(60, pays_for="t"),
        shop.purchase(40, transaction_id="t"),
        shop.refund("t", 10),
        shop.refund("t"),
    ],
    "a purchase corrected": lambda shop: [
        shop.purchase(100, card="slow", transaction_id="t"),
        shop.correction("t", 70),
        shop.correction("t", 0),
        shop.correction("t", 50),
        shop.refund("t", 20),
    ],
    "a purchase accepted": lambda shop: [
        shop.purchase(100, card="by-hand", transaction_id="t"),
        shop.decision("t", accept=True),
        shop.spending(30, card="by-hand"),
    ],
    "a purchase rejected": lambda shop: [
        shop.purchase(100, card="slow", transaction_id="t"),
        shop.decision("t", accept=False),
        shop.refund("t"),
    ],
    "a purchase delivered": lambda shop: [
        shop.purchase(100, card="delivered", transaction_id="t"),
        shop.event("order.delivered", about="t"),
        shop.spending(10, card="delivered"),
    ],
    "a purchase delivered and tried for a fortnight": lambda shop: [
        shop.purchase(100, card="tested", transaction_id="t"),
        shop.event("order.delivered", about="t"),
        shop.correction("t", 50),
    ],
    "a pending lot activated": lambda shop: [
        shop.purchase(100, card="slow", transaction_id="t"),
        shop.lot(1, activate=True, card="slow"),
        shop.refund("t", 40),
    ],
    "a pending lot cancelled": lambda shop: [
        shop.purchase(100, card="slow", transaction_id="t"),
        shop.lot(1, activate=False, card="slow"),
        shop.refund("t"),
    ],
    "a hold captured": lambda shop: [
        shop.purchase(100, card="monthly"),
        shop.hold(60, card="monthly", reference="basket"),
        shop.spending(50, card="monthly"),
        shop.capture(1, 40, card="monthly"),
        shop.spending(50, card="monthly"),
        shop.capture(1, card="monthly"),
    ],
    "a hold released": lambda shop: [
        shop.purchase(100),
        shop.hold(100),
        shop.release(),
        shop.hold(100),
        shop.release(2),
        shop.release(2),
    ],
    "a spending rolled back": lambda shop: [
        shop.purchase(100),
        shop.spending(60, reference="order 7"),
        shop.rollback(2, 20),
        shop.rollback(2),
        shop.rollback(2),
    ],
    "a captured hold rolled back": lambda shop: [
        shop.purchase(100),
        shop.hold(60),
        shop.capture(),
        shop.rollback(2, 10),
    ],
    "a shortfall written off": lambda shop: [
        shop.purchase(100, card="owing", transaction_id="t"),
        shop.spending(100, card="owing"),
        shop.refund("t"),
        shop.write_off(1, 40, card="owing"),
        shop.adjustment(50, card="owing"),
        shop.write_off(1, card="owing"),
    ],
    "points given to and fro": lambda shop: [
        shop.purchase(100, card="monthly"),
        shop.transfer(70, card="monthly"),
        shop.transfer(50, "ben", "ada", card="monthly"),
        shop.spending(80, card="monthly"),
        shop.spending(20, "ben", "monthly"),
        shop.transfer(1, "ben", "ada", card="monthly"),
    ],
    "points that slide": lambda shop: [
        shop.purchase(100, card="sliding"),
        shop.transfer(30, card="sliding"),
        shop.event("visited"),
        shop.spending(10, card="sliding"),
        shop.rollback(3, card="sliding"),
    ],
    "one number for two cards": lambda shop: [
        shop.purchase(100, card="plain", transaction_id="t"),
        shop.purchase(100, card="slow", transaction_id="t"),
        shop.refund("t"),
    ],
    "one number for two cards, of which the first is refused": lambda shop: [
        shop.purchase(100, card="plain", transaction_id="t", currency="CZK"),
        shop.purchase(100, card="slow", transaction_id="t"),
        shop.refund("t"),
    ],
    "stamps": lambda shop: [
        shop.purchase(25, card="stamps"),
        shop.claim("two", card="stamps"),
        shop.claim("one", card="stamps"),
        shop.adjustment(-5),
    ],
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_acts_on_the_same_things_come_out_together_as_they_do_alone(database: Database, script: str) -> None:
    """Nobody chooses with whom his call is gathered, so it must not show: not in the books, not in the answers."""
    together, alone = Policies(database), Policies(database, program="tea")
    for shop in (together, alone):
        _open(shop)
        shop.earn(7, card="monthly")
    in_group = together.group(*SCRIPTS[script](together))
    one_by_one = [alone.group(command)[0] for command in SCRIPTS[script](alone)]
    assert [_told(outcome, "coffee") for outcome in in_group] == [_told(outcome, "tea") for outcome in one_by_one]
    assert lives(together) == lives(alone)
    together.assert_conserved()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_group_that_is_taken_back_leaves_nothing(database: Database, script: str) -> None:
    """All or none: what was done before the one that is refused was never done, to the last row."""
    shop = Policies(database)
    _open(shop)
    shop.earn(5)
    before = shop.contents()
    commands = SCRIPTS[script](shop)
    outcomes = shop.all_or_nothing(*commands, shop.spending(10**9))
    assert shop.contents() == before
    refused = next(number for number, one in enumerate(outcomes) if not isinstance(one, GroupRefused))
    assert all(isinstance(one, GroupRefused) for one in outcomes[:refused] + outcomes[refused + 1 :])
    shop.assert_conserved()


def test_of_four_the_third_is_refused_and_the_others_hear_by_which(database: Database) -> None:
    """A basket of changes that belong together: the sender mends the one that was wrong, and sends all again."""
    shop = Policies(database)
    shop.earn(100)
    before = shop.contents()
    commands: list[Command] = [shop.purchase(10), shop.spending(50), shop.spending(61), shop.purchase(5)]
    outcomes = shop.all_or_nothing(*commands)
    assert [type(outcome) for outcome in outcomes] == [GroupRefused, GroupRefused, InsufficientPoints, GroupRefused]
    first = outcomes[0]
    assert isinstance(first, GroupRefused)
    assert first.facts == {"item": "2", "reason": "InsufficientPoints", "why": str(outcomes[2])}
    assert shop.contents() == before
    shop.earn(1)
    assert [answered(outcome).replayed for outcome in shop.all_or_nothing(*commands)] == [False] * 4
    assert shop.balance().active == 5


def test_what_was_taken_back_is_not_seen_by_the_neighbours(database: Database) -> None:
    """The next command of the same transaction finds the account, and the next numbers, as they were before."""
    shop = Policies(database)
    shop.earn(100)
    refused: Any
    refused, after, held = shop.ledger.run(
        [
            AllOrNothing(
                (shop.spending(70, reference="order 7"), shop.hold(10, reference="basket"), shop.spending(99))
            ),
            shop.spending(60),
            shop.hold(40),
        ]
    )
    assert [type(outcome) for outcome in refused] == [GroupRefused, GroupRefused, InsufficientPoints]
    assert answered(after).value.entry.seq == 2
    assert answered(held).value.hold.number == 1
    assert shop.rows("SELECT seq, points, reference FROM spending") == [(2, 60, "")]
    assert shop.rows("SELECT number, points, reference FROM hold") == [(1, 40, "")]
    shop.assert_conserved()


def test_a_purchase_whose_lot_was_activated_with_a_group_that_failed_still_waits(database: Database) -> None:
    """What follows the lot must be taken back with it."""
    shop = Policies(database)
    shop.earn(100, card="slow", transaction_id="t")
    outcomes = shop.all_or_nothing(shop.lot(1, activate=True, card="slow"), shop.spending(10**6))
    assert isinstance(outcomes[1], InsufficientPoints)
    assert shop.rows("SELECT decided FROM transaction") == [("PENDING",)]
    assert answered(shop.do(shop.decision("t", accept=True))).value.state == "ACCEPTED"


def test_requests_of_a_group_that_was_taken_back_are_not_kept(database: Database) -> None:
    """They may be sent again under the same ids, together or alone."""
    shop = Policies(database)
    bought = shop.purchase(10)
    shop.all_or_nothing(bought, shop.spending(99))
    assert not shop.do(bought).replayed


def test_a_purchase_that_was_taken_back_is_not_known(database: Database) -> None:
    """Its refund in the same transaction hears that there is none."""
    shop = Policies(database)
    outcomes: Any = shop.ledger.run(
        [AllOrNothing((shop.purchase(10, transaction_id="t"), shop.spending(99))), shop.refund("t")]
    )
    assert isinstance(outcomes[1], TransactionNotFound)
    assert shop.rows("SELECT count(*) FROM transaction") == [(0,)]


def test_a_number_that_stands_in_the_books_already_does_not_mislead_its_refund(database: Database) -> None:
    """A till sends the number again by mistake, for another card, at the moment at which the purchase is refunded."""
    shop = Policies(database)
    shop.earn(100, transaction_id="t", occurred_at=START)
    outcomes = shop.group(shop.purchase(100, card="slow", transaction_id="t"), shop.refund("t"))
    assert answered(outcomes[1]).value.claimed.own_lot == 100


def _open(shop: Policies) -> None:
    """Makes rewards of one card of stamps, and of two."""
    shop.offer("one", "stamps", 10)
    shop.offer("two", "stamps", 20)


def _told(outcome: object, program: str) -> tuple[str, ...]:
    """What the caller heard, but for instants and ids of recording."""
    if isinstance(outcome, Exception):
        return (type(outcome).__name__, str(outcome).replace(program, ""))
    value = answered(outcome).value
    facts = value._asdict() | dict.fromkeys(("recorded_at", "received_by", "issued_by", "claim"), "")
    return (type(value).__name__, *(f"{name}={facts[name]}".replace(program, "") for name in sorted(facts)))
