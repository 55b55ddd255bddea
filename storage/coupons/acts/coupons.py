"""A coupon in hand: found by its key, settled by the clock, and what becomes of its uses and its stocks."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Raw, json

from rules.activity import REDEMPTION_EXPIRED, by_time
from rules.coupons.campaigns import window
from rules.coupons.coupons import Coupon, Redemption, RedemptionState
from rules.coupons.refusals import CampaignUsedUp, CouponNotFound, CouponUsedUp
from rules.programs import time_zone
from storage.activity.commands import Scope, record
from storage.coupons import nouns
from storage.coupons.nouns import CAMPAIGNS, NAMED, OWNERS, RESERVED, Campaign, CouponKey
from storage.coupons.queries import campaign_name, coupon_name
from storage.coupons.reading.coupons import CouponRead, CouponTerms
from storage.coupons.reading.redemptions import redemption_name
from storage.coupons.records import COUPONS, REDEMPTIONS
from storage.coupons.sealing import FINGERPRINT_BYTES
from storage.engine.nouns import PassedOver
from storage.engine.session import Statement
from storage.engine.workspace import Workspace
from storage.ledger.group import Group
from storage.programs.queries import ProgramState
from storage.stock import nouns as stock

# Ended reservations that one look ends, besides those that only pay a debt: a few are enough for whoever looks.
ENDED_MAX = 100


class InHand(NamedTuple):
    """A coupon as this transaction has left it, by the internal id of its campaign and its own. `program` is the
    public id."""

    program: str
    key: tuple[int, str]
    campaign: Campaign
    coupon: Coupon

    @property
    def campaign_name(self) -> str:
        """The resource name of its campaign."""
        return campaign_name(self.program, self.campaign.campaign_id)

    @property
    def name(self) -> str:
        """Its resource name."""
        return coupon_name(self.campaign_name, UUID(self.key[1]).int)

    @property
    def told(self) -> dict[str, Any]:
        """By what the log knows it."""
        return {
            "coupon": self.name,
            "campaign": self.campaign_name,
            "fingerprint": self.coupon.code[: 2 * FINGERPRINT_BYTES],
            "last_four": self.coupon.last_four,
        }


def find(group: Group, key: CouponKey) -> InHand:
    """The coupon of a key. Raises CouponNotFound."""
    found = group.workspace.get(NAMED, key)
    if found is None:
        raise CouponNotFound(program=key[0])
    return in_hand(group.workspace, key[0], found)


def in_hand(workspace: Workspace, program: str, key: tuple[int, str]) -> InHand:
    """A coupon that was loaded."""
    campaign, coupon = workspace.get(CAMPAIGNS, key[:1]), workspace.get(COUPONS, key)
    assert campaign is not None
    assert coupon is not None
    return InHand(program, key, campaign, coupon)


def shown(workspace: Workspace, found: InHand, program: ProgramState, customer: str) -> CouponRead:
    """A coupon as it stands after an act, as reads have it; `customer` is a resource name or empty. How often a code
    for many has been used is told by reads alone."""
    coupon, terms = found.coupon, found.campaign.terms
    ended = [one for _, one in reservations(workspace, found.key) if not one.is_open(program.now)]
    coupon = coupon._replace(reserved=coupon.reserved - len(ended))
    if coupon.balance_minor is not None:
        back = sum(one.discount_minor or 0 for one in ended)
        coupon = coupon._replace(balance_minor=coupon.balance_minor + back)
    of = CouponTerms(found.campaign_name, terms, window(terms, time_zone(program.settings.time_zone)))
    return CouponRead.at(program.now, found.key[1], coupon, of, customer, coupon.activity or "")


def reservations(workspace: Workspace, key: tuple[int, str]) -> Iterator[tuple[tuple[int, str], Redemption]]:
    """What is reserved of a coupon that is not for many, whether it has ended or not."""
    for which in workspace.get(RESERVED, key) or ():
        found = workspace.get(REDEMPTIONS, which)
        if found is not None and found.state is RedemptionState.RESERVED:
            yield which, found


def settle(group: Group, found: InHand, program: ProgramState, counts: bool) -> InHand:
    """The coupon, without the reservations that have ended by now; each end has a record of its own. Where it does not
    count, as for those who only ask, the stocks hear of it in thought alone."""
    ended = [which for which, one in reservations(group.workspace, found.key) if not one.is_open(program.now)]
    for which in ended:
        end(group, found.program, which, program.id, counts)
    return in_hand(group.workspace, found.program, found.key) if ended else found


def end(group: Group, program: str, which: tuple[int, str], program_id: int, counts: bool, customer: str = "") -> None:
    """Ends a reservation whose time has come; `customer` is a name, where it is not that of an owner in hand."""
    workspace = group.workspace
    redemption = workspace.get(REDEMPTIONS, which)
    assert redemption is not None
    assert redemption.expires_at is not None
    found = in_hand(workspace, program, (redemption.campaign, redemption.coupon))
    if not customer:
        owner = workspace.get(OWNERS, which[:1])
        assert owner is not None
        customer = f"programs/{program}/customers/{owner.customer_id}"
    activity = record(
        workspace,
        _EXPIRED,
        redemption_name(customer, which[1]),
        Scope(program_id, which[0]),
        redemption.expires_at,
        details={**found.told, "order": redemption.order_id},
        event=_EXPIRED.kind.action,
    )
    give_back(workspace, found, redemption, counts)
    ended = redemption._replace(
        state=RedemptionState.EXPIRED, ended_at=redemption.expires_at, discount_minor=None, activity=activity
    )
    workspace.put(REDEMPTIONS, which, ended)


def end_others(group: Group, found: InHand, program: ProgramState, counts: bool) -> None:
    """Ends what is reserved and has ended by now: of the whole campaign, where all its uses are taken, else of a code
    for many. As many as one look finds. Who only asks locks nothing. Raises PassedOver where still nothing is left,
    others are about some of it, and it counts."""
    workspace = group.workspace
    stocks = [one for one in (found.campaign.stock, found.coupon.stock) if one is not None]
    used_up = [one for one in stocks if stock.left(workspace, one) == 0]
    only = "" if found.campaign.stock in used_up else used_up[0]
    most = ENDED_MAX + max(stock.debt(workspace, one) for one in used_up)
    read = group.read(_ENDED, found.key[0], program.now.isoformat(), only, most, str(counts).lower())
    redemptions, coupons, owners, slots, is_elsewhere = _PARTS.decode(read)
    nouns.take_coupons(workspace, coupons)
    nouns.take_redemptions(workspace, redemptions)
    nouns.take_owners(workspace, owners)
    if bytes(slots) != b"null":
        stock.put(workspace, slots)
    passed_over = bytes(is_elsewhere) == b"true"
    for customer, which, _ in REDEMPTIONS.decode(redemptions):
        one = workspace.get(REDEMPTIONS, (customer, which))
        if one is None or one.state is not RedemptionState.RESERVED:
            continue
        mark = workspace.mark()
        try:
            end(group, found.program, (customer, which), program.id, counts)
        except PassedOver:
            workspace.return_to(mark)
            passed_over = True
    if counts and passed_over and any(stock.left(workspace, one) == 0 for one in used_up):
        raise PassedOver


def take_use(group: Group, found: InHand, counts: bool) -> None:
    """Takes a use of a code for many, and of its campaign. Raises CouponUsedUp, CampaignUsedUp, PassedOver."""
    coupon, campaign = found.coupon, found.campaign
    if coupon.stock is not None and not stock.take(group.workspace, coupon.stock, counts):
        raise CouponUsedUp(limit=campaign.terms.uses_per_code)
    if not stock.take(group.workspace, campaign.stock, counts):
        raise CampaignUsedUp(limit=campaign.terms.uses_max)


def give_back(
    workspace: Workspace, found: InHand, redemption: Redemption, counts: bool, expires_at: datetime | None = None
) -> None:
    """Gives back what a redemption, as it stood until now, had taken of its coupon and of the stocks. The coupon can be
    used until `expires_at`, where that is given."""
    coupon = found.coupon
    if coupon.is_shared:
        assert coupon.stock is not None
        stock.give_back(workspace, coupon.stock, counts)
    else:
        was_reserved = redemption.state is RedemptionState.RESERVED
        after = coupon._replace(
            uses=coupon.uses - (not was_reserved),
            reserved=coupon.reserved - was_reserved,
            expires_at=expires_at or coupon.expires_at,
        )
        if coupon.balance_minor is not None:
            after = after._replace(balance_minor=coupon.balance_minor + (redemption.discount_minor or 0))
        workspace.put(COUPONS, found.key, after)
    stock.give_back(workspace, found.campaign.stock, counts)


_EXPIRED = by_time(REDEMPTION_EXPIRED)
_PARTS: "json.Decoder[list[Raw]]" = json.Decoder(list[Raw])

_ENDED = Statement(
    f"SELECT {nouns.ENDED['ended_reservations']}($1, $2, nullif($3, '')::bigint, $4, $5)",
    ["integer", "timestamptz", "text", "integer", "boolean"],
)
