"""What happened elsewhere, as callers record it: under names of their own, so that no template can know them."""

from collections.abc import Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.told import Told, part

# Its own record is Fealty's: that somebody tried, and what came of it.
CALL, CALL_ACTION = "/RecordActivity", "activity.recorded"


def is_of_elsewhere(body: Mapping[str, Any]) -> bool:
    """Whether a record tells of something else than of the call that brought it."""
    return str(body.get("method")).endswith(CALL) and body["action"] != CALL_ACTION


def happened(told: Told, outcome: str) -> str:
    """`booking 4711 of customer ada created`, `visit of customer ada ended, about store 12`, `payment 7 captured:
    failed`."""
    noun, _, deed = told.action.replace("_", " ").partition(".")
    collection, _, identity = str(told.details.get("related", "")).rpartition("/")
    kind = _singular(collection.rpartition("/")[2])
    is_its_own = noun == kind
    what = speech.named(noun, identity) if is_its_own else noun
    of = f" of {told.customer}" if part(told.subject, "customers") else ""
    about = f", about {speech.named(kind, identity)}" if kind and not is_its_own else ""
    return f"{what}{of} {deed}{about}{_ENDS.get(outcome, '')}"


def _singular(collection: str) -> str:
    for ending, replacement in (("ies", "y"), ("ches", "ch"), ("sses", "ss"), ("xes", "x"), ("s", "")):
        if collection.endswith(ending):
            return f"{collection.removesuffix(ending)}{replacement}"
    return collection


_ENDS = {"DENIED": ": denied", "INVALID": ": not understood", "REFUSED": ": refused", "FAILED": ": failed"}
