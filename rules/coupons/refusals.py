"""Every refusal of the rules of coupons and rewards. No fact ever holds a code."""

from rules.refusals import Refusal


def times(count: str) -> str:
    """How often, in words."""
    return {"1": "once", "2": "twice"}.get(count, f"{count} times")


def each(period: str) -> str:
    """In which period, in words: that of a limit for a customer."""
    words = {"EVER": "in all", "DAY": "a day", "WEEK": "a week", "MONTH": "a month", "YEAR": "a year"}
    return words.get(period, period)


class CodeMalformed(Refusal):
    """A code has {shortest} to {longest} letters A to Z and digits, in groups or not; this is none."""


class CodeMistyped(Refusal):
    """Its last symbol does not fit the others: one of them was mistyped."""


class PatternInvalid(Refusal):
    """The pattern of the codes cannot be used: {what}."""


class TermsInvalid(Refusal):
    """The terms contradict themselves or the program: {what}."""


class CouponNamedTwice(Refusal):
    """The request names this coupon twice; send each once."""


class OrderLinesDiffer(Refusal):
    """The lines come to {lines}, and the order to {amount}; send both before discounts, and without shipping."""


class CurrenciesDiffer(Refusal):
    """Money in {given} cannot be compared with money in {expected}; send the order in {expected}."""


class RewardOfAnotherCard(Refusal):
    """The reward is paid with the card {card}, not with {given}."""


class CampaignNotFound(Refusal):
    """There is no such campaign in {program}."""


class CouponNotFound(Refusal):
    """There is no such coupon in {program}."""


class CouponNotUsable(Refusal):
    """This code cannot be used by this customer."""


class BatchNotFound(Refusal):
    """The campaign has no such batch, or its codes are not made yet."""


class RedemptionNotFound(Refusal):
    """The customer has no such redemption, or nothing is reserved for the order."""


class RewardNotFound(Refusal):
    """There is no such reward in {program}."""


class ClaimNotFound(Refusal):
    """The customer has no such claim."""


class CampaignExists(Refusal):
    """There is a campaign {campaign} already; choose another campaign_id."""


class CodeExists(Refusal):
    """The program has this code already; choose another."""


class RewardExists(Refusal):
    """There is a reward {reward} already; choose another reward_id."""


class CampaignArchived(Refusal):
    """The campaign {campaign} is archived; unarchive it first."""


class CampaignStateWrong(Refusal):
    """The campaign {campaign} is {state} already."""


class CampaignUsedUp(Refusal):
    """Coupons of its campaign can be used {limit} in all, and were, or are reserved."""

    said = {"limit": times}


class CouponNotStarted(Refusal):
    """It can be used from {start_time} on."""


class CouponExpired(Refusal):
    """It could be used until {expire_time}."""


class CouponUsedUp(Refusal):
    """It can be used {limit}, and was."""

    said = {"limit": times}


class GiftCardEmpty(Refusal):
    """Nothing is left of the gift card."""


class CouponVoided(Refusal):
    """It was voided."""


class CouponReserved(Refusal):
    """Its uses are reserved for another order, until {expire_time} at most."""


class CouponWrongCustomer(Refusal):
    """It is another customer's."""


class CouponAssigned(Refusal):
    """A customer has it already."""


class CouponNotStackable(Refusal):
    """It does not go together with the others of this order: {what}."""


class CouponNotApplicable(Refusal):
    """It is not for this order: {what}."""


class CouponAccountNeeded(Refusal):
    """It gives points of the card {card}: name the customer's account of that card."""


class MinimumSpendMissed(Refusal):
    """The order must come to {minimum}, and comes to {given}, in the currency's minor unit."""


class BalanceExceeded(Refusal):
    """{asked} was asked of the gift card, and {available} can be had of it, in the currency's minor unit."""


class CustomerLimitReached(Refusal):
    """A customer can have it {limit} {period}, and this one has."""

    said = {"limit": times, "period": each}


class NoCouponLeft(Refusal):
    """The campaign {campaign} has no code left that nobody has; generate or import more."""


class KeyspaceTooSmall(Refusal):
    """{allowed} of {keyspace} codes can exist unguessed, not {existing} and {wanted} more; {enough} # are enough."""


class ImportTooLarge(Refusal):
    """The file is larger than one import takes: {limit}; split it."""


class BatchExported(Refusal):
    """Its codes were taken away at {export_time}; to take them again, give a reason such as REPRINT."""


class RedemptionStateWrong(Refusal):
    """Only what is redeemed can be rolled back; it is {state}."""


class RewardArchived(Refusal):
    """The reward {reward} is archived; unarchive it first."""


class RewardStateWrong(Refusal):
    """The reward {reward} is {state} already."""


class RewardNotStarted(Refusal):
    """It can be claimed from {first_day} on."""


class RewardEnded(Refusal):
    """It could be claimed until {last_day}."""


class RewardSoldOut(Refusal):
    """None of {stock} is left."""


class ClaimStateWrong(Refusal):
    """The claim is {state} already."""


class ClaimUsed(Refusal):
    """The coupon {coupon} that it gave was used, or is reserved; roll that back first."""
