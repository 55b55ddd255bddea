"""How many calls of each class a caller may make in a minute."""

from collections.abc import Iterable
from enum import StrEnum


class RateClass(StrEnum):
    """What a call is counted as. The contract's policy says which (server/policy.py)."""

    # A few rows by key, or a page.
    READ = "READ"
    # Changes something. Each item of a stream counts.
    WRITE = "WRITE"
    # Reads much of a program or of the log, or begins what does.
    HEAVY = "HEAVY"
    # Without credentials: by address.
    AUTH = "AUTH"


RATE_CLASSES = frozenset(RateClass)
# What an operator may set for a service: of strangers nobody is known whom it could be set for.
SETTABLE = RATE_CLASSES - {RateClass.AUTH}


def own(rates: Iterable[tuple[str, int]], rate_class: RateClass) -> int | None:
    """What is set for one caller; None where it is as for all. A class that no version of ours knows is passed over."""
    return next((most for name, most in rates if name == rate_class), None)
