"""Coupons by the many: made, taken in, handed out as a file, given and voided; and how such an operation ended."""

from collections.abc import Mapping

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, part


def _generated(told: Told) -> str:
    return f"{speech.count(told['accounts'], 'code')} of {_campaign(told)} being made, as {_batch(told['batch'])}"


def _imported(told: Told) -> str:
    bad = f"{told['bad_lines']:,} of {speech.count(told['lines'], 'line')} bad"
    if not told["coupons"]:
        return f"No codes of {_campaign(told)} taken from a file, {bad}"
    left_out = f", {bad} and left out" if told["bad_lines"] else ""
    count, batch = speech.count(told["coupons"], "code"), _batch(told["batch"])
    return f"{count} of {_campaign(told)} taken from a file, as {batch}{left_out}"


def _export_started(told: Told) -> str:
    again = " once more" if told["again"] else ""
    return f"{_whole(told)} with {speech.count(told['coupons'], 'code')} being taken away as a file{again}"


def _exported(told: Told) -> str:
    count = speech.count(told["coupons"], "code")
    return f"{count} of {_whole(told)} taken away as a file{'' if told['whole'] else ', not all of them'}"


def _assigned(told: Told) -> str:
    whom = speech.count(told["accounts"], "customer") if told["named"] else "all customers who are active"
    return f"Coupons of {_campaign(told)} being given to {whom}"


def _voided(told: Told) -> str:
    batch = told.details.get("batch")
    of = f"{speech.named('batch', str(batch))} of {_campaign(told)}" if batch else _campaign(told)
    return f"{speech.count(told['accounts'], 'coupon')} of {of} being voided"


def ended(told: Told, deed: str) -> str:
    """How an operation on coupons ended: `done`, `cancelled`, `given up`."""
    of = f"of {_campaign(told, told['on'])} {deed}"
    match told["kind"]:
        case "GENERATE_COUPONS":
            kept = "" if deed == "done" else ", and none is left"
            return f"Making of codes {of} after {told['accounts_done']:,} of {told['accounts_total']:,}{kept}"
        case "ASSIGN_COUPONS":
            refused = f", and refused to {told['refused']:,}" if told["refused"] else ""
            return f"Giving of coupons {of}: given to {speech.count(told['assigned'], 'customer')}{refused}"
    return f"Voiding of coupons {of}: {told['voided']:,} of {told['accounts_total']:,} voided"


def _campaign(told: Told, name: str = "") -> str:
    return speech.named("campaign", part(name or told.subject, "couponCampaigns"))


def _batch(name: str) -> str:
    return speech.named("batch", part(name, "batches"))


def _whole(told: Told) -> str:
    return f"{_batch(told.subject)} of {_campaign(told)}"


# The kinds of operations of which `ended` tells.
OPERATIONS = ("GENERATE_COUPONS", "ASSIGN_COUPONS", "VOID_COUPONS")

TEMPLATES: Mapping[str, Template] = {
    "coupons.generated": _generated,
    "coupons.imported": _imported,
    "coupons.exported": _exported,
    "coupons.assigned": _assigned,
    "coupons.voided": _voided,
    "codes.export_started": _export_started,
}
