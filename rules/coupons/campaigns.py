"""Which terms a campaign can have and come to have, and from when to when its coupons can be used."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules import calendar
from rules.archiving import Archiving, state
from rules.coupons.codes import Pattern
from rules.coupons.refusals import CampaignArchived, CampaignStateWrong, TermsInvalid
from rules.coupons.terms import Benefit, CustomerLimit, Period, Terms
from rules.programs import Settings
from rules.refusals import FieldFixed

BASIS_POINTS_MAX = 10_000

# Where the contract has the money by which the currency of terms is known, and what a benefit gives.
_MONEY_FIELDS = {
    Benefit.AMOUNT_OFF: "amount_off",
    Benefit.BALANCE: "balance",
    Benefit.PERCENT_OFF: "percent_off.discount_max",
    Benefit.FREE_SHIPPING: "free_shipping.discount_max",
}
_MEASURES = {
    Benefit.AMOUNT_OFF: "amount_minor",
    Benefit.BALANCE: "amount_minor",
    Benefit.PERCENT_OFF: "basis_points",
    Benefit.FREE_ITEM: "quantity",
    Benefit.POINTS: "points",
}


class Window(NamedTuple):
    """From when to when something can be used: `starts_at <= now < ends_at`. None: no bound on that side."""

    starts_at: datetime | None
    ends_at: datetime | None


def window(terms: Terms, zone: ZoneInfo) -> Window:
    """When any coupon of these terms can be used: from the first instant of the first day to the last of the last, as
    clocks in the zone show them."""
    return between(terms.first_day, terms.last_day, zone)


def between(first: date | None, last: date | None, zone: ZoneInfo) -> Window:
    """From the first instant of a local day to the last of another."""
    return Window(
        None if first is None else calendar.start_of_day(first, zone),
        None if last is None else calendar.start_of_day(last + timedelta(days=1), zone),
    )


def own_end(terms: Terms, zone: ZoneInfo, assigned_at: datetime) -> datetime | None:
    """The end of a coupon that a customer got at an instant, beside that of its campaign: with the local day so many
    days later, and never after the last day. None where it has none of its own."""
    if not terms.days_from_assignment:
        return None
    day = calendar.local_day(assigned_at, zone)
    ends_at = calendar.end_of_pending(day, terms.days_from_assignment, zone)
    last = window(terms, zone).ends_at
    return ends_at if last is None else min(ends_at, last)


def one_currency(codes: Collection[str]) -> str:
    """The currency of all money in terms; empty where there is none. Raises TermsInvalid."""
    found = sorted(set(codes))
    if len(found) > 1:
        raise TermsInvalid(what=f"money is in {' and '.join(found)}; give all of it in one currency")
    return found[0] if found else ""


def tidied(terms: Terms) -> Terms:
    """The same terms; without a currency where no money is left that needs one."""
    has_money = terms.amount_minor or terms.minimum_spend_minor or terms.discount_max_minor is not None
    return terms if has_money else replace(terms, currency_code="")


def check_terms(terms: Terms, settings: Settings, program: str) -> None:
    """Raises TermsInvalid where terms contradict themselves or the program, PatternInvalid, CardNotFound."""
    _check(terms)
    if terms.benefit is Benefit.POINTS and settings.card(terms.card_id, program).archived:
        raise TermsInvalid(what=f"card {terms.card_id} is archived and gets no points; name another, or unarchive it")


def check_change(old: Terms, new: Terms, settings: Settings, program: str) -> None:
    """Raises FieldFixed where codes that are out would become something else; and what check_terms raises, but for a
    card that was archived since and stays what it was."""
    if new.benefit is not old.benefit:
        raise FieldFixed(field="terms.benefit")
    if old.currency_code and new.currency_code not in ("", old.currency_code):
        raise FieldFixed(field=f"terms.{_money_field(new)}.currency_code")
    if new.code_source is not old.code_source:
        raise FieldFixed(field="terms.code_source")
    if new.card_id != old.card_id:
        check_terms(new, settings, program)
    _check(new)


def check_shared(terms: Terms) -> None:
    """Raises TermsInvalid where one code for many would be used without end by whoever knows it."""
    if terms.benefit is Benefit.BALANCE:
        raise TermsInvalid(what="a gift card has a balance, which is one holder's; generate or import its codes")
    if not (terms.customer_limits or terms.unlimited_for_customer):
        raise TermsInvalid(
            what="one customer could use a shared code any number of times; set customer_limits, or say that this is"
            " meant by unlimited_for_customer"
        )


def check_active(archived: bool, campaign: str) -> None:
    """Raises CampaignArchived; `campaign` is its public id."""
    if archived:
        raise CampaignArchived(campaign=campaign)


def check_archiving(archived: bool, wanted: bool, campaign: str) -> tuple[Archiving, Archiving]:
    """The states before and after. Raises CampaignStateWrong where it is in the wanted one already."""
    if archived == wanted:
        raise CampaignStateWrong(campaign=campaign, state=state(archived))
    return state(archived), state(wanted)


def _check(terms: Terms) -> None:
    for what in _faults(terms):
        raise TermsInvalid(what=what)
    if terms.code_pattern:
        Pattern.parse(terms.code_pattern)


def _faults(terms: Terms) -> Iterator[str]:
    """What is wrong with terms, the first of it first, each with what to do about it."""
    yield from _benefit_faults(terms)
    yield from _window_faults(terms)
    yield from limit_faults(terms.customer_limits)
    if terms.unlimited_for_customer and terms.customer_limits:
        yield "unlimited_for_customer and customer_limits contradict each other; keep one of them"
    if terms.uses_max and terms.uses_per_code > terms.uses_max:
        yield f"one code can be used {terms.uses_per_code} times, and all together {terms.uses_max}; lower the former"
    if terms.stacking.exclusive and terms.stacking.group:
        yield "an exclusive coupon goes with no other, so a group says nothing; keep one of them"


def _benefit_faults(terms: Terms) -> Iterator[str]:
    if (measure := _MEASURES.get(terms.benefit)) and getattr(terms, measure) < 1:
        yield f"the coupon gives nothing: {measure} is {getattr(terms, measure)}; give at least 1"
    if terms.basis_points > BASIS_POINTS_MAX:
        yield f"basis_points is {terms.basis_points}, more than all of it; give at most {BASIS_POINTS_MAX}"
    if terms.discount_max_minor == 0:
        yield "discount_max is 0, so the coupon gives nothing; raise it, or leave it away"
    if tidied(terms).currency_code != terms.currency_code:
        yield f"the currency {terms.currency_code} is of no money; leave it away"
    if not terms.currency_code and (terms.amount_minor or terms.minimum_spend_minor or terms.discount_max_minor):
        yield "there is money without a currency; give its currency_code"
    if terms.benefit is Benefit.POINTS and (terms.product_ids or terms.categories):
        yield "points are given for the order, and of no line; leave product_ids and categories away"
    if terms.benefit is Benefit.BALANCE and terms.uses_per_code:
        yield "a gift card is used until its balance is used up; leave uses_per_code away"


def _window_faults(terms: Terms) -> Iterator[str]:
    first, last = terms.first_day, terms.last_day
    if first is None or last is None:
        return
    if last < first:
        yield f"it ends on {last}, before it begins on {first}; move one of the days"
    elif terms.days_from_assignment > (last - first).days:
        yield (
            f"days_from_assignment is {terms.days_from_assignment}, and from {first} to {last} are"
            f" {(last - first).days}; shorten it, or leave it away"
        )


def limit_faults(limits: tuple[CustomerLimit, ...]) -> Iterator[str]:
    """What limits of a customer have against each other."""
    ordered = sorted(limits, key=lambda limit: _LONGER.index(limit.period))
    for shorter, longer in pairwise(ordered):
        if shorter.period is longer.period:
            yield f"customer_limits has the period {shorter.period} twice; keep one of them"
        if shorter.uses > longer.uses:
            yield (
                f"{shorter.uses} uses by {shorter.period} are more than {longer.uses} by {longer.period}; lower the"
                " former, or leave it away"
            )


def _money_field(terms: Terms) -> str:
    if terms.amount_minor or terms.discount_max_minor is not None:
        return _MONEY_FIELDS[terms.benefit]
    return "minimum_spend"


# The shorter first.
_LONGER = tuple(Period)
