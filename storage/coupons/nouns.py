"""What a group knows of coupons: what their keys mean, and how coupons, their uses and their stocks come into hand.

A coupon is named by its sealed code, or by campaign and id; a redemption by its order or its id. Nothing is known of
them before the locks are held, so the functions find out by these names (names.sql) what they lock (load.sql).
"""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from msgspec import Raw, json

from rules.coupons.terms import Terms
from rules.states import CustomerState
from storage.coupons.records import COLUMNS, COUPONS, REDEMPTIONS
from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Key, Kind
from storage.engine.workspace import Workspace
from storage.ledger.addresses import CustomerName
from storage.stock import nouns as stock

NAMES = Functions(Path(__file__).parent / "names.sql")
FUNCTIONS = Functions(Path(__file__).parent / "load.sql", COLUMNS, NAMES, stock.FUNCTIONS)
ENDED = Functions(Path(__file__).parent / "ended.sql", COLUMNS, stock.FUNCTIONS)
POOL_FUNCTIONS = Functions(Path(__file__).parent / "pool.sql", COLUMNS)

# (program, kind, what …): as load.sql has them.
CouponKey: TypeAlias = tuple[str, ...]


class Campaign(NamedTuple):
    """What using a coupon needs of its campaign; `program` and `stock` are internal ids."""

    program: int
    campaign_id: str
    version: int
    terms: Terms
    archived: bool
    stock: int


class Owner(NamedTuple):
    """A customer who was not named: of a coupon, or of what is reserved of it."""

    customer_id: str
    state: CustomerState


class Use(NamedTuple):
    """A use of a campaign by a customer that stands, or stands until `ends_at`."""

    redemption: str
    created_at: datetime
    ends_at: datetime | None


# By internal id; by (program, campaign), both as people name them, the internal id.
CAMPAIGNS: Kind[Campaign] = Kind("campaign")
CAMPAIGN_IDS: Kind[int] = Kind("campaign_id")
# By the key that a command names it by: campaign and id.
NAMED: Kind[tuple[int, str]] = Kind("named_coupon")
# By internal id.
OWNERS: Kind[Owner] = Kind("coupon_owner")
# By (customer, campaign), both internal: newest first, as many as a limit counts, at least.
USES: Kind[list[Use]] = Kind("coupon_uses")
# By campaign and coupon, of one that is not for many: what was reserved of it when it was loaded, and since.
RESERVED: Kind[tuple[tuple[int, str], ...]] = Kind("reserved")
# By the campaign, of one whose pool was asked: the coupons that it gave; and whether others have what else is in it.
POOLED: Kind[list[str]] = Kind("pooled")
POOLED_ELSEWHERE: Kind[bool] = Kind("pooled_elsewhere")


def by_code(program: str, sealed: str) -> CouponKey:
    """The key of a coupon by its sealed code, in hexadecimal digits."""
    return (program, "code", sealed)


def by_name(program: str, campaign: str, coupon: str) -> CouponKey:
    """The key of a coupon by its campaign and its id."""
    return (program, "coupon", campaign, coupon)


def whole(key: CouponKey) -> CouponKey:
    """The same for who changes the coupon itself, and counts no use of it."""
    return (key[0], f"{key[1]}!", *key[2:])


def by_order(name: CustomerName, order_id: str) -> CouponKey:
    """The key of all coupons that were used for an order of a customer, or are reserved for it."""
    return (name.program, "order", name.customer, order_id)


def used_for(name: CustomerName, order_id: str) -> CouponKey:
    """The key of no coupon, for who changes what is reserved for an order of a customer."""
    return (name.program, "used", name.customer, order_id)


def by_redemption(name: CustomerName, redemption: str) -> CouponKey:
    """The key of the coupon of one redemption."""
    return (name.program, "redemption", name.customer, redemption)


def by_claim(name: CustomerName, claim: str) -> CouponKey:
    """The key of the coupon that a claim gave, for who changes the coupon itself."""
    return (name.program, "claim!", name.customer, claim)


def of_pool(program: str, kind: str, what: str, request: Key) -> Key:
    """The key of a coupon of a pool, for each request another: that of a campaign or, by the kind, of a reward's."""
    return (program, kind, what, *request)


def of_holder(key: CouponKey) -> tuple[str, ...]:
    """The key of the holder for that of an order or a redemption."""
    return (key[0], key[2], key[1], key[3])


def uses_of(name: CustomerName, key: CouponKey) -> tuple[str, ...]:
    """The key of the holder for the uses of a coupon's campaign."""
    return (*name, "uses", *key[1:])


def take_redemptions(workspace: Workspace, rows: Raw) -> None:
    """Takes redemptions in hand, but for those that were changed; who only asked may have had them as they were."""
    for *key, redemption in REDEMPTIONS.decode(rows):
        if not workspace.is_written(REDEMPTIONS, tuple(key)):
            workspace.load(REDEMPTIONS, tuple(key), redemption)


def take_coupons(workspace: Workspace, rows: Raw) -> None:
    """Takes coupons in hand, but for those that were changed."""
    for *key, coupon in COUPONS.decode(rows):
        if not workspace.is_written(COUPONS, tuple(key)):
            workspace.load(COUPONS, tuple(key), coupon)


def take_owners(workspace: Workspace, rows: Raw) -> None:
    """Takes customers in hand who were not named."""
    for customer, owner in _OWNERS.decode(rows) or ():
        workspace.load(OWNERS, (customer,), owner)


def take_campaigns(workspace: Workspace, rows: Raw) -> None:
    """Takes campaigns in hand."""
    for campaign, (program, campaign_id, version, terms, archived, stock_) in _CAMPAIGNS.decode(rows) or ():
        found = Campaign(program, campaign_id, version, read_terms(bytes(terms)), archived, stock_)
        workspace.load(CAMPAIGNS, (campaign,), found)
        workspace.load(CAMPAIGN_IDS, (program, campaign_id), campaign)


@lru_cache(maxsize=1024)
def read_terms(terms: bytes) -> Terms:
    """Terms as the books have them. Those of a campaign are the same bytes for as long as nobody changes them."""
    found: Terms = _TERMS.decode(terms)
    return found


def _put_holder(workspace: Workspace, loaded: Raw) -> None:
    redemptions, campaigns, uses = _PARTS.decode(loaded)
    take_redemptions(workspace, redemptions)
    take_campaigns(workspace, campaigns)
    for customer, campaign, made in _USES.decode(uses) or ():
        workspace.load(USES, (customer, campaign), made)


def _put_coupon(workspace: Workspace, loaded: Raw) -> None:
    keys, campaigns, coupons, reserved, owners, slots = _PARTS.decode(loaded)
    for key, campaign, coupon in _KEYS.decode(keys) or ():
        workspace.load(NAMED, tuple(key), (campaign, coupon))
    take_campaigns(workspace, campaigns)
    take_coupons(workspace, coupons)
    take_redemptions(workspace, reserved)
    for customer, redemption, value in REDEMPTIONS.decode(reserved):
        key = (value.campaign, value.coupon)
        workspace.load(RESERVED, key, (*(workspace.get(RESERVED, key) or ()), (customer, redemption)))
    take_owners(workspace, owners)
    if bytes(slots) != b"null":
        stock.put(workspace, slots)


def _put_pool(workspace: Workspace, loaded: Raw) -> None:
    coupons, asked, elsewhere = _PARTS.decode(loaded)
    pooled: dict[int, list[str]] = {campaign: [] for campaign in json.decode(asked)}
    for campaign, coupon, value in COUPONS.decode(coupons):
        if workspace.get(COUPONS, (campaign, coupon)) is None:
            workspace.load(COUPONS, (campaign, coupon), value)
        pooled[campaign].append(coupon)
    for campaign, found in pooled.items():
        workspace.load(POOLED, (campaign,), found)
    for campaign in json.decode(elsewhere):
        workspace.load(POOLED_ELSEWHERE, (campaign,), True)


# A customer's uses are counted by one at a time; with them come those redemptions that are named.
HOLDER = Noun("holder", FUNCTIONS["load_holder"], _put_holder, FUNCTIONS["lock_holder"])
# With its stocks.
COUPON = Noun("coupon", FUNCTIONS["load_coupon"], _put_coupon, FUNCTIONS["lock_coupon"])
# By `of_pool`.
POOL = Noun("pool", POOL_FUNCTIONS["load_pool"], _put_pool)

_PARTS = json.Decoder(list[Raw])
_KEYS = json.Decoder(list[tuple[list[str], int, str]] | None)
_CAMPAIGNS = json.Decoder(list[tuple[int, tuple[int, str, int, Raw, bool, int]]] | None)
_OWNERS = json.Decoder(list[tuple[int, Owner]] | None)
_USES = json.Decoder(list[tuple[int, int, list[Use]]] | None)
_TERMS: "json.Decoder[Any]" = json.Decoder(Terms)
