"""Updates of things that people keep in hand between reading and writing."""

from collections.abc import Iterable, Mapping
from typing import Any

from rules.refusals import FieldFixed


def check_fixed(given: Iterable[tuple[str, Any]], stands: Mapping[str, Any]) -> None:
    """Fields that no update changes may be sent back as they were read. Raises FieldFixed where one says otherwise."""
    for field, value in given:
        if value != stands[field]:
            raise FieldFixed(field=field)
