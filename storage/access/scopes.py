"""Where roles hold, by name: what a scope lies in, whether it is there at all, and what somebody holds where."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rules.access import Caller, Permission
from rules.administering import Holding
from rules.credentials.refusals import ScopeNotFound
from rules.granting import EVERYWHERE, RoleScope, holds
from storage.access import assignments
from storage.access.assignments import AssignedScope, find_scope
from storage.engine.database import Connection

# The names of all that a scope lies in, from the narrowest, of a row `a` with `scope_kind` and `scope`.
WITHIN = """
(SELECT array_remove(ARRAY['programs/' || p.program_id, 'partners/' || o.partner_id, 'networks/' || n.network_id], NULL)
FROM (SELECT) AS one
LEFT JOIN program p ON a.scope_kind = 'PROGRAM' AND p.id = a.scope
LEFT JOIN partner o ON o.id = CASE a.scope_kind WHEN 'PARTNER' THEN a.scope WHEN 'PROGRAM' THEN p.partner END
LEFT JOIN network n ON n.id = CASE a.scope_kind WHEN 'NETWORK' THEN a.scope ELSE o.network END)
"""


class Held(NamedTuple):
    """A role that somebody holds now: the assignment, what rules ask of it, its scope as it is kept, since when."""

    id: UUID
    holding: Holding
    scope: AssignedScope
    from_at: datetime


def placed(books: Connection, name: str, caller: Caller) -> tuple[AssignedScope, RoleScope]:
    """The scope of that name (empty: everything), and what takes it in. Raises ScopeNotFound, also where the caller
    holds nothing in all of it: what is not yours is not found."""
    scope = find_scope(name)
    if scope is None:
        raise ScopeNotFound(scope=name)
    if scope == assignments.EVERYWHERE:
        return scope, EVERYWHERE
    found = books.execute(_WITHIN, [scope.kind, scope.id]).fetchone()
    assert found is not None
    place = role_scope_of(found[0])
    if not any(holds(caller, permission, place) for permission in Permission):
        raise ScopeNotFound(scope=name)
    return scope, place


def role_scope_of(names: Sequence[str]) -> RoleScope:
    """The place of what lies in all of these, the narrowest first; of everything, none are named."""
    return RoleScope(names[0], frozenset(names)) if names else EVERYWHERE


def held(books: Connection, holders: Collection[str]) -> dict[str, list[Held]]:
    """What each of these holds now, the oldest first; of who holds nothing, nothing."""
    found: defaultdict[str, list[Held]] = defaultdict(list)
    for identity, holder, role, kind, scope, from_at, names in books.execute(_HELD, [list(holders)]):
        found[holder].append(Held(identity, Holding(role, role_scope_of(names)), AssignedScope(kind, scope), from_at))
    return found


def only_program(books: Connection, scopes: Sequence[AssignedScope]) -> int | None:
    """The internal id of the one program that all of these scopes are; None where there is none. What is done to a user
    who may act in that one alone stands in its log, where its partner reads it."""
    kinds, ids = [scope.kind for scope in scopes], [scope.id for scope in scopes]
    if not scopes or "ALL" in kinds:
        return None
    found = books.execute(_PROGRAMS, (kinds, ids)).fetchall()
    return int(found[0][0]) if len(found) == 1 else None


def reach(caller: Caller, permission: Permission) -> list[str]:
    """The names of the scopes in which a caller holds a permission, where it does not hold it everywhere."""
    grants = [grant for grant in caller.grants if permission in grant.permissions and grant.programs is not None]
    programs = {f"programs/{program}" for grant in grants for program in grant.programs or ()}
    return sorted(programs | {grant.scope for grant in grants if grant.scope})


_WITHIN = f"SELECT {WITHIN} FROM (SELECT %s::text AS scope_kind, %s::integer AS scope) AS a"  # noqa: S608 - our words

_HELD = f"""
SELECT a.id, a.holder, a.role, a.scope_kind, a.scope, a.from_at, {WITHIN} FROM role_assignment a
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
