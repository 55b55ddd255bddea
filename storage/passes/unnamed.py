"""Finds templates that name no account of a wallet: they mean the only one, and with a second they mean none."""

from storage.engine.database import Connection


def naming_none(connection: Connection, field: str) -> tuple[int, str]:
    """How many templates of all programs name no account in a field of their design, archived ones too, for their cards
    live on; and the first, empty where there is none."""
    [(count, first)] = connection.execute(_NAMING_NONE, (field,))
    return int(count), first or ""


_NAMING_NONE = """
SELECT count(*), min('programs/' || g.program_id || '/passTemplates/' || t.template_id)
FROM pass_template AS t JOIN program AS g ON g.id = t.program WHERE coalesce(t.design ->> %s, '') = ''
"""
