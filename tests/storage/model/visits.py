"""What customers come with: purchases, what becomes of them, and what else happens."""

from datetime import datetime, timedelta
from typing import Any

from tests.storage.asking import Asking
from tests.storage.model.choosing import SELDOM, Deed, Doing, Done, as_lines, basket, purchase
from tests.storage.model.shop import Shop


def _buy(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    number = f"b{len(shop.bought)}"
    at = _instant(deed, shop) if deed.flag else shop.now
    occurred_at = at if deed.flag else None
    command = asking.purchase(deed.points, *deed.key, transaction_id=number, occurred_at=occurred_at, **how)
    return Done(command, lambda model: model.buy(deed.key, deed.points, number, at), deed.key)


def _buy_basket(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    number, (amount, lines) = f"b{len(shop.bought)}", basket(deed)
    command = asking.purchase(amount, *deed.key, transaction_id=number, lines=as_lines(lines), **how)
    return Done(command, lambda model: model.buy(deed.key, amount, number, shop.now, lines), deed.key)


def _buy_again(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := purchase(deed, shop)) is None:
        return None
    bought = shop.bought[number]
    key = deed.key if deed.flag else bought.key
    amount = deed.points if deed.which == 0 else bought.amount
    lines = () if deed.which == 1 else bought.lines
    command = asking.purchase(amount, *key, transaction_id=number, lines=as_lines(lines), **how)
    return Done(command, lambda model: model.buy_again(key, amount, number, lines), key)


def _correct(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := purchase(deed, shop, is_open=True)) is None:
        return None
    key = shop.bought[number].key
    amount, lines = basket(deed) if deed.flag else (deed.points, ())
    command = asking.correction(number, amount, key[0], lines=as_lines(lines), **how)
    return Done(command, lambda model: model.correct(number, amount, lines), key)


def _decide(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := purchase(deed, shop, is_open=True)) is None:
        return None
    key = shop.bought[number].key
    return Done(asking.decision(number, deed.flag, key[0], **how), lambda model: model.decide(number, deed.flag), key)


def _lot(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    waiting = [lot.number for lot in shop.accounts[deed.key].lots if lot.waiting]
    number = waiting[deed.which % len(waiting)] if waiting and deed.size > SELDOM else deed.which + 1
    command = asking.lot(number, deed.flag, *deed.key, **how)
    return Done(command, lambda model: model.change_lot(deed.key, number, deed.flag), deed.key)


def _refund(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := purchase(deed, shop)) is None:
        return None
    bought = shop.bought[number]
    amount = None if deed.flag else bought.amount * deed.size // 100
    command = asking.refund(number, amount, bought.key[0], **how)
    return Done(command, lambda model: model.refund(number, amount), bought.key)


def _refund_lines(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    if (number := purchase(deed, shop, has_lines=True)) is None:
        return None
    bought = shop.bought[number]
    count = len(bought.lines)
    first = deed.which % count + 1 if count and deed.size > SELDOM else deed.which + 1
    cost = bought.lines[first - 1][0] if first <= count else 0
    lines = {first: 0 if deed.flag else cost * deed.size // 100}
    if deed.points % 3 == 0 and count:
        lines.setdefault(first % count + 1, 0)
    command = asking.refund(number, None, bought.key[0], lines=tuple(lines.items()), **how)
    return Done(command, lambda model: model.refund(number, None, lines), bought.key)


def _event(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    event = ("visited", "won", "delivered", "delivered")[deed.points % 4]
    name, card = deed.key
    about = (purchase(deed, shop, is_open=True) or "") if event == "delivered" else ""
    at = _instant(deed, shop) if deed.size % 2 else shop.now
    gives_to, points = (card, deed.points // 4) if event == "visited" and deed.flag else ("", None)
    command = asking.event(
        event,
        name,
        occurred_at=at if deed.size % 2 else None,
        about=about or None,
        gives_to=gives_to,
        points=points,
        **how,
    )
    declared = next(one for one in shop.settings.event_types if one.event_type == event)
    given = declared.points if points is None else points
    key = (name, gives_to or declared.card_id) if given else None
    return Done(command, lambda model: model.happen(name, event, at, about, gives_to, points), key)


def _activity(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    name, at = deed.key[0], _instant(deed, shop)
    return Done(asking.activity(name=name, occurred_at=at, **how), lambda model: model.happen_elsewhere(at), None)


def _instant(deed: Deed, shop: Shop) -> datetime:
    """Some days ago; or by a clock that runs ahead, a little or too far."""
    ahead = {11: timedelta(minutes=11), 12: timedelta(minutes=9)}.get(deed.which)
    return shop.now + (ahead or -timedelta(days=deed.which))


VISITS: dict[str, Doing] = {
    "buy": _buy,
    "basket": _buy_basket,
    "buy again": _buy_again,
    "correct": _correct,
    "decide": _decide,
    "lot": _lot,
    "refund": _refund,
    "refund lines": _refund_lines,
    "event": _event,
    "activity": _activity,
}
