"""What several coupons together give on an order: all reasons against each, and its share of the discount by line."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rules.coupons import availability, discounts, limits, stacking
from rules.coupons.orders import Candidate, Order, Standing, Verdict, by_priority
from rules.coupons.refusals import CouponAccountNeeded, OrderLinesDiffer
from rules.coupons.remainders import Remainder
from rules.coupons.terms import Benefit
from rules.refusals import Refusal


def judge(
    order: Order,
    candidates: Sequence[Candidate],
    customer: int,
    standing: Sequence[Standing],
    zone: ZoneInfo,
    now: datetime,
    account_card: str | None = None,
) -> list[Verdict]:
    """A verdict on each, in their order; discounts are computed one after the other in the order of `by_priority`, each
    on what those before it left, and only of those that nothing is against. `standing` is what was used for the same
    order before, and is none of the candidates: it comes first. `account_card` is the card of the account that points
    are to be given to, empty where none was named; None: points are told, and not refused for want of an account.

    The reasons against a coupon stand in this order: whose it is, that it was voided or is over (what some callers are
    not told, so that these need nothing beyond), what else is against any use of it, limits, what is against this
    order, the coupons beside it, and last what the caller mends in the call itself.

    Raises OrderLinesDiffer.
    """
    check_order(order)
    left = Remainder(order, standing)
    # What is reserved for the order has its place on it: newcomers give way.
    beside = [other.terms.stacking for other in standing]
    beside += [candidate.terms.stacking for candidate in candidates if candidate.is_reserved_here]
    taken = Counter[str]()
    verdicts: dict[int, Verdict] = {}
    for number in by_priority(candidates):
        candidate = candidates[number]
        refusals = [
            *availability.against(candidate, customer, zone, now),
            *limits.against(candidate, taken[candidate.campaign_id], zone, now),
            *discounts.against(candidate, order, left),
        ]
        if not candidate.is_reserved_here:
            refusals += stacking.against_again(candidate)
            refusals += stacking.against(candidate.terms.stacking, beside)
        verdicts[number] = _verdict(candidate, order, left, refusals, account_card)
        if not verdicts[number].refusals and not candidate.is_reserved_here:
            taken[candidate.campaign_id] += 1
            beside.append(candidate.terms.stacking)
    return [verdicts[number] for number in range(len(candidates))]


def check_order(order: Order) -> None:
    """Raises OrderLinesDiffer: of what is on no line, no share could be told."""
    total = sum(line.amount_minor for line in order.lines)
    if order.lines and total != order.amount_minor:
        raise OrderLinesDiffer(lines=total, amount=order.amount_minor)


def _verdict(
    candidate: Candidate, order: Order, left: Remainder, refusals: list[Refusal], account_card: str | None
) -> Verdict:
    terms = candidate.terms
    points = terms.points if terms.benefit is Benefit.POINTS else 0
    if points and account_card is not None and account_card != terms.card_id:
        refusals = [*refusals, CouponAccountNeeded(card=terms.card_id)]
    if refusals:
        return Verdict(tuple(refusals))
    try:
        gift = discounts.give(candidate, order, left)
    except Refusal as refusal:
        return Verdict((refusal,))
    to_check = not order.lines
    return Verdict(
        (),
        gift.discount_minor,
        gift.shares,
        points,
        terms.product_ids if to_check else (),
        terms.categories if to_check else (),
        () if order.store else terms.stores,
    )
