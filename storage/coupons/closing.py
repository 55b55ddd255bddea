"""What becomes of the coupons of a customer who is blocked or closed.

What is reserved is released at once, and stocks and limits have those uses again: the customer may not redeem it, and
nobody else could have it meanwhile. One who is blocked keeps its coupons, as its points, for the day it is let in
again.

The own coupons of one who is closed are voided, where they could still be used. Nobody else may ever use them, and the
customer is closed for good: left as they are, they would be counted as outstanding for ever, gift cards with the money
on them. What was used up or has expired stays what it is, so that it can still be read whether it was used. A coupon of
nobody is none of the customer's, whoever used it; nor is a shared one.

Nothing here is personal data: ids of orders are their sender's.
"""

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

from storage.engine.unit import Unit
from storage.programs.queries import Program
from storage.stock import commands as stocks


class Ended(NamedTuple):
    """How many reservations were released, and how many coupons voided; and passes (storage/passes/ending.py)."""

    reservations: int = 0
    coupons: int = 0
    passes: int = 0

    def told(self) -> dict[str, int]:
        """For an activity: of what there was any."""
        return {name: count for name, count in self._asdict().items() if count}


def ending(unit: Unit, program: Program, customer: int, voids: bool) -> Ended:
    """What `end` would end. The customer, its accounts and its coupons are locked."""
    values = _values(program, customer, program.now(unit.now))
    [reservations] = unit.connection.execute(_RESERVATIONS, values).fetchone() or (0,)
    [coupons] = (unit.connection.execute(_COUPONS, values).fetchone() if voids else None) or (0,)
    return Ended(reservations, coupons)


def end(unit: Unit, program: Program, customer: int, activity: str, voids: bool) -> None:
    """Releases what is reserved, and with `voids` voids its coupons. The activity is written."""
    values = {**_values(program, customer, program.now(unit.now)), "activity": activity}
    unit.connection.execute(_FREE, values)
    released = unit.connection.execute(_RELEASE, values).fetchall()
    if voids:
        unit.connection.execute(_VOID, values)
    stocks.give_back(unit.connection, Counter(stock for (counted,) in released for stock in counted))


def _values(program: Program, customer: int, now: datetime) -> dict[str, Any]:
    return {"customer": customer, "now": now, "time_zone": program.settings.time_zone}


_RESERVATIONS = """
SELECT count(*) FROM redemption WHERE customer = %(customer)s AND state = 'RESERVED' AND expires_at > %(now)s
"""

# What could still be used, as rules/coupons/availability.py has it: neither void, expired nor used up. What is reserved
# comes back.
_USABLE = """
coupon.customer = %(customer)s AND coupon.campaign = c.id AND coupon.voided_at IS NULL
AND CASE WHEN coupon.expires_at IS NOT NULL THEN coupon.expires_at > %(now)s
    ELSE coalesce((c.terms ->> 'last_day')::date >= (%(now)s AT TIME ZONE %(time_zone)s)::date, true) END
AND (coupon.balance_minor IS NULL OR coupon.balance_minor > 0 OR coupon.reserved > 0)
AND ((coupon.balance_minor IS NOT NULL AND c.terms ->> 'uses_per_code' = '0')
     OR coupon.uses < greatest((c.terms ->> 'uses_per_code')::bigint, 1))
"""

_COUPONS = f"SELECT count(*) FROM coupon, coupon_campaign c WHERE {_USABLE}"  # noqa: S608 - ours

_VOID = f"UPDATE coupon SET voided_at = %(now)s FROM coupon_campaign c WHERE {_USABLE}"  # noqa: S608 - ours

# A shared coupon is counted by its stock alone.
_FREE = """
UPDATE coupon SET reserved = coupon.reserved - r.uses, balance_minor = coupon.balance_minor + r.balance
FROM (
    SELECT campaign, coupon, count(*) AS uses, coalesce(sum(discount_minor), 0) AS balance FROM redemption
    WHERE customer = %(customer)s AND state = 'RESERVED' GROUP BY campaign, coupon
) AS r
WHERE (coupon.campaign, coupon.id) = (r.campaign, r.coupon) AND coupon.stock IS NULL
"""

# Those whose time has passed end as they do when anybody comes by. With each, the stocks that counted it.
_RELEASE = """
UPDATE redemption r SET
    state = CASE WHEN r.expires_at > %(now)s THEN 'RELEASED' ELSE 'EXPIRED' END,
    discount_minor = CASE WHEN r.expires_at > %(now)s THEN r.discount_minor END,
    ended_at = least(r.expires_at, %(now)s), activity = %(activity)s
FROM coupon_campaign c, coupon
WHERE r.customer = %(customer)s AND r.state = 'RESERVED' AND c.id = r.campaign
      AND (coupon.campaign, coupon.id) = (r.campaign, r.coupon)
RETURNING array_remove(ARRAY[c.stock, coupon.stock], NULL)
"""
