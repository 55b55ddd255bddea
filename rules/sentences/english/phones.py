"""What customers do with cards in their wallets, and with the mails that bring them."""

from collections.abc import Mapping

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def _installed(told: Told) -> str:
    devices = told.details.get("devices", 0)
    others = f", now on {speech.count(devices, 'phone')}" if devices > 1 else ""
    return f"Pass of {told.customer} added to {_wallet(told)}{others}"


def _wallet(told: Told) -> str:
    return f"{told['platform'].capitalize()} Wallet"


TEMPLATES: Mapping[str, Template] = {
    "pass.installed": _installed,
    "customer.unsubscribed": lambda told: f"{told.customer.capitalize()} wants no more mails",
    "pass.removed": lambda told: f"Pass of {told.customer} removed from {_wallet(told)}",
}
