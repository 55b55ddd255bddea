"""How a campaign stands: its coupons, its redemptions and what they gave, counted at one instant."""

from datetime import datetime
from typing import NamedTuple

from rules.coupons.coupons import uses_max
from storage.coupons.reading.coupons import campaign_of, program_of, terms_of
from storage.engine.database import Connection
from storage.ledger.reading import accounts


class Statistics(NamedTuple):
    """Coupons: that can be seen; that a customer has; whose uses are set aside; that were used and not wholly given
    back; that ended unused or with uses left; that were voided. `value_given` is in minor units by currency; it and
    `points_given` are of redemptions that stand."""

    issued: int
    assigned: int
    reserved: int
    redeemed: int
    expired: int
    voided: int
    redemptions: int
    rolled_back: int
    value_given: dict[str, int]
    points_given: int
    as_of: datetime


def of_campaign(books: Connection, program_id: str, campaign_id: str) -> Statistics:
    """Those of a campaign, as one snapshot. Raises ProgramNotFound, CampaignNotFound."""
    with accounts.snapshot(books):
        program = program_of(books, program_id)
        campaign = campaign_of(books, program, program_id, campaign_id)
        [of] = terms_of(books, program, program_id, [campaign]).values()
        asked = {
            "campaign": campaign,
            "now": program.now,
            "ends_at": of.window.ends_at,
            "uses_max": uses_max(of.terms, is_shared=False),
        }
        [issued, assigned, redeemed, expired, voided] = books.execute(_COUPONS, asked).fetchone() or (0,) * 5
        [reserved, shared_redeemed] = books.execute(_IN_USE, asked).fetchone() or (0,) * 2
        given = books.execute(_GIVEN, asked).fetchall()
        return Statistics(
            issued,
            assigned,
            reserved,
            redeemed + shared_redeemed,
            expired,
            voided,
            sum(made for _, made, *_ in given),
            sum(rolled_back for _, _, rolled_back, *_ in given),
            {currency: value for currency, *_, value, _ in given if currency and value},
            sum(points for *_, points in given),
            program.now,
        )


# Whether a shared coupon has uses left is no matter: it ends as one.
_COUPONS = """
SELECT count(*), count(c.customer), count(*) FILTER (WHERE c.uses > 0),
    count(*) FILTER (
        WHERE c.voided_at IS NULL AND coalesce(c.expires_at, %(ends_at)s::timestamptz) <= %(now)s::timestamptz
        AND coalesce(c.balance_minor > 0 OR c.reserved > 0, c.stock IS NOT NULL OR c.uses < %(uses_max)s::bigint)
    ),
    count(c.voided_at)
FROM coupon AS c LEFT JOIN coupon_batch AS b ON b.campaign = c.campaign AND b.number = c.batch
WHERE c.campaign = %(campaign)s AND (c.batch IS NULL OR b.published_at IS NOT NULL)
"""

_IN_USE = """
SELECT (
    SELECT count(DISTINCT coupon) FROM redemption
    WHERE campaign = %(campaign)s AND state = 'RESERVED' AND expires_at > %(now)s::timestamptz
), (
    SELECT count(*) FROM coupon AS c WHERE c.campaign = %(campaign)s AND c.stock IS NOT NULL AND EXISTS (
        SELECT FROM redemption AS r WHERE r.campaign = c.campaign AND r.coupon = c.id AND r.state = 'REDEEMED'
    )
)
"""

_GIVEN = """
SELECT currency_code, count(*), count(*) FILTER (WHERE state = 'ROLLED_BACK'),
    coalesce(sum(discount_minor) FILTER (WHERE state = 'REDEEMED'), 0)::bigint,
    coalesce(sum(points) FILTER (WHERE state = 'REDEEMED'), 0)::bigint
FROM redemption WHERE campaign = %(campaign)s AND state IN ('REDEEMED', 'ROLLED_BACK')
GROUP BY currency_code ORDER BY currency_code
"""
