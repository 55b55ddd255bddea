"""Where roles hold, by name: what a scope lies in, and whether it is there at all."""

from collections.abc import Sequence

from rules.access import Caller, Permission
from rules.credentials.refusals import ScopeNotFound
from rules.granting import EVERYWHERE, Place, holds
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


def placed(books: Connection, name: str, caller: Caller) -> tuple[AssignedScope, Place]:
    """The scope of that name (empty: everything), and what takes it in. Raises ScopeNotFound, also where the caller
    holds nothing in all of it: what is not yours is not found."""
    scope = find_scope(name)
    if scope is None:
        raise ScopeNotFound(scope=name)
    if scope == assignments.EVERYWHERE:
        return scope, EVERYWHERE
    found = books.execute(_WITHIN, [scope.kind, scope.id]).fetchone()
    assert found is not None
    place = place_of(found[0])
    if not any(holds(caller, permission, place) for permission in Permission):
        raise ScopeNotFound(scope=name)
    return scope, place


def place_of(names: Sequence[str]) -> Place:
    """The place of what lies in all of these, the narrowest first; of everything, none are named."""
    return Place(names[0], frozenset(names)) if names else EVERYWHERE


def reach(caller: Caller, permission: Permission) -> list[str]:
    """The names of the scopes in which a caller holds a permission, where it does not hold it everywhere."""
    grants = [grant for grant in caller.grants if permission in grant.permissions and grant.programs is not None]
    programs = {f"programs/{program}" for grant in grants for program in grant.programs or ()}
    return sorted(programs | {grant.scope for grant in grants if grant.scope})


_WITHIN = f"SELECT {WITHIN} FROM (SELECT %s::text AS scope_kind, %s::integer AS scope) AS a"  # noqa: S608 - our words
