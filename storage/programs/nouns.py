"""What programs call things today, for whoever tells of them in sentences."""

from collections.abc import Collection
from typing import cast
from uuid import UUID

from rules.sentences import Nouns
from storage.engine.database import Connection, handle
from storage.programs.queries import SETTINGS

# Some kilobytes each.
REMEMBERED_MAX = 1_000

# By the public id of the program, with the activity that last changed it: no other database has the same.
_remembered: dict[str, tuple[UUID, Nouns]] = {}


def current(program_ids: Collection[str]) -> dict[str, Nouns]:
    """The nouns of those of the programs that there are, in one query, on this thread's connection; settings come with
    it only where they changed since this process last read them."""
    if not program_ids:
        return {}
    if len(_remembered) >= REMEMBERED_MAX:
        _remembered.clear()
    known = {program_id: _remembered.get(program_id, (None, Nouns())) for program_id in program_ids}
    books = cast(Connection, handle.connection())
    rows = books.execute(_CHANGED, (list(known), [activity for activity, _ in known.values()])).fetchall()
    for program_id, activity, settings in rows:
        if settings is not None:
            known[program_id] = _remembered[program_id] = (activity, Nouns.of(SETTINGS.validate_python(settings)))
    return {program_id: known[program_id][1] for program_id, _, _ in rows}


_CHANGED = """
SELECT p.program_id, p.activity, CASE WHEN p.activity IS DISTINCT FROM known.activity THEN p.settings END
FROM unnest(%s::text[], %s::uuid[]) AS known (program_id, activity) JOIN program p USING (program_id)
"""
