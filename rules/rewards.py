"""Rewards: what points and stamps can be exchanged for, when and how often, and which terms contradict themselves."""

import datetime
from dataclasses import dataclass, replace
from typing import Any

from rules.coupons import terms as coupons
from rules.coupons.campaigns import limit_faults
from rules.coupons.refusals import RewardArchived, RewardStateWrong, TermsInvalid
from rules.coupons.terms import CustomerLimit
from rules.programs import CardKind, Settings
from rules.refusals import FieldFixed


@dataclass(frozen=True, slots=True)
class CancelPolicy:
    """What cancelling a claim does: within `days` (0: for ever), with the points back unless it `keeps_points`, and the
    piece in stock again unless it `keeps_stock`."""

    days: int = 0
    keeps_points: bool = False
    keeps_stock: bool = False


@dataclass(frozen=True, slots=True)
class RewardTerms:
    """What a reward costs, what it gives, when and how often. Immutable: a change makes the next version.

    `price_points` is in the smallest unit of the card. It gives a coupon of the campaign `campaign_id` or, where that
    is empty, an item, which is called `sku` elsewhere. A `stock` of 0 is any number.
    """

    card_id: str
    price_points: int
    campaign_id: str = ""
    sku: str = ""
    stock: int = 0
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    customer_limits: tuple[CustomerLimit, ...] = ()
    cancel_policy: CancelPolicy = CancelPolicy()


@dataclass(frozen=True, slots=True)
class Offer:
    """What of a reward has versions: what it is called, and its terms."""

    display_name: str
    description: str
    terms: RewardTerms

    def changed(self, changes: dict[str, Any]) -> "Offer":
        """The same with other values: `terms.stock` is that of its terms, and wins over `terms`."""
        own = {field: value for field, value in changes.items() if "." not in field}
        found = replace(self, **own)
        inner = {field.removeprefix("terms."): value for field, value in changes.items() if "." in field}
        return replace(found, terms=replace(found.terms, **inner)) if inner else found


def check_terms(
    terms: RewardTerms, settings: Settings, program: str, today: datetime.date, campaign: coupons.Terms | None
) -> None:
    """Raises TermsInvalid where terms contradict themselves, their program or the `campaign` whose coupons they give,
    and CardNotFound. `program` is its public id, `today` the day there."""
    card = settings.card(terms.card_id, program)
    if card.kind is CardKind.STAMPS and terms.price_points % card.stamps_per_reward:
        raise TermsInvalid(what=f"a card has {card.stamps_per_reward} stamps; ask for whole cards")
    first, last = terms.first_day, terms.last_day
    if first and last and last < first:
        raise TermsInvalid(what=f"it ends on {last}, before it begins on {first}; exchange the days")
    for what in limit_faults(terms.customer_limits):
        raise TermsInvalid(what=what)
    if campaign is not None and campaign.last_day is not None:
        ends, begins = campaign.last_day, max(today, first or today)
        if ends < begins:
            raise TermsInvalid(what=f"its coupons could be used until {ends}; move the end of their campaign")


def check_change(old: RewardTerms, new: RewardTerms) -> None:
    """Raises FieldFixed where what was claimed would have been paid with another card."""
    if new.card_id != old.card_id:
        raise FieldFixed(field="terms.card_id")


def check_active(archived: bool, reward: str) -> None:
    """Raises RewardArchived; `reward` is its public id."""
    if archived:
        raise RewardArchived(reward=reward)


def check_state(archived: bool, wanted: bool, reward: str, state: str) -> None:
    """Raises RewardStateWrong where it is what it is to become."""
    if archived == wanted:
        raise RewardStateWrong(reward=reward, state=state)
