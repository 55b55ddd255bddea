"""Customers: their profiles, and what is done to them as such."""

from collections.abc import Mapping, Sequence

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, customer


def _created(told: Told) -> str:
    filled = [_field(one["field"]) for one in told.changes]
    with_ = f" with {speech.listed(filled)}" if filled else ""
    return f"{told.customer} created{with_}"


def _updated(told: Told) -> str:
    changed = [_field(one["field"]) for one in told.changes]
    if not changed:
        return f"{told.customer} updated"
    return f"{speech.listed(changed)} of {told.customer} changed"


def _shown(told: Told) -> str:
    """The personal fields that were shown: `email and name` of `customer.display_name` and `customer.email`."""
    fields = (field.partition(".")[2].partition(".")[0] for field in told.details.get("fields", ()))
    return speech.listed(sorted({_field(field) for field in fields}))


def _showing(told: Told) -> str:
    shown = _shown(told)
    return f", showing {shown}" if shown else ""


def _field(field: str) -> str:
    return FIELDS.get(field) or field.replace("_", " ")


def _ended(deed: str) -> Template:
    def template(told: Told) -> str:
        return f"{told.customer} {deed}{_cleared(told)}"

    return template


def _erased(told: Told) -> str:
    merged = told.details.get("merged", ())
    and_ = f", with {speech.listed([customer(one) for one in merged])}" if merged else ""
    return f"{told.customer} erased{and_}{_cleared(told)}"


def _cleared(told: Told) -> str:
    cleared = [
        says.format(points=told.points(account[figure], card_id=account["card_id"]))
        for account in told.details.get("accounts", ())
        for figure, says in _CLEARED.items()
        if account[figure]
    ]
    cleared += [
        f"{speech.count(count, *nouns)} {became}"
        for field, (*nouns, became) in _ENDED.items()
        if (count := told.details.get(field))
    ]
    return f": {speech.listed(cleared)}" if cleared else ""


def _merged(told: Told) -> str:
    if "into" in told.details:
        return f"{told.customer} merged into {customer(told['into'])}, which got {_moved(told)}"
    return f"{told.customer} got {_moved(told)}, as {customer(told['from'])} was merged into it"


def _unmerged(told: Told) -> str:
    if "from" in told.details:
        return f"{told.customer} parted from {customer(told['from'])} again, and got back {_moved(told)}"
    return f"{told.customer} gave back {_moved(told)}, as {customer(told['to'])} was parted from it again"


def _moved(told: Told) -> str:
    moved = []
    for account in told["accounts"]:
        card_id = account["card_id"]
        debt = f" and {told.counted(account['debt'], card_id=card_id)} owed" if account["debt"] else ""
        moved.append(told.points(account["active"] + account["pending"], card_id=card_id) + debt)
    return ", ".join([*moved, *_counts(told, _BELONGINGS)]) or "no points"


def _counts(told: Told, nouns: Mapping[str, Sequence[str]]) -> list[str]:
    return [speech.count(count, *called) for field, called in nouns.items() if (count := told.details.get(field))]


FIELDS = {
    "display_name": "name",
    "email": "email",
    "phone_number": "phone number",
    "language_code": "language",
    "external_ids": "external ids",
}

_BELONGINGS = {
    "coupons": ["coupon"],
    "redemptions": ["redemption"],
    "claims": ["claim"],
    "passes": ["pass", "passes"],
}

_ENDED = {
    "reservations": ("reservation of a coupon", "reservations of coupons", "released"),
    "coupons": ("coupon", "voided"),
    "passes": ("pass", "passes", "voided"),
}

_CLEARED = {
    "released": "{points} released from holds",
    "cancelled": "{points} cancelled",
    "expired": "{points} expired",
    "repaid": "{points} repaid debt",
}

TEMPLATES: Mapping[str, Template] = {
    "customer.created": _created,
    "customer.updated": _updated,
    "customer.suspended": lambda told: f"{told.customer} suspended",
    "customer.blocked": _ended("blocked"),
    "customer.closed": _ended("closed for ever"),
    "customer.erased": _erased,
    "customer.reactivated": lambda told: f"{told.customer} reactivated",
    "customer.merged": _merged,
    "customer.unmerged": _unmerged,
    "customer.read": lambda told: f"{_shown(told) or 'personal data'} of {told.customer} read",
    "customer.looked_up": lambda told: f"{told.customer} looked up by an external id{_showing(told)}",
    "customer.listed": lambda told: f"{speech.count(told['count'], 'customer')} listed{_showing(told)}",
}
