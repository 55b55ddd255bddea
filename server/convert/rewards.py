"""Rewards of the catalogue."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from fealty.v1 import coupon_campaigns_pb2, values_pb2
from fealty.v1 import rewards_pb2 as pb
from rules.coupons.refusals import TermsInvalid
from rules.coupons.terms import CustomerLimit, Period
from rules.refusals import UpdateMaskInvalid
from rules.rewards import CancelPolicy, Offer, RewardTerms
from server.call import Call
from server.convert import names
from server.convert.requests import context, given_fixed, receipt, set_day, timestamp
from server.errors import RequestInvalid
from server.policy import word
from storage.engine.requests import Answer
from storage.rewards.catalogue import ArchiveReward, CreateReward, UpdateReward
from storage.rewards.queries import Reward

# What an update may send back as it was read.
_FIXED = ("state", "version", "create_time", "update_time")
# The fields of the rules for each of the contract's terms.
_TERMS = {
    "card_id": ("card_id",),
    "price_points": ("price_points",),
    "coupon_of": ("campaign_id", "sku"),
    "item": ("campaign_id", "sku"),
    "stock": ("stock",),
    "first_day": ("first_day",),
    "last_day": ("last_day",),
    "customer_limits": ("customer_limits",),
    "cancel_policy": ("cancel_policy",),
}


def create_reward(call: Call, message: pb.CreateRewardRequest) -> CreateReward:
    """The command in a request. Raises RequestInvalid, TermsInvalid."""
    program, given = names.program_id(message.parent), message.reward
    _check_whole(given.terms)
    offer = Offer(given.display_name, given.description, _terms(given.terms, program))
    return CreateReward(program, message.reward_id, offer, context(call, message))


def created(command: CreateReward, answer: Answer[Reward]) -> pb.CreateRewardResponse:
    """What is answered to it."""
    return pb.CreateRewardResponse(reward=message(answer.value), receipt=receipt(answer))


def update_reward(call: Call, message: pb.UpdateRewardRequest) -> UpdateReward:
    """The command in a request. Raises UpdateMaskInvalid, RequestInvalid, TermsInvalid."""
    reward = message.reward
    program, reward_id = names.reward(reward.name)
    terms = _terms(reward.terms, program)
    given: dict[str, Any] = {"display_name": reward.display_name, "description": reward.description, "terms": terms}
    paths = list(message.update_mask.paths)
    filled = [name for name in given if (reward.HasField("terms") if name == "terms" else given[name])]
    changes: dict[str, Any] = {}
    for path in paths or filled:
        if path == "terms":
            _check_whole(reward.terms)
        if path in given:
            changes[path] = given[path]
        else:
            changes.update(_of_terms(path, reward.terms, terms))
    # A mask says what is meant; without one, what is sent is.
    fixed = () if paths else given_fixed(reward, _FIXED)
    fixed = tuple(
        (field, word(pb.RewardState, value, "REWARD_STATE_") if field == "state" else value) for field, value in fixed
    )
    return UpdateReward(program, reward_id, reward.etag, changes, context(call, message), fixed)


def updated(command: UpdateReward, answer: Answer[Reward]) -> pb.UpdateRewardResponse:
    """What is answered to it."""
    return pb.UpdateRewardResponse(reward=message(answer.value), receipt=receipt(answer))


def archive_reward(call: Call, message: pb.ArchiveRewardRequest) -> ArchiveReward:
    """The command in a request."""
    return ArchiveReward(*names.reward(message.name), message.etag, True, context(call, message))


def archived(command: ArchiveReward, answer: Answer[Reward]) -> pb.ArchiveRewardResponse:
    """What is answered to it."""
    return pb.ArchiveRewardResponse(reward=message(answer.value), receipt=receipt(answer))


def unarchive_reward(call: Call, message: pb.UnarchiveRewardRequest) -> ArchiveReward:
    """The command in a request."""
    return ArchiveReward(*names.reward(message.name), message.etag, False, context(call, message))


def unarchived(command: ArchiveReward, answer: Answer[Reward]) -> pb.UnarchiveRewardResponse:
    """What is answered to it."""
    return pb.UnarchiveRewardResponse(reward=message(answer.value), receipt=receipt(answer))


def message(reward: Reward) -> pb.Reward:
    """A reward as the contract shows it."""
    return pb.Reward(
        name=reward.name,
        display_name=reward.offer.display_name,
        description=reward.offer.description,
        state=pb.REWARD_STATE_ARCHIVED if reward.archived else pb.REWARD_STATE_ACTIVE,
        terms=_terms_message(reward.offer.terms, reward.program_id),
        version=reward.version,
        claimed=reward.claimed,
        etag=reward.etag,
        create_time=timestamp(reward.created_at),
        update_time=timestamp(reward.updated_at),
    )


def _terms(given: pb.RewardTerms, program: str) -> RewardTerms:
    policy = given.cancel_policy
    return RewardTerms(
        given.card_id,
        given.price_points,
        _campaign(given.coupon_of, program) if given.coupon_of else "",
        given.item.sku,
        given.stock,
        _day(given, "first_day"),
        _day(given, "last_day"),
        tuple(CustomerLimit(_period(limit), limit.uses) for limit in given.customer_limits),
        CancelPolicy(policy.days, policy.keeps_points, policy.keeps_stock),
    )


def _terms_message(terms: RewardTerms, program: str) -> pb.RewardTerms:
    shown = pb.RewardTerms(card_id=terms.card_id, price_points=terms.price_points, stock=terms.stock)
    if terms.campaign_id:
        shown.coupon_of = f"programs/{program}/couponCampaigns/{terms.campaign_id}"
    else:
        shown.item.sku = terms.sku
    for field in ("first_day", "last_day"):
        if (day := getattr(terms, field)) is not None:
            set_day(getattr(shown, field), day)
    for limit in terms.customer_limits:
        number = coupon_campaigns_pb2.LimitPeriod.Value(f"LIMIT_PERIOD_{limit.period}")
        shown.customer_limits.add(period=number, uses=limit.uses)
    policy = terms.cancel_policy
    shown.cancel_policy.days = policy.days
    shown.cancel_policy.keeps_points = policy.keeps_points
    shown.cancel_policy.keeps_stock = policy.keeps_stock
    return shown


def _of_terms(path: str, given: pb.RewardTerms, terms: RewardTerms) -> dict[str, Any]:
    """What an update changes of the terms by one path of its mask. Raises UpdateMaskInvalid."""
    name = path.removeprefix("terms.")
    is_missing = name in ("coupon_of", "item") and given.WhichOneof("gives") != name
    is_missing |= name in ("card_id", "price_points") and not getattr(given, name)
    if name == path or name not in _TERMS or is_missing:
        raise UpdateMaskInvalid(path=path)
    return {f"terms.{field}": getattr(terms, field) for field in _TERMS[name]}


def _check_whole(given: pb.RewardTerms) -> None:
    if missing := list(_missing(given)):
        raise RequestInvalid(missing)


def _missing(given: pb.RewardTerms) -> Iterator[tuple[str, str]]:
    if not given.card_id:
        yield "reward.terms.card_id", "is required: it says what pays for it"
    if not given.price_points:
        yield "reward.terms.price_points", "must be 1 or more"
    if given.WhichOneof("gives") is None:
        yield "reward.terms.gives", "one of coupon_of and item is required"


def _campaign(name: str, program: str) -> str:
    of, campaign = names.campaign(name)
    if of != program:
        raise RequestInvalid([("reward.terms.coupon_of", "must be a campaign of the program of the reward")])
    return campaign


def _period(limit: coupon_campaigns_pb2.CustomerLimit) -> Period:
    return Period(word(coupon_campaigns_pb2.LimitPeriod, limit.period, "LIMIT_PERIOD_"))


def _day(given: pb.RewardTerms, field: str) -> date | None:
    if not given.HasField(field):
        return None
    day: values_pb2.Date = getattr(given, field)
    # Each number is within its limits by the contract; whether they are a date together only a calendar knows.
    try:
        return date(day.year, day.month, day.day)
    except ValueError as error:
        text = f"{day.year:04}-{day.month:02}-{day.day:02}"
        raise TermsInvalid(what=f"there is no {text}; give a day that its month has") from error
