"""Locks that have nothing to do with each other do not stop each other."""

import pkgutil
from collections import Counter
from importlib import import_module
from pathlib import Path

import storage


def test_no_two_locks_are_the_same_number() -> None:
    """A clock holds its own as long as it lives: whoever took that number for something else would wait for ever."""
    numbers = Counter(
        number
        for module in pkgutil.walk_packages(storage.__path__, "storage.")
        for name, number in vars(import_module(module.name)).items()
        if name.endswith("_LOCK")
        and isinstance(number, int)
        # Where it is declared, not where it is used.
        and f"{name} = " in Path(import_module(module.name).__file__ or "").read_text()
    )
    assert len(numbers) > 2
    assert set(numbers.values()) == {1}
