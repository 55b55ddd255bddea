"""What is done to the books and to the model alike: each deed a command, and what the model makes of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from rules.refunds import RollbackPolicy
from storage.ledger.commands import Command
from tests.storage.asking import Asking
from tests.storage.model.accounts import Account, Spent
from tests.storage.model.cards import CARDS, NAMES, TTL_MAX_S, Key
from tests.storage.model.shop import Shop

# Up to that hundredth, a deed is done to whatever there is, even where it can only be refused.
SELDOM = 10


class Deed(NamedTuple):
    """What is done, to whose account of which card; `which` chooses among what is there, `size` is a hundredth."""

    kind: str
    key: Key
    which: int
    size: int
    points: int
    flag: bool


class Done(NamedTuple):
    """A command, the same for the model, and the account whose balance its answer tells. What the model answers is
    a spending that the books will number."""

    command: Command
    told: Callable[[Shop], Spent | None]
    key: Key | None


def done(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    """The deed, where there is something to do it to; nine times in ten to an account that has what it takes."""
    able = [key for key, account in shop.accounts.items() if _ABLE.get(deed.kind, _anybody)(account)]
    if able and deed.size > SELDOM and deed.key not in able:
        deed = deed._replace(key=able[deed.which % len(able)])
    return _DEEDS[deed.kind](deed, shop, asking, how)


def _buy(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    number = f"b{len(shop.bought)}"
    days_ago = deed.which if deed.flag else 0
    at = shop.now - timedelta(days=days_ago) if days_ago else None
    command = asking.purchase(deed.points, *deed.key, transaction_id=number, occurred_at=at, **how)
    return Done(command, lambda model: model.buy(deed.key, deed.points, number, days_ago), deed.key)


def _correct(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := _purchase(deed, shop)) is None:
        return None
    key = shop.bought[number].key
    command = asking.correction(number, deed.points, key[0], **how)
    return Done(command, lambda model: model.correct(number, deed.points), key)


def _decide(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := _purchase(deed, shop)) is None:
        return None
    key = shop.bought[number].key
    return Done(asking.decision(number, deed.flag, key[0], **how), lambda model: model.decide(number, deed.flag), key)


def _lot(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    waiting = [lot.number for lot in shop.accounts[deed.key].lots if lot.waiting]
    number = waiting[deed.which % len(waiting)] if waiting and deed.size > SELDOM else deed.which + 1
    command = asking.lot(number, deed.flag, *deed.key, **how)
    return Done(command, lambda model: model.change_lot(deed.key, number, deed.flag), deed.key)


def _refund(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := _purchase(deed, shop)) is None:
        return None
    bought = shop.bought[number]
    amount = None if deed.flag else bought.amount * deed.size // 100
    command = asking.refund(number, amount, bought.key[0], **how)
    return Done(command, lambda model: model.refund(number, amount), bought.key)


def _write_off(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    owed = [number for number, one in enumerate(shop.accounts[deed.key].owed, start=1) if one.left]
    number = owed[deed.which % len(owed)] if owed and deed.size > SELDOM else deed.which + 1
    points = 0 if deed.flag else deed.points
    command = asking.write_off(number, points, *deed.key, **how)
    return Done(command, lambda model: model.write_off(deed.key, number, points), deed.key)


def _spend(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    points = _some(deed, shop)
    pays_for = (_purchase(deed, shop) or "") if deed.flag else ""
    command = asking.spending(points, *deed.key, pays_for=pays_for or None, **how)
    return Done(command, lambda model: model.spend(deed.key, points, pays_for), deed.key)


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
    points = _some(deed, shop)
    ttl_s = TTL_MAX_S * (deed.which + 1) // 12 if deed.flag else 0
    command = asking.hold(points, *deed.key, ttl_s=ttl_s, **how)
    return Done(command, lambda model: model.hold(deed.key, points, ttl_s), deed.key)


def _capture(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    number = _open(deed, shop)
    known = shop.accounts[deed.key].holds
    points = known[number - 1].points * deed.size // 100 if deed.flag and number <= len(known) else 0
    command = asking.capture(number, points, *deed.key, **how)
    return Done(command, lambda model: model.capture(deed.key, number, points), deed.key)


def _release(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    number = _open(deed, shop)
    command = asking.release(number, *deed.key, **how)
    return Done(command, lambda model: model.release(deed.key, number), deed.key)


def _adjust(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    points = deed.points + 1 if deed.flag else -_some(deed, shop)
    return Done(asking.adjustment(points, *deed.key, **how), lambda model: model.adjust(deed.key, points), deed.key)


def _transfer(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    points = _some(deed, shop)
    name, card = deed.key
    to = name if deed.size == 1 else NAMES[1 - NAMES.index(name)]
    command = asking.transfer(points, name, to, card, **how)
    return Done(command, lambda model: model.transfer(deed.key, to, points), deed.key)


def _event(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    event = ("visited", "won", "delivered", "delivered")[deed.points % 4]
    name = deed.key[0]
    about = (_purchase(deed, shop) or "") if event == "delivered" else ""
    command = asking.event(event, name, about=about or None, **how)
    key = (name, "quick") if event == "won" else None
    return Done(command, lambda model: model.happen(name, event, about), key)


def _purchase(deed: Deed, shop: Shop) -> str | None:
    """One of the customer's purchases, rather of that card and of late; sometimes another customer's."""
    mine = [number for number, one in shop.bought.items() if one.key == deed.key]
    numbers = mine if mine and deed.size > SELDOM else list(shop.bought)
    return numbers[-1 - deed.which % len(numbers)] if numbers else None


def _open(deed: Deed, shop: Shop) -> int:
    """One of the open holds, or any, or one that does not exist."""
    known = shop.accounts[deed.key].holds
    open_ = [hold.number for hold in known if not hold.ended]
    return open_[deed.which % len(open_)] if open_ and deed.size > SELDOM else deed.which % (len(known) + 1) + 1


def _some(deed: Deed, shop: Shop) -> int:
    """A part of what is active, now and then more."""
    account = shop.accounts[deed.key]
    return max(1, (account.free + account.held) * deed.size // 100)


_DEEDS: dict[str, Callable[[Deed, Shop, Asking, dict[str, Any]], Done | None]] = {
    "buy": _buy,
    "correct": _correct,
    "decide": _decide,
    "lot": _lot,
    "refund": _refund,
    "write off": _write_off,
    "spend": _spend,
    "roll back": _roll_back,
    "hold": _hold,
    "capture": _capture,
    "release": _release,
    "adjust": _adjust,
    "transfer": _transfer,
    "event": _event,
}


def _anybody(account: Account) -> bool:
    return True


def _has_points(account: Account) -> bool:
    return account.free > 0


def _holds(account: Account) -> bool:
    return account.held > 0


def _waits(account: Account) -> bool:
    return any(lot.waiting for lot in account.lots)


def _owes(account: Account) -> bool:
    return any(one.left for one in account.owed)


_ABLE = {
    "lot": _waits,
    "write off": _owes,
    "spend": _has_points,
    "hold": _has_points,
    "transfer": _has_points,
    "capture": _holds,
    "release": _holds,
}
KINDS = tuple(_DEEDS)
_keys = st.sampled_from([(name, card.card_id) for name in NAMES for card in CARDS])
deeds = st.builds(
    Deed,
    st.sampled_from([*_DEEDS, "buy", "buy", "spend", "refund", "hold"]),
    _keys,
    st.integers(0, 12),
    st.integers(1, 110),
    st.integers(0, 200),
    st.booleans(),
)
