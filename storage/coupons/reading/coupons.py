"""Coupons, by their names and by their codes. Those of a batch that is not published are not there."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.coupons.campaigns import Window, window
from rules.coupons.coupons import Coupon, CouponState, state_of
from rules.coupons.refusals import CampaignNotFound, CouponNotFound
from rules.coupons.terms import Terms
from rules.programs import time_zone
from rules.refusals import ProgramNotFound
from storage.coupons.queries import TERMS, campaign_name, coupon_name
from storage.coupons.records import COUPONS
from storage.engine.database import Connection
from storage.ledger.reading import accounts
from storage.passes.reading.passes import PassRead
from storage.programs.queries import ProgramState


class CouponTerms(NamedTuple):
    """What coupons of a campaign, called by its resource name, can be used for now, and when."""

    campaign: str
    terms: Terms
    window: Window


class CouponRead(NamedTuple):
    """A coupon as it counts at an instant (rules/coupons/coupons.py, state_of). `id` is a UUID's text, `customer` a
    resource name or empty, `activity` what added it to whose it is. `issued` is the pass that was issued with it, in
    the answer to whoever asked for one."""

    id: str
    coupon: Coupon
    of: CouponTerms
    customer: str
    activity: str
    state: CouponState
    issued: PassRead | None = None

    @property
    def name(self) -> str:
        """Its resource name."""
        return coupon_name(self.of.campaign, UUID(self.id).int)

    @classmethod
    def at(cls, now: datetime, id: str, coupon: Coupon, of: CouponTerms, customer: str, activity: str) -> "CouponRead":
        """A coupon at an instant, of what counts then."""
        return cls(id, coupon, of, customer, activity, state_of(coupon, of.terms, of.window, now))


class CouponName(NamedTuple):
    """A coupon in the words of the contract; `id` is a UUID's text."""

    program: str
    campaign: str
    id: str

    @property
    def number(self) -> int:
        """The 128 bits of its id."""
        return UUID(self.id).int


def get(books: Connection, name: CouponName) -> CouponRead:
    """One coupon. Raises ProgramNotFound, CouponNotFound."""
    [found] = several(books, name.program, [name])
    return found


def several(books: Connection, program: str, names: Sequence[CouponName]) -> list[CouponRead]:
    """Some coupons of a program, in their order. Raises ProgramNotFound, CouponNotFound."""
    with accounts.snapshot(books):
        return find(books, program, names)


def find(books: Connection, program: str, names: Sequence[CouponName]) -> list[CouponRead]:
    """The same in the caller's transaction."""
    state = program_of(books, program)
    keys = [(name.campaign, name.id) for name in names if name.program == program]
    asked = {"program": state.id, "campaigns": [key[0] for key in keys], "ids": [key[1] for key in keys]}
    found = {read.name: read for read in read(books, program, state, _SEVERAL, asked)}
    wanted = [coupon_name(campaign_name(program, name.campaign), name.number) for name in names]
    if any(name not in found for name in wanted):
        raise CouponNotFound(program=program)
    return [found[name] for name in wanted]


def lookup(books: Connection, program: str, code: bytes) -> CouponRead:
    """The coupon of a sealed code. Raises ProgramNotFound, CouponNotFound."""
    with accounts.snapshot(books):
        state = program_of(books, program)
        for found in read(books, program, state, _LOOKUP, {"program": state.id, "code": code}):
            return found
    raise CouponNotFound(program=program)


def program_of(books: Connection, program: str) -> ProgramState:
    """The program of that public id. Raises ProgramNotFound."""
    row = books.execute("SELECT id FROM program WHERE program_id = %s", (program,), prepare=True).fetchone()
    if row is None:
        raise ProgramNotFound(program=program)
    return accounts.program_state(books, row[0])


def campaign_of(books: Connection, program: ProgramState, program_id: str, campaign_id: str) -> int:
    """The internal id of a campaign. Raises CampaignNotFound."""
    row = books.execute(_CAMPAIGN, (program.id, campaign_id), prepare=True).fetchone()
    if row is None:
        raise CampaignNotFound(program=program_id)
    return int(row[0])


def terms_of(
    books: Connection, program: ProgramState, program_id: str, campaigns: Collection[int]
) -> dict[int, CouponTerms]:
    """The terms in force of some campaigns, by internal id."""
    zone = time_zone(program.settings.time_zone)
    found = {}
    for campaign, campaign_id, text in books.execute(_TERMS, (list(campaigns),), prepare=True):
        terms = TERMS.validate_json(text)
        found[campaign] = CouponTerms(campaign_name(program_id, campaign_id), terms, window(terms, zone))
    return found


def read(
    books: Connection,
    program_id: str,
    program: ProgramState,
    statement: bytes,
    asked: Mapping[str, Any],
    terms: Mapping[int, CouponTerms] | None = None,
) -> list[CouponRead]:
    """The coupons that a statement of COLUMNS finds; `terms`, where they are known, of their campaigns."""
    rows = books.execute(statement, {**asked, "now": program.now}, prepare=True).fetchall()
    if terms is None:
        terms = terms_of(books, program, program_id, {row[0] for row in rows})
    found = []
    for campaign, identity, customer, activity, uses, reserved, back, columns in rows:
        coupon: Coupon = COUPONS.read(columns)
        balance = None if coupon.balance_minor is None else coupon.balance_minor + back
        coupon = coupon._replace(uses=uses, reserved=reserved, balance_minor=balance)
        owner = f"programs/{program_id}/customers/{customer}" if customer else ""
        found.append(CouponRead.at(program.now, identity, coupon, terms[campaign], owner, activity))
    return found


_CAMPAIGN = "SELECT id FROM coupon_campaign WHERE program = %s AND campaign_id = %s"

_TERMS = "SELECT id, campaign_id, terms::text FROM coupon_campaign WHERE id = ANY(%s)"

# A shared coupon is counted by its stock, which counts what is reserved too, in time or not.
COUNTED = """
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE expires_at > %(now)s::timestamptz) AS reserved, count(*) AS unsettled,
        coalesce(sum(discount_minor) FILTER (WHERE expires_at <= %(now)s::timestamptz), 0)::bigint AS back
    FROM redemption AS r
    WHERE (c.reserved > 0 OR c.stock IS NOT NULL) AND r.campaign = c.campaign AND r.coupon = c.id
        AND r.state = 'RESERVED'
    OFFSET 0
) AS r
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.stock IS NULL THEN c.uses ELSE (
        SELECT coalesce(sum(taken), 0)::bigint FROM stock_slot WHERE stock_slot.stock = c.stock
    ) - r.unsettled END AS uses
    OFFSET 0
) AS u
LEFT JOIN coupon_batch AS b ON b.campaign = c.campaign AND b.number = c.batch
"""

IS_PUBLISHED = "(c.batch IS NULL OR b.published_at IS NOT NULL)"

COLUMNS = f"""
c.campaign, c.id::text, (SELECT customer_id FROM customer WHERE customer.id = c.customer),
coalesce(c.activity, b.activity)::text, u.uses, r.reserved, r.back, {COUPONS.as_json("c")}
"""  # noqa: S608

_SEVERAL = f"""
SELECT {COLUMNS}
FROM unnest(%(campaigns)s::text[], %(ids)s::uuid[]) AS n (campaign_id, id)
JOIN coupon_campaign AS k ON k.program = %(program)s AND k.campaign_id = n.campaign_id
JOIN coupon AS c ON c.campaign = k.id AND c.id = n.id
{COUNTED} WHERE {IS_PUBLISHED}
""".encode()  # noqa: S608

_LOOKUP = f"""
SELECT {COLUMNS} FROM coupon AS c {COUNTED}
WHERE c.program = %(program)s AND c.code = %(code)s AND {IS_PUBLISHED}
""".encode()  # noqa: S608
