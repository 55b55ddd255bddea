"""Where roles hold, by the names that rules know: of scopes as they are kept, and of what somebody holds."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import Caller
from rules.administering import Holding
from rules.credentials.refusals import ScopeNotFound
from rules.granting import EVERYWHERE, Place
from storage.access.assignments import AssignedScope, find_scope
from storage.engine.database import Connection


class Held(NamedTuple):
    """A role that somebody holds now: the assignment, what rules ask of it, its scope as it is kept, since when."""

    id: UUID
    holding: Holding
    scope: AssignedScope
    from_at: datetime


def find(books: Connection, name: str, caller: Caller) -> tuple[AssignedScope, Place]:
    """The scope of a resource name, empty for everything, and what takes it in. Raises ScopeNotFound, also where the
    caller holds nothing there."""
    scope = find_scope(name)
    if scope is None:
        raise ScopeNotFound(scope=name)
    if scope.id is None:
        return scope, EVERYWHERE
    [names] = books.execute(_PLACE, (scope.kind, scope.id))
    place = _place(names)
    if not any(grant.programs is None or grant.scope in place.within for grant in caller.grants):
        raise ScopeNotFound(scope=name)
    return scope, place


def held(books: Connection, holders: Collection[str]) -> dict[str, list[Held]]:
    """What each of these holds now, the oldest first; of who holds nothing, nothing."""
    found: defaultdict[str, list[Held]] = defaultdict(list)
    for identity, holder, role, kind, scope, from_at, *names in books.execute(_HELD, [list(holders)]):
        holding = Holding(role, _place(names))
        found[holder].append(Held(identity, holding, AssignedScope(kind, scope), from_at))
    return found


def only_program(books: Connection, scopes: Sequence[AssignedScope]) -> int | None:
    """The internal id of the one program that all of these scopes are; None where there is none. What is done to a user
    who may act in that one alone stands in its log, where its partner reads it."""
    kinds, ids = [scope.kind for scope in scopes], [scope.id for scope in scopes]
    if not scopes or "ALL" in kinds:
        return None
    found = books.execute(_PROGRAMS, (kinds, ids)).fetchall()
    return int(found[0][0]) if len(found) == 1 else None


def _place(names: Sequence[Any]) -> Place:
    within = [name for name in names if name]
    return Place(within[0], frozenset(within)) if within else EVERYWHERE


# Of the scope of an assignment `a`, the names of all that it lies in, from the narrowest; what is missing is null.
NAMES = """
    'programs/' || p.program_id, 'partners/' || o.partner_id, 'networks/' || n.network_id
"""
JOINED = """
LEFT JOIN program p ON a.scope_kind = 'PROGRAM' AND p.id = a.scope
LEFT JOIN partner o ON o.id = CASE a.scope_kind WHEN 'PROGRAM' THEN p.partner WHEN 'PARTNER' THEN a.scope END
LEFT JOIN network n ON n.id = CASE a.scope_kind WHEN 'NETWORK' THEN a.scope ELSE o.network END
"""

_PLACE = f"SELECT {NAMES} FROM (VALUES (%s, %s::integer)) AS a (scope_kind, scope) {JOINED}"  # noqa: S608 - our own

_HELD = f"""
SELECT a.id, a.holder, a.role, a.scope_kind, a.scope, a.from_at, {NAMES}
FROM role_assignment a {JOINED}
WHERE a.holder = ANY(%s) AND a.until_at IS NULL ORDER BY a.from_at, a.id
"""  # noqa: S608 - our own words

_PROGRAMS = """
SELECT DISTINCT p.id FROM unnest(%s::text[], %s::integer[]) AS a (scope_kind, scope) JOIN program p ON
    CASE a.scope_kind
        WHEN 'PROGRAM' THEN p.id = a.scope
        WHEN 'PARTNER' THEN p.partner = a.scope
        ELSE p.partner IN (SELECT o.id FROM partner o WHERE o.network = a.scope)
    END
LIMIT 2
"""
