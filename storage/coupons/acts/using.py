"""Coupons used for an order: found, judged together, then each taken, as a reservation or for good."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from rules.coupons import availability
from rules.coupons.coupons import Redemption, RedemptionState
from rules.coupons.judging import judge
from rules.coupons.orders import Candidate, Order, Standing, Verdict, by_priority, check_named_once
from rules.coupons.refusals import CouponNotFound
from rules.coupons.terms import Benefit
from rules.programs import time_zone
from rules.refusals import Refusal
from storage.coupons import nouns
from storage.coupons.acts import coupons
from storage.coupons.acts.coupons import InHand
from storage.coupons.acts.customers import Holder
from storage.coupons.nouns import CAMPAIGNS, COUPON, HOLDER, RESERVED, USES, CouponKey
from storage.coupons.records import COUPONS, REDEMPTIONS
from storage.engine.ids import new_uuid_text
from storage.engine.workspace import Workspace
from storage.ledger.addresses import CustomerName
from storage.ledger.group import Group
from storage.ledger.names import Reads
from storage.stock import nouns as stock


class Wanted(NamedTuple):
    """A coupon by its key, and how much of it: of a gift card, 0: as much as the order takes. `only_own`: unless it is
    the customer's own, there is none for whoever asks."""

    key: CouponKey
    asked_minor: int = 0
    only_own: bool = False


class Used(NamedTuple):
    """A redemption after an act, by its id and the public id of its campaign."""

    id: str
    campaign_id: str
    redemption: Redemption


class Placed(NamedTuple):
    """A coupon that nothing is against, what it gives, and its redemption: the reservation for this order, where it has
    one. `item` is which of several in the request it is, from 1; 0: it is the only one."""

    found: InHand
    verdict: Verdict
    id: str
    reserved: Redemption | None
    item: int = 0


def read(reads: Reads, name: CustomerName, order: Order, wanted: Sequence[Wanted]) -> None:
    """Names the coupons, what the customer used of their campaigns, and what was used for the order before."""
    reads.other(HOLDER, *name, "order", order.order_id)
    reads.other(COUPON, *nouns.used_for(name, order.order_id))
    for one in wanted:
        reads.other(HOLDER, *nouns.uses_of(name, one.key))
        reads.other(COUPON, *one.key)


def place(
    group: Group, holder: Holder, order: Order, wanted: Sequence[Wanted], account_card: str | None, counts: bool
) -> list[Placed]:
    """All of them, in the order in which they are used. Raises what is hidden from some against any of them; then
    CouponNamedTwice, what is against the first that cannot be used, and PassedOver. Where it does not `count`, somebody
    only asks."""
    found: list[InHand] = []
    # Before all else, and before anything more is read: what is against another must not tell that these exist, nor the
    # number of the first whether it does.
    for number, asked in enumerate(wanted):
        with _saying_which(_item(number, wanted)):
            found.append(find(group, holder, asked, counts))
            _check_hidden(group, holder, order, found[-1])
    check_named_once([one.coupon.code for one in found])
    candidates, here, verdicts = judged(group, holder, order, found, wanted, account_card, counts)
    placed = []
    for number in by_priority(candidates):
        with _saying_which(_item(number, wanted)):
            for refusal in verdicts[number].refusals:
                raise refusal
        one = found[number]
        which, reserved = here.get(one.key) or (new_uuid_text(), None)
        placed.append(Placed(one, verdicts[number], which, reserved, _item(number, wanted)))
    return placed


def find(group: Group, holder: Holder, one: Wanted, counts: bool) -> InHand:
    """A coupon that is wanted, settled. Raises CouponNotFound."""
    found = coupons.find(group, one.key)
    if one.only_own and found.coupon.customer != holder.id:
        raise CouponNotFound(program=holder.name.program)
    return coupons.settle(group, found, holder.program, counts)


def _item(number: int, wanted: Sequence[Wanted]) -> int:
    return number + 1 if len(wanted) > 1 else 0


@contextmanager
def _saying_which(item: int) -> Iterator[None]:
    """What is against one of several coupons says which it is, from 1; `item` 0: it is the only one."""
    try:
        yield
    except Refusal as refusal:
        raise (refusal.of(item=item) if item else refusal) from None


def _check_hidden(group: Group, holder: Holder, order: Order, found: InHand) -> None:
    now, zone = holder.program.now, time_zone(holder.program.settings.time_zone)
    reserved = {
        _coupon(one)
        for _, one in of_order(group.workspace, holder, order.order_id)
        if one.state is RedemptionState.RESERVED and one.is_open(now)
    }
    campaign = found.campaign
    looked = Candidate(found.coupon, campaign.campaign_id, campaign.terms, is_reserved_here=found.key in reserved)
    for refusal in availability.hidden(looked, holder.id, zone, now):
        raise refusal


def judged(
    group: Group,
    holder: Holder,
    order: Order,
    found: Sequence[InHand],
    wanted: Sequence[Wanted],
    account_card: str | None,
    counts: bool,
) -> tuple[list[Candidate], dict[tuple[int, str], tuple[str, Redemption]], list[Verdict]]:
    """What is known of coupons that are in hand and settled, which of them are reserved for this order, and what each
    of them gives or all that is against it. Raises OrderLinesDiffer, PassedOver."""
    program, workspace = holder.program, group.workspace
    for which, ended in of_order(workspace, holder, order.order_id):
        # Of codes for many nobody else ends what was reserved, unless all of it is taken.
        is_wanted = any(one.key == _coupon(ended) for one in found)
        if is_wanted and ended.state is RedemptionState.RESERVED and not ended.is_open(program.now):
            coupons.end(group, holder.name.program, (holder.id, which), program.id, counts, holder.name.name)
    here = {
        _coupon(one): (which, one)
        for which, one in of_order(workspace, holder, order.order_id)
        if one.state is RedemptionState.RESERVED and one.is_open(program.now)
    }
    candidates = [
        _candidate(group, holder, order.order_id, one, asked.asked_minor, here.get(one.key), counts)
        for one, asked in zip(found, wanted, strict=True)
    ]
    mine = {here[one.key][0] for one in found if one.key in here}
    standing = [
        Standing(_terms(workspace, one), one.discount_minor or 0, one.lines)
        for which, one in of_order(workspace, holder, order.order_id)
        if which not in mine and one.is_open(program.now)
    ]
    zone = time_zone(program.settings.time_zone)
    return candidates, here, judge(order, candidates, holder.id, standing, zone, program.now, account_card)


def take(
    group: Group,
    holder: Holder,
    order: Order,
    placed: Placed,
    activity: str,
    counts: bool,
    ends_at: datetime | None = None,
    account: int | None = None,
) -> Used:
    """Uses it: with `ends_at` as a reservation until then, else for good. Raises CouponUsedUp, CampaignUsedUp,
    PassedOver."""
    workspace, now = group.workspace, holder.program.now
    found, verdict, which, reserved, item = placed
    # Those before it on the order may have taken of the same stocks.
    if reserved is None:
        with _saying_which(item):
            coupons.take_use(group, found, counts)
    gives_money = found.campaign.terms.benefit is not Benefit.POINTS
    made = Redemption(
        *found.key,
        order.order_id,
        RedemptionState.REDEEMED if ends_at is None else RedemptionState.RESERVED,
        found.campaign.version,
        now if reserved is None else reserved.created_at,
        verdict.discount_minor if gives_money else None,
        order.currency_code if gives_money else "",
        verdict.lines,
        account if verdict.points else None,
        verdict.points if ends_at is None else 0,
        ends_at,
        now if ends_at is None else None,
        None,
        activity,
    )
    coupon = found.coupon
    if not coupon.is_shared:
        after = coupon._replace(
            uses=coupon.uses + (ends_at is None),
            reserved=coupon.reserved + (ends_at is not None) - (reserved is not None),
            # Whoever has the code may use it, and then nobody gets it from the pool any more.
            pooled=False,
        )
        if coupon.balance_minor is not None:
            had = (reserved.discount_minor or 0) if reserved is not None else 0
            after = after._replace(balance_minor=coupon.balance_minor + had - verdict.discount_minor)
        workspace.put(COUPONS, found.key, after)
        if ends_at is not None and reserved is None:
            workspace.note(RESERVED, found.key, (*(workspace.get(RESERVED, found.key) or ()), (holder.id, which)))
    workspace.put(REDEMPTIONS, (holder.id, which), made, {"program": holder.program.id})
    return Used(which, found.campaign.campaign_id, made)


def told(order: Order, placed: Placed) -> dict[str, Any]:
    """What the record of a use says."""
    details: dict[str, Any] = {**placed.found.told, "order": order.order_id}
    if placed.verdict.discount_minor:
        details |= {"discount_minor": placed.verdict.discount_minor, "currency": order.currency_code}
    return details


def of_order(workspace: Workspace, holder: Holder, order_id: str) -> list[tuple[str, Redemption]]:
    """What the customer used for an order, or has or had reserved for it, by its id."""
    in_hand = workspace.within(REDEMPTIONS, (holder.id,))
    return [(which, one) for which, one in in_hand.items() if one.order_id == order_id]


def _candidate(
    group: Group,
    holder: Holder,
    order_id: str,
    found: InHand,
    asked_minor: int,
    here: tuple[str, Redemption] | None,
    counts: bool,
) -> Candidate:
    workspace, now = group.workspace, holder.program.now
    campaign, coupon = found.campaign, found.coupon
    until = [
        one.expires_at
        for (_, which), one in coupons.reservations(workspace, found.key)
        if one.expires_at is not None and (here is None or which != here[0])
    ]
    if here is not None and coupon.balance_minor is not None:
        coupon = coupon._replace(balance_minor=coupon.balance_minor + (here[1].discount_minor or 0))
    campaign_left, code_left = _left(workspace, found)
    candidate = Candidate(
        coupon,
        campaign.campaign_id,
        campaign.terms,
        campaign.archived,
        asked_minor,
        tuple(_used_at(workspace, holder.id, found, now, here)) if campaign.terms.customer_limits else (),
        campaign_left,
        code_left,
        here is not None,
        max(until, default=None),
        any(
            _coupon(one) == found.key and one.state is RedemptionState.REDEEMED
            for _, one in of_order(workspace, holder, order_id)
        ),
    )
    zone = time_zone(holder.program.settings.time_zone)
    is_hidden = any(availability.hidden(candidate, holder.id, zone, now))
    if here is None and 0 in (campaign_left, code_left) and not is_hidden:
        # Not for what is told as an unknown one: that would be answered a statement later.
        coupons.end_others(group, found, holder.program, counts)
        campaign_left, code_left = _left(workspace, found)
    return candidate._replace(campaign_left=campaign_left, code_left=code_left)


def _left(workspace: Workspace, found: InHand) -> tuple[int | None, int | None]:
    of_code = found.coupon.stock
    return (
        stock.left(workspace, found.campaign.stock),
        stock.left(workspace, of_code) if of_code is not None else None,
    )


def _used_at(
    workspace: Workspace, customer: int, found: InHand, now: datetime, here: tuple[str, Redemption] | None
) -> Iterator[datetime]:
    """When the customer used the campaign otherwise, as this transaction has left it, newest first."""
    in_hand = workspace.within(REDEMPTIONS, (customer,))
    uses = workspace.get(USES, (customer, found.key[0])) or []
    at = [
        one.created_at for one in uses if one.redemption not in in_hand and (one.ends_at is None or now < one.ends_at)
    ]
    at += [
        one.created_at
        for which, one in in_hand.items()
        if one.campaign == found.key[0] and one.is_open(now) and (here is None or which != here[0])
    ]
    yield from sorted(at, reverse=True)


def _coupon(redemption: Redemption) -> tuple[int, str]:
    return (redemption.campaign, redemption.coupon)


def _terms(workspace: Workspace, redemption: Redemption) -> Any:
    campaign = workspace.get(CAMPAIGNS, (redemption.campaign,))
    assert campaign is not None
    return campaign.terms
