"""Points given to somebody else: two legs in one transaction, the same end for each point, a cap a day."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.refusals import (
    AmountTooLarge,
    CustomerNotFound,
    DailyCapReached,
    InsufficientPoints,
    PrecisionTooFine,
    TransferBetweenCards,
    TransferToItself,
)
from storage.engine.database import Database
from tests.storage.policies import Policies
from tests.storage.scene import START

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers."""
    return Policies(database)


def test_both_legs_are_written_and_each_points_end_goes_with_it(shop: Policies) -> None:
    """What ada would have lost in February, ben loses in February."""
    shop.earn(30, card="monthly")
    shop.advance(10 * DAY)
    shop.earn(50, card="monthly")
    sent = shop.do(shop.transfer(40, card="monthly")).value
    assert (sent.sent.amount, sent.received.amount, sent.balance.spendable) == (-40, 40, 40)
    assert shop.history("ben", "monthly") == [("TRANSFER_IN", 40)]
    lots = shop.rows("SELECT points, expires_at, origin FROM lot WHERE origin_account IS NOT NULL ORDER BY number")
    ends = [datetime(2025, 2, 1, 23, tzinfo=UTC), datetime(2025, 2, 11, 23, tzinfo=UTC)]
    assert lots == [(30, ends[0], 1), (10, ends[1], 2)]
    shop.advance(ends[0] - START - 10 * DAY)
    assert (shop.balance("ben", "monthly").active, shop.balance(card="monthly").active) == (10, 40)
    shop.assert_conserved()


def test_each_of_them_finds_it_in_his_history_with_the_name_of_the_other(shop: Policies) -> None:
    """Two events of two customers; the answer knows both."""
    shop.earn(100)
    done = shop.do(shop.transfer(40))
    rows = shop.rows(
        "SELECT c.customer_id, a.points, a.body::json -> 'details' ->> 'to', a.body::json -> 'details' ->> 'from'"
        " FROM activity a JOIN customer c ON c.id = a.customer WHERE a.id = ANY(%s) ORDER BY 1",
        [[done.activity, done.value.received_by]],
    )
    account = "programs/coffee/customers/{}/accounts/plain"
    assert rows == [("ada", -40, account.format("ben"), None), ("ben", 40, None, account.format("ada"))]


def test_nobody_transfers_to_himself_nor_between_cards_or_programs(shop: Policies, database: Database) -> None:
    """That would be an exchange, with a rate that nobody decided."""
    Policies(database, program="tea")
    shop.earn(100)
    assert type(shop.refused(shop.transfer(10, to="ada"))) is TransferToItself
    for command in (shop.transfer(10, to_card="monthly"), shop.transfer(10, to_program="tea")):
        assert type(shop.refused(command)) is TransferBetweenCards
    assert type(shop.refused(shop.transfer(10, to="nobody"))) is CustomerNotFound


def test_only_what_there_is_can_be_given_and_only_to_whom_has_room(shop: Policies) -> None:
    """Both legs or none."""
    shop.earn(100)
    assert type(shop.refused(shop.transfer(101))) is InsufficientPoints
    shop.earn(2**53, name="ben")
    assert type(shop.refused(shop.transfer(1))) is AmountTooLarge


@pytest.mark.parametrize("together", [True, False])
def test_a_cap_counts_all_of_the_local_day(shop: Policies, together: bool) -> None:
    """A hundred points and two times a day, in the program's zone; what a group has sent counts too."""
    shop.earn(500, card="capped")
    shop.earn(500, "ben", "capped")
    commands = [shop.transfer(points, card="capped") for points in (60, 41, 30, 1)]
    outcomes = shop.group(*commands) if together else [shop.group(command)[0] for command in commands]
    refused = {number: one for number, one in enumerate(outcomes) if isinstance(one, Exception)}
    assert {number: type(one) for number, one in refused.items()} == {1: DailyCapReached, 3: DailyCapReached}
    over, often = refused[1], refused[3]
    assert isinstance(over, DailyCapReached)
    assert isinstance(often, DailyCapReached)
    assert over.facts == {"limit": "100", "what": "units", "used": "60"}
    assert often.facts == {"limit": "2", "what": "times", "used": "2"}
    shop.advance(datetime(2025, 1, 1, 23, tzinfo=UTC) - START - timedelta(microseconds=1))
    assert type(shop.refused(shop.transfer(1, card="capped"))) is DailyCapReached
    shop.advance(timedelta(microseconds=1))
    assert shop.do(shop.transfer(100, card="capped")).value.balance.spendable == 310


def test_a_cap_is_the_senders_own(shop: Policies) -> None:
    """What comes in uses nothing up."""
    shop.earn(100, card="capped")
    shop.do(shop.transfer(100, card="capped"))
    assert shop.do(shop.transfer(100, "ben", "ada", card="capped")).value.balance.spendable == 0


def test_stamps_are_given_by_whole_rewards(shop: Policies) -> None:
    """Half a coffee cannot be given away."""
    shop.earn(25, card="stamps")
    assert type(shop.refused(shop.transfer(15, card="stamps"))) is PrecisionTooFine
    shop.do(shop.transfer(20, card="stamps"))
    assert shop.balance("ben", "stamps").rewards == 2


def test_what_somebody_owes_is_paid_by_what_he_is_given(shop: Policies) -> None:
    """A friend is no way around a debt; the giver's receipt says what he gave."""
    shop.earn(80, card="owing", transaction_id="t")
    shop.do(shop.spending(80, card="owing"))
    shop.do(shop.refund("t"))
    shop.earn(100, "ben", "owing")
    shop.do(shop.transfer(100, "ben", "ada", card="owing"))
    assert shop.figures(card="owing") == (0, 20, 0, 0, 20)
    assert shop.history(card="owing")[-2:] == [("TRANSFER_IN", 100), ("REPAYMENT", -80)]
    shop.assert_conserved()
