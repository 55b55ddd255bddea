"""A deed that somebody does to books and model alike, and how it chooses among what there is."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rules.transactions import Line
from storage.ledger.commands import Command
from tests.storage.asking import Asking
from tests.storage.model.accounts import Account, Spent
from tests.storage.model.cards import PRICE, Key
from tests.storage.model.purchases import Lines
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


# How a deed becomes a command: what is there, who asks, and how it is asked for.
Doing = Callable[[Deed, Shop, Asking, dict[str, Any]], Done | None]


def basket(deed: Deed) -> tuple[int, Lines]:
    """An amount and its lines: some have points of their own, some cost nothing. What is in no line may be below 0."""
    lines = tuple(
        (0 if (deed.which + line) % 3 == 0 else deed.points // line, None if (deed.size + line) % 3 == 0 else deed.size)
        for line in range(1, deed.which % 4 + 1)
    )
    beside = -1 if deed.size <= SELDOM else deed.size % 3 * 7
    return max(0, sum(cost for cost, _ in lines) + beside), lines


def as_lines(lines: Lines) -> tuple[Line, ...]:
    """As the books have them."""
    return tuple(Line("bun", "", 1, cost, own) for cost, own in lines)


def purchase(deed: Deed, shop: Shop, is_open: bool = False, has_lines: bool = False) -> str | None:
    """One of the customer's purchases, rather of that card and of late, or one that nobody has decided about, or of
    several lines; sometimes another's."""
    mine = [
        number
        for number, one in shop.bought.items()
        if one.key == deed.key and (one.is_open(shop.now) or not is_open) and (one.lines or not has_lines)
    ]
    numbers = mine if mine and deed.size > SELDOM else list(shop.bought)
    return numbers[-1 - deed.which % len(numbers)] if numbers else None


def paid_for(deed: Deed, shop: Shop) -> str:
    """The purchase that points pay for, every second time."""
    return (purchase(deed, shop) or "") if deed.flag else ""


def open_hold(deed: Deed, shop: Shop) -> int:
    """One of the open holds, or any, or one that does not exist."""
    known = shop.accounts[deed.key].holds
    open_ = [hold.number for hold in known if not hold.ended]
    return open_[deed.which % len(open_)] if open_ and deed.size > SELDOM else deed.which % (len(known) + 1) + 1


def some(deed: Deed, shop: Shop) -> int:
    """A part of what is active, now and then more; stamps of whole rewards, now and then not."""
    account = shop.accounts[deed.key]
    points = max(1, (account.free + account.held) * deed.size // 100)
    return points if deed.size <= SELDOM else whole(account, points)


def whole(account: Account, points: int) -> int:
    """As many points, or if they are stamps, those of the rewards that they are good for, but one at least."""
    reward = account.card.stamps_per_reward or 1
    return max(1, points // reward) * reward


def _has_points(account: Account) -> bool:
    return account.free >= (account.card.stamps_per_reward or 1)


def _has_price(account: Account) -> bool:
    return account.free >= PRICE


def _holds(account: Account) -> bool:
    return account.held > 0


def _waits(account: Account) -> bool:
    return any(lot.waiting for lot in account.lots)


def _owes(account: Account) -> bool:
    return any(one.left for one in account.owed)


# What an account must have for a deed of that kind.
ABLE = {
    "correct": _waits,
    "decide": _waits,
    "lot": _waits,
    "event": _waits,
    "write off": _owes,
    "spend": _has_points,
    "claim": _has_price,
    "hold": _has_points,
    "transfer": _has_points,
    "capture": _holds,
    "release": _holds,
}
