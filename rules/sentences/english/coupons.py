"""Coupons in use: given, reserved, redeemed, given back, voided. A code is told by its last four symbols."""

from collections.abc import Mapping

from rules.sentences.english import speech
from rules.sentences.english.passes import with_pass
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, part


def _coupon(told: Told) -> str:
    """`Coupon ••••7F3K of campaign spring`."""
    campaign = speech.named("campaign", part(told["campaign"], "couponCampaigns"))
    return f"Coupon ••••{told['last_four']} of {campaign}"


def _redeemed(told: Told) -> str:
    gave = [f"{told.money(told['discount_minor'])} off"] if told.details.get("discount_minor") else []
    if points := told.details.get("points"):
        gave.append(f"{told.points(points)} given")
    if amount := told.details.get("amount"):
        gave.append(f"{told.points(-amount)} spent")
    return f"{_for_order(told, 'redeemed')}{': ' if gave else ''}{', '.join(gave)}"


def _reserved(told: Told) -> str:
    return f"{_for_order(told, 'reserved')}, until {told.until(told['expires_at'])}"


def _rolled_back(told: Told) -> str:
    back = f": {told.points(told['points'])} taken back" if told.details.get("points") else ""
    return f"{_for_order(told, 'given back')}{back}"


def _for_order(told: Told, deed: str) -> str:
    preposition = "to" if deed == "given back" else "by"
    return f"{_coupon(told)} {deed} {preposition} {told.customer} for order {told['order']}"


TEMPLATES: Mapping[str, Template] = {
    "coupon.assigned": lambda told: f"{_coupon(told)} given to {told.customer}{with_pass(told)}",
    "coupon.reserved": _reserved,
    "coupon.released": lambda told: f"{_coupon(told)} released by {told.customer}, reserved for order {told['order']}",
    "coupon.redeemed": _redeemed,
    "coupon.voided": lambda told: f"{_coupon(told)} voided",
    "redemption.rolled_back": _rolled_back,
    "redemption.expired": lambda told: (
        f"{_coupon(told)} free again: nobody redeemed it in time for order {told['order']} of {told.customer}"
    ),
}
