"""Purchases: recorded, corrected, accepted, rejected, refunded."""

from collections.abc import Mapping

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def _recorded(told: Told) -> str:
    pending = ", pending" if told.details.get("pending") else ""
    return f"Purchase {told.last} of {told.money(told['amount_minor'])}: {told.points(told['points'])}{pending}"


def _updated(told: Told) -> str:
    (amount_before, amount), (before, points) = told["amount_minor"], told["points"]
    earned = f"{told.points(points)} in place of {told.counted(before)}"
    return f"Purchase {told.last} updated from {told.money(amount_before)} → {told.money(amount)}: {earned}"


def _refunded(told: Told) -> str:
    became = [
        says.format(points=told.counted(told[name], word))
        for name, (word, says) in _CLAIMED.items()
        if told.details.get(name)
    ]
    came_of_it = f": {speech.listed(became)}{told.among()}" if became else ""
    return f"{told.money(told['amount_minor'])} of purchase {told.last} refunded{came_of_it}"


# What becomes of the points that a refund asks for, and of those that had paid for the purchase.
_CLAIMED = {
    "pending": ("pending", "{points} cancelled"),
    "own_lot": ("", "{points} taken back"),
    "other_lots": ("", "{points} taken from others"),
    "debt": ("", "{points} owed"),
    "shortfall": ("", "{points} that could not be taken back"),
    "restored": ("", "{points} given back that had paid for it"),
}

TEMPLATES: Mapping[str, Template] = {
    "transaction.recorded": _recorded,
    "transaction.updated": _updated,
    "transaction.accepted": lambda told: f"Purchase {told.last} accepted: {told.points(told['points'])} became active",
    "transaction.rejected": lambda told: f"Purchase {told.last} rejected: {told.points(told['points'])} cancelled",
    "transaction.refunded": _refunded,
}
