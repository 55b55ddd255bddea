"""What is done to the books and to the model alike: each deed a command, and what the model makes of it.

A list of its own beside tests/storage/acts.py: here is drawn what the model knows to exist, or knows not to, and how it
would answer. That every command is drawn, test_months.py sees to.
"""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from rules.refunds import RollbackPolicy
from tests.storage.asking import Asking
from tests.storage.model.cards import CARDS, CHANGES, LOYAL, NAMES, STAMPS, TTL_MAX_S, Change
from tests.storage.model.choosing import ABLE, SELDOM, Deed, Doing, Done, open_hold, paid_for, some, whole
from tests.storage.model.redeeming import REDEEMING
from tests.storage.model.shop import Shop
from tests.storage.model.visits import VISITS


def done(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    """The deed, where there is something to do it to; nine times in ten to an account that has what it takes."""
    if (able := ABLE.get(deed.kind)) is not None and deed.size > SELDOM:
        keys = [key for key, account in shop.accounts.items() if able(account)]
        if keys and deed.key not in keys:
            deed = deed._replace(key=keys[deed.which % len(keys)])
    return {**_DEEDS, **REDEEMING}[deed.kind](deed, shop, asking, how)


def _spend(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    points, pays_for = some(deed, shop), paid_for(deed, shop)
    command = asking.spending(points, *deed.key, pays_for=pays_for or None, **how)
    return Done(command, lambda model: model.spend(deed.key, points, pays_for), deed.key)


def _claim(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    # Of the card that pays; now and then of another.
    reward = CARDS[deed.which % len(CARDS)].card_id if deed.size <= SELDOM else deed.key[1]
    command = asking.claim(reward, *deed.key, **how)
    return Done(command, lambda model: model.claim(deed.key, reward), deed.key)


def _cancel(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    # Those of the same transaction have an id that nobody knows yet.
    known = [claim for claim in shop.claimed if claim.claim.created_at < shop.now]
    if not known:
        return None
    claim = known[deed.which % len(known)]
    key = (claim.account.customer, claim.account.card)
    return Done(asking.cancelling(claim, **how), lambda model: model.cancel(claim), key)


def _roll_back(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    # Those of the same transaction have a number that nobody knows yet: it is below zero.
    numbered = sorted(one for one in shop.spent if one[1] > 0)
    if not numbered:
        return None
    key, seq = numbered[deed.which % len(numbered)]
    points = shop.spent[key, seq].points * deed.size // 100 if deed.flag else 0
    policy = list(RollbackPolicy)[deed.points % 4]
    restore = policy is not RollbackPolicy.NO_RESTORE
    grace_days = deed.size // 5 if policy in (RollbackPolicy.EXTEND_TO, RollbackPolicy.GRACE) else None
    until = shop.now + timedelta(days=grace_days or 0) if policy is RollbackPolicy.EXTEND_TO else None
    granted = grace_days or 0
    command = asking.rollback(seq, points, *key, policy=policy, until=until, grace_days=granted, **how)
    return Done(command, lambda model: model.roll_back(key, seq, points, grace_days, restore), key)


def _hold(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    points, pays_for = some(deed, shop), paid_for(deed, shop)
    ttl_s = TTL_MAX_S * (deed.which + 1) // 12 if deed.flag else 0
    command = asking.hold(points, *deed.key, ttl_s=ttl_s, pays_for=pays_for or None, **how)
    return Done(command, lambda model: model.hold(deed.key, points, ttl_s, pays_for), deed.key)


def _capture(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    number = open_hold(deed, shop)
    account = shop.accounts[deed.key]
    known = account.holds
    points = known[number - 1].points * deed.size // 100 if deed.flag and number <= len(known) else 0
    points = whole(account, points) if points and deed.size > SELDOM else points
    command = asking.capture(number, points, *deed.key, **how)
    return Done(command, lambda model: model.capture(deed.key, number, points), deed.key)


def _release(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    number = open_hold(deed, shop)
    command = asking.release(number, *deed.key, **how)
    return Done(command, lambda model: model.release(deed.key, number), deed.key)


def _adjust(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    points = deed.points + 1 if deed.flag else -some(deed, shop)
    return Done(asking.adjustment(points, *deed.key, **how), lambda model: model.adjust(deed.key, points), deed.key)


def _transfer(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    points = some(deed, shop)
    name, card = deed.key
    to = name if deed.size == 1 else NAMES[1 - NAMES.index(name)]
    command = asking.transfer(points, name, to, card, **how)
    return Done(command, lambda model: model.transfer(deed.key, to, points), deed.key)


def _write_off(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    owed = [number for number, one in enumerate(shop.accounts[deed.key].owed, start=1) if one.left]
    number = owed[deed.which % len(owed)] if owed and deed.size > SELDOM else deed.which + 1
    points = 0 if deed.flag else deed.points
    command = asking.write_off(number, points, *deed.key, **how)
    return Done(command, lambda model: model.write_off(deed.key, number, points), deed.key)


_DEEDS: dict[str, Doing] = {
    **VISITS,
    "write off": _write_off,
    "spend": _spend,
    "claim": _claim,
    "cancel": _cancel,
    "roll back": _roll_back,
    "hold": _hold,
    "capture": _capture,
    "release": _release,
    "adjust": _adjust,
    "transfer": _transfer,
}
KINDS = tuple(_DEEDS)
_card_ids = [card.card_id for card in CARDS]
_keys = st.tuples(st.sampled_from(NAMES), st.sampled_from(_card_ids))
_how = (st.integers(0, 12), st.integers(1, 110), st.integers(0, 200), st.booleans())
deeds = st.builds(
    Deed, st.sampled_from([*_DEEDS, "buy", "buy", "spend", "claim", "refund", "hold", "transfer"]), _keys, *_how
)
# What is done with coupons, and with the purchases of their orders.
vouchers = st.lists(
    st.builds(Deed, st.sampled_from([*REDEEMING, "assign coupon", *["redeem coupons"] * 3, "refund"]), _keys, *_how),
    min_size=3,
    max_size=8,
)
# The first of them is done again in the end: what is limited counts what was done just before.
batches = st.lists(deeds, min_size=2, max_size=7).map(lambda batch: [*batch, batch[0]])
# One purchase of several lines, and what its customer and the shop make of it.
_of_a_basket = st.sampled_from(["refund lines", "refund lines", "refund", "decide", "correct", "buy again"])
baskets = st.tuples(
    st.builds(Deed, st.just("basket"), _keys, st.integers(1, 12), st.integers(SELDOM + 1, 110), *_how[2:]),
    st.lists(st.builds(Deed, _of_a_basket, _keys, *_how), min_size=2, max_size=6),
).map(lambda of: [of[0], *(deed._replace(key=of[0].key, which=deed.which % 3) for deed in of[1])])
# Points that slide, given by hand and sent to and fro.
gifts = st.lists(
    st.builds(
        Deed,
        st.sampled_from(["adjust", "transfer", "transfer"]),
        st.tuples(st.sampled_from(NAMES), st.just(LOYAL.card_id)),
        *_how,
    ),
    min_size=2,
    max_size=5,
)
_OF_ANY_CARD = [field for field in CHANGES if field != "stamps_per_reward"]
_changes = st.builds(
    Change,
    st.sampled_from(_card_ids),
    st.sampled_from([*_OF_ANY_CARD, *["earn_rate", "pending", "expiry_policy"] * 3]),
    st.integers(0, 11),
)
_rewards = st.just(Change(STAMPS.card_id, "stamps_per_reward", 0))
# Only stamps fill a reward; now and then somebody wants it of points.
_wrong = st.just([Change("quick", "stamps_per_reward", 0)])
changes = st.one_of(*[st.lists(st.one_of(*[_changes] * 9, _rewards), min_size=1, max_size=8)] * 9, _wrong)
