"""Who held which permission on a past day, at any time of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import PERMISSIONS, Caller, Permission
from storage.access.roles import BUILT_IN
from storage.access.scopes import WITHIN, reach
from storage.engine.database import Connection


class ReportFilter(NamedTuple):
    """Of which time, and which holders. Empty: whichever; `program` is a public id."""

    start: datetime
    end: datetime
    permission: str = ""
    holder: str = ""
    program: str = ""


class HeldRole(NamedTuple):
    """A role that somebody held at some time of it, and what it permitted; `is_usable` says whether they could call at
    all, None: nobody knows."""

    id: UUID
    holder: str
    name: str
    role: str
    scope: str
    permissions: Sequence[str]
    from_at: datetime
    until_at: datetime | None
    activity: UUID
    is_usable: bool | None


class After(NamedTuple):
    """The last of a page."""

    from_at: datetime
    id: UUID


def page(books: Connection, asked: ReportFilter, caller: Caller, after: After | None, size: int) -> list[HeldRole]:
    """Up to `size` roles that somebody held, by when they were given, from the first after `after`: those in scopes in
    all of which the caller may read this."""
    wanted = {
        "start": asked.start,
        "end": asked.end,
        "permission": asked.permission,
        "built_in": [role.value for role, held in PERMISSIONS.items() if asked.permission in held],
        "holder": asked.holder,
        "program": asked.program,
        "is_all": caller.may_everywhere(Permission.ACCESS_READ),
        "reach": reach(caller, Permission.ACCESS_READ),
        "from_at": after.from_at if after else None,
        "id": after.id if after else None,
        "size": size,
    }
    return [_held(row) for row in books.execute(_PAGE, wanted).fetchall()]


def _held(row: Sequence[Any]) -> HeldRole:
    identity, holder, name, role, within, versions, *rest = row
    of_all = BUILT_IN.get(role)
    permissions = of_all.permissions if of_all else {one for version in versions for one in version}
    return HeldRole(identity, holder, name, role, within[0] if within else "", sorted(permissions), *rest)


# The versions of a role that was made, as far as they were in force in the time. A user's state is known where nothing
# of them has changed since; who is active now could call today; and who was never anything but invited, never.
_PAGE = f"""
SELECT a.id, a.holder, coalesce(c.name, u.display_name, ''), a.role, s.within, v.versions, a.from_at, a.until_at,
    a.activity,
    CASE
        WHEN c.id IS NOT NULL THEN EXISTS (
            SELECT FROM api_key k WHERE k.caller = c.id AND k.created_at < %(end)s
                AND least(k.revoked_at, k.expires_at, 'infinity') > %(start)s
        ) OR EXISTS (
            SELECT FROM certificate t WHERE t.caller = c.id AND t.created_at < %(end)s
                AND coalesce(t.revoked_at, 'infinity') > %(start)s
        )
        WHEN u.updated_at <= %(start)s OR (u.state = 'ACTIVE' AND %(end)s > now()) THEN u.state = 'ACTIVE'
        WHEN 'INVITED' IN (u.state, u.returns_to) THEN false
    END
FROM role_assignment a
LEFT JOIN caller c ON c.id = a.holder
LEFT JOIN app_user u ON u.id = a.holder
CROSS JOIN LATERAL (SELECT {WITHIN} AS within) AS s
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(permissions), '[]') AS versions,
        coalesce(bool_or(permissions ? %(permission)s), false) AS is_in
    FROM (
        SELECT permissions, recorded_at, lead(recorded_at) OVER (ORDER BY version) AS until_at
        FROM role_version WHERE role = a.role
    ) AS r
    WHERE r.recorded_at < %(end)s AND (r.until_at IS NULL OR r.until_at > %(start)s)
) AS v
WHERE a.from_at < %(end)s AND (a.until_at IS NULL OR a.until_at > %(start)s)
    AND (%(from_at)s::timestamptz IS NULL OR (a.from_at, a.id) > (%(from_at)s, %(id)s::uuid))
    AND (%(holder)s = '' OR a.holder = %(holder)s)
    AND (%(permission)s = '' OR a.role = ANY(%(built_in)s) OR v.is_in)
    AND (%(is_all)s OR s.within && %(reach)s)
    AND (%(program)s = '' OR a.scope_kind = 'ALL' OR s.within[1] = ANY(
        SELECT unnest(ARRAY['programs/' || p.program_id, 'partners/' || o.partner_id, 'networks/' || n.network_id])
        FROM program p LEFT JOIN partner o ON o.id = p.partner LEFT JOIN network n ON n.id = o.network
        WHERE p.program_id = %(program)s
    ))
ORDER BY a.from_at, a.id LIMIT %(size)s
"""  # noqa: S608 - our own words
