"""Which accounts templates name: an operator has them, or cards of that template come into no wallet."""

from collections.abc import Sequence
from typing import NamedTuple

from storage.engine.database import Connection


class Naming(NamedTuple):
    """A template by its resource name, and the accounts that its design names; empty for the only one there is."""

    template: str
    apple_pass_type: str
    google_issuer: str


def namings(connection: Connection) -> Sequence[Naming]:
    """Of all templates that cards are issued of, in all programs, by name."""
    return [Naming(*row) for row in connection.execute(_NAMINGS)]


_NAMINGS = """
SELECT 'programs/' || p.program_id || '/passTemplates/' || t.template_id,
    coalesce(t.design ->> 'apple_pass_type', ''), coalesce(t.design ->> 'google_issuer', '')
FROM pass_template AS t JOIN program AS p ON p.id = t.program
WHERE NOT t.archived ORDER BY p.program_id, t.template_id
"""
