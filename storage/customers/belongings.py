"""What is a customer's besides points and purchases, and goes with it to another when the two are merged.

Each is rows of a table that say whose they are. A merge moves all of a customer's and remembers which; its way back
moves these again, but for what was used since: a reservation that was redeemed, and a coupon with a use that stands
besides those that go back. They stay with their use, for it was the other's, whom limits had counted by then.

Of a pass the other may have one of the same kind. That one stays, and what moves is voided: one customer has one card
of a template. On the way back it is as it was.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from storage.customers.queries import Customer
from storage.engine.unit import Unit
from storage.programs.queries import Program


class Belonging(NamedTuple):
    """A table of what customers have; its rows have a customer, and an id that no other row has.

    `noun` is what merges remember it as, `state` the SQL of the state in which a row moves. `has_account`: it names an
    account of its customer, which is the other's of the same card once it has moved. `stays` is the SQL of whether the
    row `it` was used since, remembered as `kept`. `moving` and `returning` are the SQL of what else is set on either
    way.
    """

    noun: str
    table: str
    state: str = "NULL"
    has_account: bool = False
    stays: str = "false"
    moving: str = ""
    returning: str = ""


# A use that stands, of the same coupon, and does not go back itself.
_USED = """EXISTS (
    SELECT FROM redemption r
    WHERE r.campaign = it.campaign AND r.coupon = it.id AND r.customer = %(target)s
          AND r.state IN ('RESERVED', 'REDEEMED') AND NOT EXISTS (
              SELECT FROM merge_belonging k
              WHERE k.activity = %(merge)s AND k.noun = 'REDEMPTION' AND k.id = r.id AND k.state = r.state
          )
)"""

# The other has one of the same template, and of the same coupon or claim, that is not voided.
_HAS_SUCH = """it.voided_at IS NULL AND EXISTS (
    SELECT FROM pass p WHERE p.customer = %(target)s AND p.template = it.template AND p.voided_at IS NULL
          AND coalesce(p.coupon, p.claim) IS NOT DISTINCT FROM coalesce(it.coupon, it.claim)
)"""

# The other is in the same club.
_IS_IN_SUCH = """it.left_at IS NULL AND EXISTS (
    SELECT FROM club_customer c WHERE c.customer = %(target)s AND c.club = it.club AND c.left_at IS NULL
)"""

BELONGINGS = (
    Belonging(
        "REDEMPTION", "redemption", "state", has_account=True, stays="it.state = 'REDEEMED' AND kept.state = 'RESERVED'"
    ),
    Belonging("COUPON", "coupon", stays=_USED),
    # With the account that paid: what it spent stays in its history.
    Belonging("CLAIM", "claim", "state"),
    # One that the merge voided names the merge as what it was changed by, and nothing else changes it.
    Belonging(
        "PASS",
        "pass",
        "CASE WHEN activity = %(merge)s THEN 'VOIDED' END",
        moving=f""", voided_at = CASE WHEN {_HAS_SUCH} THEN now() ELSE it.voided_at END,
            activity = CASE WHEN {_HAS_SUCH} THEN %(merge)s ELSE it.activity END""",
        returning=""", voided_at = CASE WHEN kept.state = 'VOIDED' THEN NULL ELSE it.voided_at END,
            activity = CASE WHEN kept.state = 'VOIDED' THEN %(unmerge)s ELSE it.activity END""",
    ),
    # Of a club that the other is in, too, it is in once.
    Belonging(
        "CLUB",
        "club_customer",
        "CASE WHEN activity = %(merge)s THEN 'LEFT' END",
        moving=f""", left_at = CASE WHEN {_IS_IN_SUCH} THEN now() ELSE it.left_at END,
            activity = CASE WHEN {_IS_IN_SUCH} THEN %(merge)s ELSE it.activity END""",
        returning=""", left_at = CASE WHEN kept.state = 'LEFT' THEN NULL ELSE it.left_at END,
            activity = CASE WHEN kept.state = 'LEFT' THEN %(unmerge)s ELSE it.activity END""",
    ),
)


class Belongings(NamedTuple):
    """How many rows of each; `reservations` are those of the redemptions that last. Of `exceeded_limits` campaigns and
    rewards the two had more together than one customer may in a period that has not ended. Of the passes a merge voids
    `voided_passes`, and its way back gives them back as they were."""

    coupons: int = 0
    redemptions: int = 0
    reservations: int = 0
    claims: int = 0
    exceeded_limits: int = 0
    passes: int = 0
    voided_passes: int = 0

    def told(self) -> dict[str, int]:
        """For an activity: of what there was any."""
        return {name: count for name, count in self._asdict().items() if count}


def lock(unit: Unit, *customers: Customer) -> None:
    """Keeps what some customers have as it is. They and their accounts are locked, so that nobody uses coupons in their
    name; but whoever comes by a coupon or a stock ends reservations whose time has passed."""
    keys = {"customers": [customer.id for customer in customers]}
    unit.connection.execute(_LOCK_COUPONS, keys)
    unit.connection.execute(_LOCK_RESERVATIONS, keys)


def of(unit: Unit, program: Program, source: Customer, target: Customer) -> Belongings:
    """What a merge moves from one to the other, both locked."""
    both = {"source": source.id, "target": target.id}
    counted = {one.noun: _counted(unit, _ALL.format(one.table), both) for one in BELONGINGS}
    at = {**both, "program": program.id, "now": program.now(unit.now), "time_zone": program.settings.time_zone}
    found = _belongings(counted, _counted(unit, _RESERVATIONS, at), _counted(unit, _VOIDING, both))
    return found._replace(exceeded_limits=_counted(unit, _EXCEEDED, at))


def move(unit: Unit, activity: str, source: Customer, target: Customer) -> None:
    """Moves all of it. The rows of the merge are written."""
    values = {"source": source.id, "target": target.id, "merge": activity}
    for one in BELONGINGS:
        account = _ACCOUNT.format("source", "target") if one.has_account else ""
        move = _MOVE.format(table=one.table, sets=account + one.moving, state=one.state)
        unit.connection.execute(move.encode(), {**values, "noun": one.noun})


def of_merge(unit: Unit, program: Program, merge: str, source: Customer, target: Customer) -> Belongings:
    """What goes back of a merge, both locked."""
    values = {"merge": merge, "source": source.id, "target": target.id, "now": program.now(unit.now)}
    counted = {}
    for one in BELONGINGS:
        query = _GOING_BACK.format(table=one.table, stays=one.stays)
        counted[one.noun] = _counted(unit, query, {**values, "noun": one.noun})
    voided = _counted(unit, _VOIDED, values)
    return _belongings(counted, _counted(unit, _RESERVATIONS_GOING_BACK, values), voided)


def give_back(unit: Unit, merge: str, activity: str, source: Customer, target: Customer) -> None:
    """Moves back what goes back of a merge, by the activity that undoes it."""
    values = {"merge": merge, "unmerge": activity, "source": source.id, "target": target.id}
    for one in BELONGINGS:
        account = _ACCOUNT.format("target", "source") if one.has_account else ""
        give = _GIVE_BACK.format(table=one.table, sets=account + one.returning, stays=one.stays)
        unit.connection.execute(give.encode(), {**values, "noun": one.noun})


def _belongings(counted: dict[str, int], reservations: int, voided_passes: int) -> Belongings:
    coupons, redemptions, claims, passes = (counted[noun] for noun in ("COUPON", "REDEMPTION", "CLAIM", "PASS"))
    return Belongings(coupons, redemptions, reservations, claims, passes=passes, voided_passes=voided_passes)


def _counted(unit: Unit, query: str, values: Mapping[str, Any]) -> int:
    row = unit.connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return int(row[0])


# Those that they have, and those of which they have reserved something, in the order in which all lock them; of a
# shared one nobody locks the row.
_LOCK_COUPONS = """
SELECT FROM coupon WHERE (campaign, id) IN (
    SELECT campaign, id FROM coupon WHERE customer = ANY(%(customers)s)
    UNION SELECT campaign, coupon FROM redemption WHERE customer = ANY(%(customers)s) AND state = 'RESERVED'
) AND stock IS NULL ORDER BY id FOR NO KEY UPDATE
"""

_LOCK_RESERVATIONS = """
SELECT FROM redemption WHERE customer = ANY(%(customers)s) AND state = 'RESERVED' ORDER BY id FOR NO KEY UPDATE
"""

_ALL = "SELECT count(*) FROM {} WHERE customer = %(source)s"

_RESERVATIONS = """
SELECT count(*) FROM redemption WHERE customer = %(source)s AND state = 'RESERVED' AND expires_at > %(now)s
"""

_VOIDING = f"SELECT count(*) FROM pass AS it WHERE it.customer = %(source)s AND {_HAS_SUCH}"  # noqa: S608 - ours

_VOIDED = """
SELECT count(*) FROM pass AS it, merge_belonging AS kept
WHERE kept.activity = %(merge)s AND kept.noun = 'PASS' AND kept.state = 'VOIDED' AND it.customer = %(target)s
      AND it.id = kept.id
"""

# Periods as rules/coupons/limits.py counts them: local ones, weeks from Monday.
_EXCEEDED = """
WITH used AS (
    SELECT 'COUPON' AS noun, campaign AS of, customer, created_at AT TIME ZONE %(time_zone)s AS at FROM redemption
    WHERE customer IN (%(source)s, %(target)s) AND state IN ('RESERVED', 'REDEEMED')
          AND (state = 'REDEEMED' OR expires_at > %(now)s)
    UNION ALL
    SELECT 'REWARD', reward, customer, created_at AT TIME ZONE %(time_zone)s FROM claim
    WHERE customer IN (%(source)s, %(target)s) AND state = 'CLAIMED'
), limited AS (
    SELECT 'COUPON' AS noun, id, terms FROM coupon_campaign WHERE program = %(program)s
    UNION ALL SELECT 'REWARD', id, terms FROM reward WHERE program = %(program)s
)
SELECT count(*) FROM limited t
WHERE (t.noun, t.id) IN (SELECT noun, of FROM used WHERE customer = %(source)s) AND EXISTS (
    SELECT FROM jsonb_to_recordset(t.terms -> 'customer_limits') AS l(period text, uses bigint)
    WHERE l.uses < (
        SELECT count(*) FROM used u
        WHERE u.noun = t.noun AND u.of = t.id AND CASE l.period WHEN 'EVER' THEN true
              ELSE date_trunc(l.period, u.at) = date_trunc(l.period, %(now)s AT TIME ZONE %(time_zone)s) END
    )
)
"""

_ACCOUNT = """, account = coalesce((
    SELECT m.{1} FROM merge_account m WHERE m.activity = %(merge)s AND m.{0} = it.account
), it.account)"""

_MOVE = """
WITH moved AS (
    UPDATE {table} AS it SET customer = %(target)s{sets} WHERE customer = %(source)s RETURNING id, {state} AS state
)
INSERT INTO merge_belonging (activity, noun, id, state) SELECT %(merge)s, %(noun)s, id, state FROM moved
"""

_GOING_BACK = """
SELECT count(*) FROM {table} AS it, merge_belonging AS kept
WHERE kept.activity = %(merge)s AND kept.noun = %(noun)s AND it.customer = %(target)s AND it.id = kept.id
      AND NOT ({stays})
"""

_RESERVATIONS_GOING_BACK = """
SELECT count(*) FROM redemption AS it, merge_belonging AS kept
WHERE kept.activity = %(merge)s AND kept.noun = 'REDEMPTION' AND it.customer = %(target)s AND it.id = kept.id
      AND it.state = 'RESERVED' AND it.expires_at > %(now)s
"""

_GIVE_BACK = """
UPDATE {table} AS it SET customer = %(source)s{sets} FROM merge_belonging AS kept
WHERE kept.activity = %(merge)s AND kept.noun = %(noun)s AND it.customer = %(target)s AND it.id = kept.id
      AND NOT ({stays})
"""
