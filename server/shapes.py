"""What is wrong with a text that should be a resource name: in which part, and how. Never the text itself.

The contract says what a right one looks like (names.proto), as a template where it has parts. Each part is of a kind
that stands here once more, so that a part can be judged by itself.
"""

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple


class Part(NamedTuple):
    """One part of a name: what it matches, in words too."""

    pattern: str
    words: str


_NUMBER = Part("[1-9][0-9]{0,17}", "a number from 1")

PARTS = {
    "program": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "card": Part("[a-z][a-z0-9-]{0,31}", "1 to 32 of a-z, 0-9 and -, beginning with a letter"),
    "customer": Part("[a-z0-9][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter or a digit"),
    "transaction": Part(
        "([a-z][a-z0-9_-]{0,31}~)?[A-Za-z0-9][A-Za-z0-9._:-]{0,127}",
        "1 to 128 of A-Z, a-z, 0-9, ., _, : and -, beginning with a letter or a digit, behind {source}~ or nothing",
    ),
    "operation": Part("[a-z0-9_]{1,63}", "1 to 63 of a-z, 0-9 and _"),
    "legalhold": Part("[a-z0-9_]{1,63}", "1 to 63 of a-z, 0-9 and _"),
    "campaign": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "reward": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "coupon": Part("coupon_[0-9a-z]{26}", "coupon_ and 26 of 0-9 and a-z"),
    "redemption": Part("redemption_[0-9a-z]{26}", "redemption_ and 26 of 0-9 and a-z"),
    "claim": Part("claim_[0-9a-z]{26}", "claim_ and 26 of 0-9 and a-z"),
    "template": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "image": Part("[0-9a-f]{64}", "64 of 0-9 and a-f"),
    "pass": Part("pass_[0-9a-z]{26}", "pass_ and 26 of 0-9 and a-z"),
    "link": Part("(-|link_[0-9a-z]{26})", "link_ and 26 of 0-9 and a-z, or -"),
    "rule": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "request": Part("approval_[0-9a-z]{26}", "approval_ and 26 of 0-9 and a-z"),
    "network": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "partner": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "club": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "activity": Part("activity_[0-9a-z]{26}", "activity_ and 26 of 0-9 and a-z"),
    "user": Part("user_[0-9a-z]{26}", "user_ and 26 of 0-9 and a-z"),
    "login": Part("[0-9a-f]{16}", "16 of 0-9 and a-f"),
    "role": Part(
        "([A-Z]{1,32}|[a-z][a-z0-9_-]{0,62})",
        "1 to 32 capital letters, or 1 to 63 of a-z, 0-9, _ and -, beginning with a letter",
    ),
    "custom": Part("[a-z][a-z0-9_-]{0,62}", "1 to 63 of a-z, 0-9, _ and -, beginning with a letter"),
    "service": Part("caller_[0-9a-z]{26}", "caller_ and 26 of 0-9 and a-z"),
    "key": Part("[0-9a-f]{16}", "16 of 0-9 and a-f"),
    "certificate": Part("certificate_[0-9a-z]{26}", "certificate_ and 26 of 0-9 and a-z"),
    "refund": _NUMBER,
    "batch": _NUMBER,
    "lot": _NUMBER,
    "hold": _NUMBER,
    "entry": _NUMBER,
    "shortfall": _NUMBER,
}

# A text may be as long as a message, and is judged on the loop: no more of it is looked at than a part can have.
PART_MAX = 161

_TEMPLATE = re.compile(r"[a-z][a-zA-Z]*/\{[a-zA-Z/{}]+")


def templates(rule: str) -> Sequence[str]:
    """Those in what the contract says of a name: `must be programs/{program}, such as …`."""
    return _TEMPLATE.findall(rule.partition(", such as")[0])


def flaw(rule: str, text: str) -> str:
    """Where a text departs from what the contract says of a name; of several templates, from the one it is most like.
    Empty where it departs from none.
    """
    if not text:
        return "it is empty"
    found = [_departure(template, text) for template in templates(rule)]
    return "" if any(not what for _, what in found) else max(found)[1]


def _departure(template: str, text: str) -> tuple[int, str]:
    """After how many parts a text departs from a template, and how."""
    last = ""
    wanted_parts = template.split("/")
    for number, (wanted, given) in enumerate(zip_longest(wanted_parts, text.split("/", len(wanted_parts)))):
        if wanted is None:
            return number, f"it goes on after {last}"
        if given is None:
            return number, f"it ends where /{wanted} is to follow"
        if not wanted.startswith("{"):
            if given != wanted:
                return number, f"it has something else where {wanted} is to stand"
        elif what := _wrong(PARTS[wanted.strip("{}")], given):
            return number, f"its {wanted} {what}"
        last = wanted
    return 0, ""


def _wrong(part: Part, given: str) -> str:
    if re.fullmatch(part.pattern, given):
        return ""
    if not given:
        return "is empty"
    # The longest beginning that would do; no part is longer than PART_MAX.
    ends = range(min(len(given) - 1, PART_MAX), -1, -1)
    right = next(end for end in ends if not end or re.fullmatch(part.pattern, given[:end]))
    return f"is {part.words}, and character {right + 1} of {len(given)} does not fit"
