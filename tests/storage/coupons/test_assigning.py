"""Coupons given to customers, from a pool, by name or made on the spot; and voided."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from rules.coupons.coupons import CouponState, Origin
from rules.coupons.refusals import (
    CampaignArchived,
    CampaignNotFound,
    CouponAssigned,
    CouponExpired,
    CouponNotApplicable,
    CouponNotFound,
    CouponReserved,
    CouponUsedUp,
    CouponVoided,
    CouponWrongCustomer,
    NoCouponLeft,
)
from rules.coupons.terms import Benefit, CodeSource, Terms
from rules.refusals import CustomerClosed
from storage.coupons import nouns
from storage.coupons.nouns import POOL
from storage.engine.database import Database
from storage.engine.requests import Answer
from tests.storage.blocking import written
from tests.storage.coupons.till import FIVE_OFF, START, Till

DAY = timedelta(days=1)


@pytest.fixture
def till(database: Database) -> Till:
    """Ada and Ben, a campaign whose codes are made on the spot, and one with a pool."""
    made = Till(database)
    made.campaign()
    made.campaign("pool", replace(FIVE_OFF, code_source=CodeSource.POOL))
    return made


def test_a_code_is_made_on_the_spot(till: Till) -> None:
    """Whoever is to get a coupon waits for nobody to generate one; it is theirs alone."""
    answer = till.do(till.assign(campaign_id="spring", code="FRESHCODE9"))
    read = answer.value
    assert (read.customer, read.state) == ("programs/coffee/customers/ada", CouponState.ASSIGNED)
    assert (read.coupon.code, read.coupon.origin) == (till.seal("FRESHCODE9"), Origin.ASSIGNED)
    coupon = nouns.by_code("coffee", read.coupon.code)
    assert isinstance(till.refused(till.redeem(coupon, name="ben")), CouponWrongCustomer)
    till.do(till.redeem(coupon))
    till.campaign("gift", Terms(Benefit.BALANCE, amount_minor=3_000, currency_code="EUR"))
    assert till.do(till.assign(campaign_id="gift")).value.coupon.balance_minor == 3_000


def test_the_pool_gives_each_of_its_coupons_once(till: Till) -> None:
    """Also to those who ask in one moment; then none is left, and nobody gets one that was used or voided meanwhile."""
    coupons = [till.coupon("pool", pooled=True) for _ in range(5)]
    till.do(till.redeem(coupons[0], name="ben"))
    till.do(till.void(coupons[1]))
    [outcomes] = written(till, [[till.assign(campaign_id="pool", name=name) for name in ("ada", "ben") * 2]])
    given = [one.value.coupon.code for one in outcomes if isinstance(one, Answer)]
    assert sorted(given) == sorted(key[2] for key in coupons[2:])
    assert isinstance(outcomes[3], NoCouponLeft)


def test_a_pool_gives_nothing_that_has_ended(till: Till) -> None:
    """By the clock of the program: a customer could do nothing with it. What ends first is given first."""
    later, soon = (till.coupon("pool", pooled=True, expires_at=START + days * DAY) for days in (9, 3))
    till.coupon("pool", pooled=True, expires_at=START)
    given = [till.do(till.assign(campaign_id="pool")).value.coupon.code for _ in range(2)]
    assert given == [soon[2], later[2]]
    assert isinstance(till.refused(till.assign(campaign_id="pool")), NoCouponLeft)
    till.coupon("pool", pooled=True, expires_at=START + DAY)
    till.advance(DAY)
    assert isinstance(till.refused(till.assign(campaign_id="pool")), NoCouponLeft)


def test_a_pool_is_searched_past_whatever_cannot_be_given(till: Till) -> None:
    """All customers wait for it: neither ten millions that are being made, nor what was discarded, has ended or was
    given may be read through."""
    till.execute(BATCHES)
    till.execute(SHELVES)
    till.coupon("pool", pooled=True, batch=5)
    till.execute("UPDATE coupon SET pooled = false WHERE batch = 3")
    till.execute("ANALYZE coupon")
    till.execute("ANALYZE coupon_batch")
    keys = [nouns.of_pool("coffee", "campaign", "pool", ("", "", str(number))) for number in range(2)]
    with till.another_connection() as books, books.transaction():
        [found] = books.execute(f"SELECT {POOL.load}(%s)".encode(), [json.dumps(keys)]).fetchone() or ()
        read = books.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'coupon'"
        ).fetchone()
    assert len(found[0]) == 1
    assert read is not None
    assert read[0] < 10


# Batch 1 is being made, 2 was discarded; of those that are published, 3 was given, 4 has ended, 5 has one left.
BATCHES = """
INSERT INTO coupon_batch (campaign, number, program, origin, pattern, created_at, published_at, discarded_at, activity)
SELECT c.id, n, program, 'GENERATED', '', now(), CASE WHEN n > 2 THEN now() END, CASE n WHEN 2 THEN now() END, activity
FROM coupon_campaign c CROSS JOIN generate_series(1, 5) AS n WHERE campaign_id = 'pool'
"""
SHELVES = """
INSERT INTO coupon (program, campaign, id, code, last_four, origin, added_at, batch, pooled, expires_at)
SELECT program, c.id, lpad(to_hex(n), 32, '0')::uuid, decode(md5(n::text), 'hex'), 'WXYZ', 'GENERATED', now(),
    mod(n, 4) + 1, true, CASE mod(n, 4) WHEN 3 THEN timestamptz '2024-01-01' END
FROM coupon_campaign c CROSS JOIN generate_series(1, 4000) AS n WHERE campaign_id = 'pool'
"""


def test_a_pool_that_somebody_has_in_hand_is_waited_for(till: Till) -> None:
    """Nobody is told that none is left while the last one may still come back."""
    till.coupon("pool", pooled=True)
    with till.another_connection() as other, other.transaction():
        other.execute("SELECT FROM coupon FOR NO KEY UPDATE")
        [[waiting]] = written(till, [[till.assign(campaign_id="pool", deadline=_soon())]])
        assert type(waiting).__name__ == "Busy"
    till.do(till.assign(campaign_id="pool"))


def test_one_that_is_named_is_given(till: Till) -> None:
    """By its code or its name, unless something is against it, which is told."""
    by_code = till.coupon()
    till.do(till.assign(by_code))
    assert isinstance(till.refused(till.assign(by_code, name="ben")), CouponAssigned)
    [(identity,)] = till.rows("SELECT id::text FROM coupon WHERE code = decode(%s, 'hex')", [till.coupon()[2]])
    till.do(till.assign(nouns.by_name("coffee", "spring", identity), name="ben"))
    assert isinstance(till.refused(till.assign(nouns.by_name("coffee", "pool", identity))), CouponNotFound)
    used, held, voided = till.coupon(), till.coupon(), till.coupon()
    till.do(till.redeem(used))
    till.do(till.reserve(held))
    till.do(till.void(voided))
    over = till.coupon(expires_at=datetime(2024, 1, 1, tzinfo=UTC))
    till.campaign("many", replace(FIVE_OFF, unlimited_for_customer=True))
    for coupon, refusal in (
        (used, CouponUsedUp),
        (held, CouponReserved),
        (voided, CouponVoided),
        (over, CouponExpired),
        (till.shared("many"), CouponNotApplicable),
    ):
        assert isinstance(till.refused(till.assign(coupon)), refusal)
    till.advance(timedelta(minutes=15))
    assert till.do(till.assign(held)).value.state is CouponState.ASSIGNED
    till.do(till.redeem(held, order_id="o-1"))


def test_days_count_from_the_assignment(till: Till) -> None:
    """Two days from the first of January are over with the third, in Prague."""
    till.campaign("days", replace(FIVE_OFF, days_from_assignment=2, last_day=date(2025, 1, 2)))
    read = till.do(till.assign(campaign_id="days")).value
    assert read.coupon.expires_at == datetime(2025, 1, 2, 23, tzinfo=UTC)
    till.campaign("free", replace(FIVE_OFF, days_from_assignment=2))
    read = till.do(till.assign(campaign_id="free")).value
    assert read.coupon.expires_at == datetime(2025, 1, 3, 23, tzinfo=UTC)
    till.advance(2 * DAY)
    assert isinstance(till.refused(till.assign(campaign_id="days")), CouponExpired)


def test_of_a_campaign_that_is_not_there_or_archived_none_is_given(till: Till) -> None:
    """What ended begins for nobody."""
    assert isinstance(till.refused(till.assign(campaign_id="autumn")), CampaignNotFound)
    till.execute("UPDATE coupon_campaign SET archived = true")
    assert isinstance(till.refused(till.assign(campaign_id="spring")), CampaignArchived)
    assert isinstance(till.refused(till.assign(till.coupon())), CampaignArchived)


def test_voided_is_for_good(till: Till) -> None:
    """A code that leaked opens nothing any more, for many or for one."""
    till.campaign("many", replace(FIVE_OFF, unlimited_for_customer=True))
    for coupon in (till.coupon(), till.shared("many")):
        assert till.do(till.void(coupon)).value.state is CouponState.VOIDED
        assert isinstance(till.refused(till.void(coupon)), CouponVoided)
        assert isinstance(till.refused(till.redeem(coupon)), CouponVoided)
    theirs = till.coupon(name="ben")
    till.execute("UPDATE customer SET state = 'CLOSED' WHERE customer_id = 'ben'")
    assert isinstance(till.refused(till.void(theirs)), CustomerClosed)


def _soon() -> float:
    import time

    return time.monotonic() + 1.0
