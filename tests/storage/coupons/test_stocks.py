"""Limits of campaigns and shared codes against the books: exact, whatever is reserved, held by others or lowered."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rules.coupons.refusals import CampaignUsedUp, CouponNotFound, CouponNotStackable, CouponUsedUp, CouponWrongCustomer
from rules.coupons.terms import Benefit, Terms
from storage.coupons import nouns
from storage.coupons.acts.using import Wanted
from storage.coupons.validating import ValidateCoupons
from storage.engine.database import Database, apply, connection
from storage.engine.requests import Answer
from storage.engine.session import Session, session
from storage.engine.slots import LATER
from storage.engine.sockets import blocking
from storage.ledger.batch import Ledger
from storage.ledger.commands import AllOrNothing
from storage.ledger.limits import HOT
from storage.stock import commands as stocks
from tests.storage.blocking import Reader, written
from tests.storage.coupons.till import FIVE_OFF, RedemptionState, Till

TTL = timedelta(seconds=60)
MANY = replace(FIVE_OFF, unlimited_for_customer=True)


@pytest.fixture
def till(database: Database) -> Till:
    """Ada, Ben and Cleo."""
    return Till(database, "ada", "ben", "cleo")


def _few(till: Till, uses_max: int, coupons: int) -> list[Any]:
    """A campaign with so many uses, and coupons of it."""
    till.campaign("few", replace(FIVE_OFF, amount_minor=1, uses_max=uses_max))
    return [till.coupon("few") for _ in range(coupons)]


def test_an_order_gets_as_many_of_a_campaign_as_are_left(till: Till) -> None:
    """Six of ten free uses are six, whichever slots one group takes in hand at first; and the eleventh is refused."""
    coupons = _few(till, 10, 11)
    [[first]] = written(till, [[till.redeem(*coupons[:6])]])
    [[second]] = written(till, [[till.redeem(*coupons[6:], order_id="o-2")]])
    [[third]] = written(till, [[till.redeem(*coupons[6:10], order_id="o-2")]])
    assert (type(first), type(second), type(third)) == (Answer, CampaignUsedUp, Answer)
    assert till.standing_of(coupons[0]).of_campaign == 10


def test_orders_of_several_coupons_that_arrive_together_get_what_is_left(till: Till) -> None:
    """Those of one group, each and all or none: nobody is refused while as many are left as it needs."""
    coupons = _few(till, 20, 20)
    pairs = [till.redeem(*coupons[2 * at : 2 * at + 2], name=("ada", "ben")[at % 2]) for at in range(5)]
    assert [type(one) for [one] in written(till, [[pair] for pair in pairs])] == [Answer] * 5
    together = [till.redeem(*coupons[start : start + 5], order_id=f"o-{start}") for start in (10, 15)]
    [outcomes] = written(till, [[AllOrNothing(tuple(together))]])
    assert [type(one) for one in outcomes[0]] == [Answer, Answer]
    assert till.standing_of(coupons[0]).of_campaign == 20


def test_what_others_hold_is_waited_for(till: Till) -> None:
    """They may take nothing of it: an order of two is not told that one is left, and not that none is."""
    first, second = _few(till, 10, 2)
    with till.another_connection() as other, ThreadPoolExecutor(1) as server:
        with other.transaction():
            other.execute("SELECT FROM stock_slot WHERE slot > 0 FOR NO KEY UPDATE")
            waiting = server.submit(lambda: written(till, [[till.redeem(first, second)]]))
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        [[outcome]] = waiting.result(10)
    assert isinstance(outcome, Answer)


def test_questions_count_what_has_ended_as_the_redemption_does(till: Till) -> None:
    """A reservation that is over is no use: to say so at the basket and to take it at the till would be a lie."""
    [coupon] = _few(till, 1, 1)
    till.do(till.reserve(coupon))
    till.advance(TTL * 20)
    command = till.redeem(coupon, name="ben", order_id="o-2")
    [told] = Reader(till.database).run([ValidateCoupons(command.name, command.order, command.coupons)])
    assert [verdict.refusals for verdict, _ in told.verdicts] == [()]
    till.do(till.redeem(coupon, name="ben", order_id="o-2", validate_only=True))
    till.do(command)


def test_questions_lock_nothing_and_wait_for_nobody(till: Till) -> None:
    """Somebody who looks at a basket keeps no till waiting: also where what has ended is counted."""
    first, second = _few(till, 1, 2)
    till.do(till.reserve(first, ttl_s=60))
    till.advance(TTL)
    with till.another_connection() as other, other.transaction():
        other.execute("SELECT FROM coupon FOR NO KEY UPDATE")
        other.execute("SELECT FROM redemption FOR NO KEY UPDATE")
        other.execute("SELECT FROM stock_slot FOR NO KEY UPDATE")
        till.do(till.redeem(second, name="ben", validate_only=True))


@pytest.mark.parametrize("first", ["AAAA2026", "BBBB2026"])
def test_what_has_ended_of_one_shared_code_opens_the_campaign_for_the_other(till: Till, first: str) -> None:
    """Nobody may ever name the code again that was reserved, and the campaign would be shut for good."""
    till.campaign("two", replace(MANY, uses_max=1))
    codes = {code: till.shared("two", code) for code in ("AAAA2026", "BBBB2026")}
    reserved = codes.pop(first)
    [other] = codes.values()
    till.do(till.reserve(reserved, ttl_s=60))
    assert isinstance(till.refused(till.redeem(other, name="ben")), CampaignUsedUp)
    till.advance(TTL)
    till.do(till.redeem(other, name="ben"))
    assert (till.standing_of(reserved).of_code, till.standing_of(other)[3:]) == (0, (1, 1))
    assert till.redemptions(RedemptionState.EXPIRED) == 1


def test_what_has_ended_pays_a_debt_first_and_then_opens_the_campaign(till: Till) -> None:
    """More reservations than one look would end: a limit that was lowered meanwhile needs most of them."""
    till.campaign("two", replace(MANY, uses_max=300))
    shared = till.shared("two")
    for at in range(260):
        till.do(till.reserve(shared, order_id=f"o-{at}", ttl_s=60))
    [[stock]] = till.rows("SELECT stock FROM coupon_campaign")
    with connection(till.database) as books, books.transaction():
        stocks.resize(books, stock, 10)
    assert isinstance(till.refused(till.redeem(shared, name="ben")), CampaignUsedUp)
    till.advance(TTL)
    till.do(till.redeem(shared, name="ben"))
    assert till.redemptions(RedemptionState.EXPIRED) > 250


def test_an_order_has_a_coupon_once_also_in_calls_of_its_own(till: Till) -> None:
    """A till that sends the same code with every line would get the discount with each; another order is another."""
    till.campaign("many", MANY)
    shared = till.shared("many")
    till.do(till.redeem(shared, order_id="o-1"))
    again = till.refused(till.redeem(shared, order_id="o-1"))
    assert isinstance(again, CouponNotStackable)
    assert again.facts["what"] == "the order has it already"
    till.do(till.redeem(shared, order_id="o-2"))
    assert till.redemptions(RedemptionState.REDEEMED) == 2
    till.campaign("gift", Terms(Benefit.BALANCE, amount_minor=1_000, currency_code="EUR"))
    card = till.coupon("gift", initial_minor=1_000, balance_minor=1_000)
    for _ in range(2):
        till.do(till.redeem(Wanted(card, 100), order_id="o-1"))
    assert till.standing_of(card).balance_minor == 800


def test_a_coupon_that_is_told_as_unknown_takes_as_long_as_one(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a campaign that is used up nothing is looked for where the coupon is another's: a statement more is a
    difference that can be measured."""
    used, foreign = _few(till, 1, 1)[0], till.coupon("few", name="ben")
    till.do(till.redeem(used, name="ben"))
    statements: list[str] = []
    run = Session.run

    async def seeing(self: Session, statement: Any, *args: Any, **how: Any) -> Any:
        statements.append(statement.sql)
        return await run(self, statement, *args, **how)

    monkeypatch.setattr(Session, "run", seeing)
    counts = []
    for key, refusal in ((till.coded("QQQQ2222QQQQ"), CouponNotFound), (foreign, CouponWrongCustomer)) * 2:
        statements.clear()
        assert isinstance(till.refused(till.redeem(key)), refusal)
        counts.append(len(statements))
    assert counts[2] == counts[3]


@pytest.mark.parametrize("order_id", ["o-1", "o-2"])
def test_a_reservation_in_other_hands_is_waited_for_before_anything_is_written(till: Till, order_id: str) -> None:
    """Who takes a coupon writes the reservation of somebody else that has ended. Were that not locked with the coupon,
    the writer would wait for it with everybody's rows in hand, and two writers for each other."""
    till.campaign("plain", FIVE_OFF)
    coupon = till.coupon("plain")
    till.do(till.reserve(coupon, order_id="o-1", ttl_s=60))
    till.advance(TTL)
    command = till.redeem(coupon, name="ben" if order_id == "o-2" else "ada", order_id=order_id)
    with till.another_connection() as other, connection(till.database) as books:
        with other.transaction():
            other.execute("SELECT FROM redemption FOR NO KEY UPDATE")
            apply(books, HOT)
            outcomes = blocking(Ledger().run(session(books), [command, till.purchase(5, "cleo")]))
            assert (outcomes[0], type(outcomes[1])) == (LATER, Answer)
        [outcome] = blocking(Ledger().run(session(books), [command]))
    assert isinstance(outcome, Answer)


def test_a_customer_in_other_hands_keeps_what_was_reserved(till: Till) -> None:
    """Whom a group passes over, of that customer it locks no redemption: two that pass over each other get nowhere."""
    till.campaign("many", MANY)
    shared = till.shared("many")
    till.do(till.reserve(shared, order_id="o-1"))
    name = till.customer("ada")
    with till.another_connection() as other, till.another_connection() as books, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(1129270351, id::integer) FROM customer")
        with books.transaction():
            held = ((nouns.HOLDER, (*name, "order", "o-1")), (nouns.COUPON, nouns.used_for(name, "o-1")))
            for noun, key in held:
                books.execute(f"SELECT {noun.lock}(%s, false)".encode(), (json.dumps([key]),))
            assert other.execute("SELECT FROM redemption FOR NO KEY UPDATE SKIP LOCKED").rowcount == 1


def test_a_shared_code_that_is_used_up_ends_what_is_reserved_of_it(till: Till) -> None:
    """Of that code, and of no other: the campaign has uses left."""
    till.campaign("two", replace(MANY, uses_per_code=1))
    one, two = till.shared("two", "AAAA2026"), till.shared("two", "BBBB2026")
    for code in (one, two):
        till.do(till.reserve(code, ttl_s=60))
    assert isinstance(till.refused(till.redeem(one, name="ben")), CouponUsedUp)
    till.advance(TTL)
    till.do(till.redeem(one, name="ben"))
    assert till.redemptions(RedemptionState.EXPIRED) == 1
