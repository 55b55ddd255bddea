"""Points on their way: spent, given, set aside, expired; lots, holds, shortfalls, and events that give points."""

from collections.abc import Mapping

from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, customer


def _of(told: Told, number: int) -> str:
    return f"{told.points(abs(number))} of {told.customer}"


def _it(told: Told, noun: str) -> str:
    """Numbers of holds, lots and shortfalls count within an account."""
    return f"{noun} {told.last} of {told.customer}{told.among()}"


def _on(told: Told) -> str:
    if reference := told.details.get("reference"):
        return f" on {reference}"
    paid = told.details.get("transaction")
    return f" on purchase {paid}" if paid else ""


def _for(told: Told) -> str:
    reference = told.details.get("reference")
    return f" for {reference}" if reference else ""


def _adjusted(told: Told) -> str:
    amount = told["amount"]
    return f"{told.points(abs(amount))} {'added to' if amount > 0 else 'taken from'} {told.customer} by hand"


def _transferred(told: Told) -> str:
    if "from" in told.details:
        return f"{told.points(told['amount'])} transferred from {customer(told['from'])} to {told.customer}"
    return f"{told.points(-told['amount'])} transferred from {told.customer} to {customer(told['to'])}"


def _rolled_back(told: Told) -> str:
    gone = f", of which {told.counted(told['expired'])} expired at once" if told.details.get("expired") else ""
    back = f"{told.points(told['restored'])} came back{gone}" if told["restored"] else "nothing came back"
    return f"Spending of {told.counted(told['points'])} by {told.customer} rolled back: {back}"


def _hold_expired(told: Told) -> str:
    back = told.points(told["points"])
    return f"Hold {told['hold']} of {told.customer} expired: {back} can be spent again"


def _written_off(told: Told) -> str:
    left = f"{told.counted(told['remaining'])} of it left"
    return f"{told.counted(told['points'])} of {_it(told, 'shortfall')} written off, {left}"


def _event(told: Told) -> str:
    about = f" about purchase {told['transaction']}" if told.details.get("transaction") else ""
    gave = f": {told.points(told['points'])}" if told.details.get("points") else ""
    return f"Event {told.event_type(told['event_type'])} of {told.customer}{about}{gave}"


def _set_aside(told: Told) -> str:
    return f"{_of(told, told['points'])} set aside{_for(told)}, until {told.until(told['expires_at'])}"


TEMPLATES: Mapping[str, Template] = {
    "points.spent": lambda told: f"{_of(told, told['amount'])} spent{_on(told)}",
    "points.activated": lambda told: f"{_of(told, told['amount'])} became active",
    "points.expired": lambda told: f"{_of(told, told['amount'])} expired",
    "points.adjusted": _adjusted,
    "points.transferred": _transferred,
    "spending.rolled_back": _rolled_back,
    "debt.repaid": lambda told: f"{_of(told, told['amount'])} repaid debt",
    "hold.created": _set_aside,
    "hold.captured": lambda told: f"{_it(told, 'Hold')} captured: {told.counted(-told['amount'])} spent{_on(told)}",
    "hold.released": lambda told: f"{_it(told, 'Hold')} released: {told.counted(told['points'])} can be spent again",
    "hold.expired": _hold_expired,
    "lot.activated": lambda told: f"{_it(told, 'Lot')} made active by hand: {told.counted(told['points'])}",
    "lot.cancelled": lambda told: f"{_it(told, 'Lot')} cancelled by hand: {told.counted(told['points'])}",
    "shortfall.written_off": _written_off,
    "event.recorded": _event,
}
