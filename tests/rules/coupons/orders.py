"""Orders, terms and coupons to judge, of which a test says only what matters to it."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rules.coupons.coupons import Coupon, Origin
from rules.coupons.judging import judge
from rules.coupons.orders import Candidate, Order, OrderLine, Standing, Verdict
from rules.coupons.terms import Benefit, Stacking, Terms

PRAGUE = ZoneInfo("Europe/Prague")
NOW = datetime(2026, 6, 17, 10, tzinfo=UTC)  # a Wednesday
ANNA, BORIS = 1, 2


def terms(benefit: Benefit = Benefit.AMOUNT_OFF, **others: Any) -> Terms:
    """Terms in crowns where they hold money; 10.00 off unless something else is said."""
    money = {"amount_minor": 1000} if benefit is Benefit.AMOUNT_OFF else {}
    return Terms(benefit, **{"currency_code": "CZK", **money, **others})


def percent(basis_points: int, **others: Any) -> Terms:
    """So much of a hundredth of a percent off."""
    return terms(Benefit.PERCENT_OFF, basis_points=basis_points, **others)


def stacked(priority: int = 0, exclusive: bool = False, group: str = "", **others: Any) -> Terms:
    """10.00 off, together with others as it is said."""
    return terms(stacking=Stacking(exclusive, priority, group), **others)


def coupon(**others: Any) -> Coupon:
    """A coupon that nobody has and nobody used."""
    return Coupon(**{"code": "00", "last_four": "7F3K", "origin": Origin.GENERATED, "added_at": NOW, **others})


def candidate(of: Terms | None = None, **others: Any) -> Candidate:
    """A coupon of the terms that nothing is against."""
    found: dict[str, Any] = {"coupon": coupon(), "campaign_id": "spring", "terms": of or terms(), **others}
    return Candidate(**found)


def card(balance_minor: int, asked_minor: int = 0, **others: Any) -> Candidate:
    """A gift card."""
    of = terms(Benefit.BALANCE, amount_minor=50_000)
    return candidate(of, coupon=coupon(balance_minor=balance_minor, **others), asked_minor=asked_minor)


def order(*amounts: int, **others: Any) -> Order:
    """An order of lines of one piece, A, B, C …, each of a category of its own, a, b, c …"""
    lines = tuple(OrderLine(chr(65 + n), chr(97 + n), 1, amount) for n, amount in enumerate(amounts))
    return Order(**{"order_id": "o-1", "amount_minor": sum(amounts), "currency_code": "CZK", "lines": lines, **others})


def judged(of: Order, *candidates: Candidate, standing: tuple[Standing, ...] = (), **others: Any) -> list[Verdict]:
    """What is said of each for Anna, now, in Prague."""
    arguments: dict[str, Any] = {"customer": ANNA, "zone": PRAGUE, "now": NOW, **others}
    return judge(of, candidates, standing=standing, **arguments)


def reasons(verdict: Verdict) -> list[str]:
    """What is against it, in order."""
    return [type(refusal).__name__ for refusal in verdict.refusals]
