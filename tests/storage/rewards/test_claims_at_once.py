"""Claims of many at once, over several writers: exactly as many as there are, and every point accounted for."""

from concurrent.futures import ThreadPoolExecutor

from rules.coupons.refusals import CustomerLimitReached, RewardSoldOut
from rules.coupons.terms import CustomerLimit, Period
from storage.engine.database import Database
from storage.engine.requests import Answer
from tests.storage.blocking import written
from tests.storage.policies import Policies

WRITERS = 4
NAMES = [f"c-{number}" for number in range(20)]
TAKEN = "SELECT sum(taken)::int, (SELECT count(*)::int FROM claim WHERE state = 'CLAIMED') FROM stock_slot"


def opened(database: Database) -> Policies:
    """Twenty customers with two hundred points each: more than any of them asks for."""
    shop = Policies(database, *NAMES)
    shop.group(*(shop.purchase(200, name) for name in NAMES))
    return shop


def at_once(shop: Policies, claims_each: int) -> list[object]:
    """What each of so many claims by each writer is told; the writers are those of server processes."""

    def process(number: int) -> list[object]:
        calls = [[shop.claim(name=NAMES[(number + one) % 20])] for one in range(claims_each)]
        return [outcome for [outcome] in written(shop, calls)]

    with ThreadPoolExecutor(WRITERS) as processes:
        return [one for part in processes.map(process, range(WRITERS)) for one in part]


def test_of_fifty_pieces_fifty_are_had(database: Database) -> None:
    """Two hundred claims by four writers: one more is a mug that is not there, one less an offer that was not kept."""
    shop = opened(database)
    shop.offer(price=10, stock=50)
    told = at_once(shop, 50)
    assert sum(isinstance(one, Answer) for one in told) == 50
    assert sum(isinstance(one, RewardSoldOut) for one in told) == 150
    assert shop.rows(TAKEN) == [(50, 50)]
    assert shop.rows("SELECT sum(spent)::int FROM account") == [(500,)]
    shop.assert_conserved()


def test_each_customer_has_as_many_as_may_be(database: Database) -> None:
    """Whoever taps ten times, on two phones, has what one who taps twice has."""
    shop = opened(database)
    shop.offer(price=10, customer_limits=(CustomerLimit(Period.MONTH, 2),))
    told = at_once(shop, 50)
    assert sum(isinstance(one, Answer) for one in told) == 40
    assert sum(isinstance(one, CustomerLimitReached) for one in told) == 160
    assert shop.rows("SELECT DISTINCT count(*) FROM claim GROUP BY customer") == [(2,)]
    shop.assert_conserved()


def test_what_is_cancelled_at_once_comes_back_once(database: Database) -> None:
    """Two people of support press the same button."""
    shop = opened(database)
    shop.offer(price=10, stock=20)
    made = [shop.do(shop.claim(name=name)).value.claim for name in NAMES]

    def process(_: int) -> list[object]:
        return [outcome for [outcome] in written(shop, [[shop.cancelling(claim)] for claim in made])]

    with ThreadPoolExecutor(WRITERS) as processes:
        told = [one for part in processes.map(process, range(WRITERS)) for one in part]
    assert sum(isinstance(one, Answer) for one in told) == 20
    assert shop.rows(TAKEN) == [(0, 0)]
    assert shop.rows("SELECT sum(spent)::int FROM account") == [(0,)]
    shop.assert_conserved()
