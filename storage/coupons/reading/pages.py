"""Coupons of a customer or of a campaign, a page at a time, in whatever state the clock has put them."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from rules.coupons.coupons import CouponState, uses_max
from rules.coupons.refusals import BatchNotFound
from rules.coupons.terms import Benefit
from storage.coupons import batches
from storage.coupons.queries import campaign_name
from storage.coupons.reading.coupons import (
    COLUMNS,
    COUNTED,
    IS_PUBLISHED,
    CouponRead,
    CouponTerms,
    campaign_of,
    program_of,
    read,
    terms_of,
)
from storage.engine.database import Connection
from storage.ledger.addresses import CustomerName
from storage.ledger.reading import accounts
from storage.programs.queries import ProgramState

# Coupons that one page looks at: some 50 ms. What few match is found in pages that are short, and not the last.
LOOKED_MAX = 10_000


class Batch(NamedTuple):
    """A batch in the words of the contract."""

    program: str
    campaign: str
    number: int


class CouponFilter(NamedTuple):
    """Which coupons; of what is empty, any."""

    states: Collection[CouponState] = ()
    types: Collection[Benefit] = ()
    batch: Batch | None = None


class CouponPage(NamedTuple):
    """Coupons, and the id behind which the next page goes on, None: this is the last. A page that is not the last may
    have fewer than were asked for, or none."""

    coupons: list[CouponRead]
    following: str | None


def page_of_customer(
    books: Connection, name: CustomerName, wanted: CouponFilter, after: str | None, size: int
) -> CouponPage:
    """Up to `size` coupons of a customer, the newest first, from the first behind `after`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CampaignNotFound, BatchNotFound.
    """
    with accounts.snapshot(books):
        holder = accounts.holder(books, name)
        state = accounts.program_state(books, holder.program)
        _check_batch(books, state, name.program, wanted.batch)
        asked = {"owner": holder.customer, "after": after}
        campaigns = [campaign for (campaign,) in books.execute(_CAMPAIGNS_OF, {**asked, "looked": LOOKED_MAX})]
        return _page(books, name.program, state, "customer", campaigns, wanted, asked, size)


def page_of_campaign(
    books: Connection, program: str, campaign_id: str, wanted: CouponFilter, after: str | None, size: int
) -> CouponPage:
    """The same of a campaign. Raises ProgramNotFound, CampaignNotFound, BatchNotFound."""
    with accounts.snapshot(books):
        state = program_of(books, program)
        campaign = campaign_of(books, state, program, campaign_id)
        _check_batch(books, state, program, wanted.batch)
        asked = {"owner": campaign, "after": after}
        return _page(books, program, state, "campaign", [campaign], wanted, asked, size)


def _check_batch(books: Connection, state: ProgramState, program: str, batch: Batch | None) -> None:
    """What names none that is there was mistyped, and an empty page would hide it."""
    if batch is None:
        return
    if batch.program != program:
        raise BatchNotFound()
    batches.get(books, campaign_of(books, state, program, batch.campaign), batch.number)


def _page(
    books: Connection,
    program_id: str,
    program: ProgramState,
    owner: str,
    campaigns: Collection[int],
    wanted: CouponFilter,
    asked: Mapping[str, Any],
    size: int,
) -> CouponPage:
    terms = terms_of(books, program, program_id, campaigns)
    batch = wanted.batch
    fitting = {
        campaign: of
        for campaign, of in terms.items()
        if (not wanted.types or of.terms.benefit in wanted.types)
        and (batch is None or of.campaign == campaign_name(batch.program, batch.campaign))
    }
    if not fitting and owner == "campaign":
        return CouponPage([], None)
    asked = {
        **asked,
        **_columns(fitting),
        "looked": LOOKED_MAX,
        "size": size + 1,
        "states": list(wanted.states) or list(CouponState),
        "batch": None if batch is None else batch.number,
    }
    found = read(books, program_id, program, _PAGES[owner], asked, terms)
    if len(found) > size:
        return CouponPage(found[:size], found[size - 1].id)
    cut_at = books.execute(_CUTS[owner], {**asked, "looked": LOOKED_MAX - 1}, prepare=True).fetchone()
    return CouponPage(found, None if cut_at is None else cut_at[0])


def _columns(terms: Mapping[int, CouponTerms]) -> dict[str, list[Any]]:
    """What the filter must know of each campaign: when it ends, and how often a code of its own and one for many can
    be used."""
    return {
        "campaigns": list(terms),
        "ends": [of.window.ends_at for of in terms.values()],
        "own_max": [uses_max(of.terms, is_shared=False) for of in terms.values()],
        "shared_max": [uses_max(of.terms, is_shared=True) for of in terms.values()],
    }


# In the order of the page, as _page asks for them.
_CAMPAIGNS_OF = """
SELECT DISTINCT campaign FROM (
    SELECT campaign FROM coupon
    WHERE customer = %(owner)s AND id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY id DESC LIMIT %(looked)s
) AS looked
"""

# As rules/coupons/coupons.py, state_of, has it.
_STATE = """
CASE
    WHEN c.voided_at IS NOT NULL THEN 'VOIDED'
    WHEN coalesce(c.expires_at, k.ends_at) <= %(now)s::timestamptz THEN 'EXPIRED'
    WHEN (c.balance_minor + r.back = 0 AND r.reserved = 0) OR u.uses >= k.uses_max THEN 'USED_UP'
    WHEN r.reserved > 0 AND (c.balance_minor + r.back = 0 OR u.uses + r.reserved >= k.uses_max) THEN 'RESERVED'
    WHEN u.uses > 0 THEN 'PARTIALLY_REDEEMED'
    WHEN c.customer IS NOT NULL THEN 'ASSIGNED'
    ELSE 'AVAILABLE'
END
"""

_PAGE = f"""
SELECT {COLUMNS}
FROM (
    SELECT * FROM coupon
    WHERE {{owner}} = %(owner)s AND id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY id DESC LIMIT %(looked)s
) AS c
CROSS JOIN LATERAL (
    SELECT t.ends_at, nullif(CASE WHEN c.stock IS NULL THEN t.own_max ELSE t.shared_max END, 0) AS uses_max
    FROM unnest(%(campaigns)s::integer[], %(ends)s::timestamptz[], %(own_max)s::bigint[], %(shared_max)s::bigint[])
        AS t (campaign, ends_at, own_max, shared_max)
    WHERE t.campaign = c.campaign
) AS k
{COUNTED}
WHERE {IS_PUBLISHED} AND (%(batch)s::integer IS NULL OR c.batch = %(batch)s::integer)
  AND {_STATE} = ANY(%(states)s::text[])
ORDER BY c.id DESC LIMIT %(size)s
"""  # noqa: S608

_CUT = """
SELECT id::text FROM coupon
WHERE {owner} = %(owner)s AND id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ORDER BY id DESC LIMIT 1 OFFSET %(looked)s
"""

_PAGES = {owner: _PAGE.format(owner=owner).encode() for owner in ("customer", "campaign")}
_CUTS = {owner: _CUT.format(owner=owner).encode() for owner in ("customer", "campaign")}
