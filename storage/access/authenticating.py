"""Whom credentials speak for, and what these may do where: asked of the books in one statement, however many.

The statement also notes when a credential was last used, once a minute at most.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import json

from rules.access import ACTOR_TYPES, PERMISSIONS, ActorType, Caller, Grant, Permission, Role
from storage.access.credentials import Credential, CredentialKind, parse_token
from storage.engine.session import Session, Statement

# A login that is not used for so long is over.
LOGIN_IDLE_S = 30 * 60
# How exactly it is known when a credential was last used: each is written once in that time, not with every call.
USE_NOTED_EVERY_S = 60

# What each role says of who holds it, the first that matches: a person may hold several.
_RANKS = (Role.ADMINISTRATOR, Role.PARTNER)


async def authenticate(session: Session, asked: Sequence[Credential]) -> list[Caller | Exception | None]:
    """Whom each credential speaks for, or None where it is unknown, revoked, expired or over."""
    wanted = [_wanted(one) for one in asked]
    rows = json.decode(await session.run(_VALID, [json.encode([one for one in wanted if one is not None])]))
    found = {(row[0], row[1]): row[2:] for row in rows}
    return [_speaks_for(one, found) if one is not None else None for one in wanted]


def user(person: str, name: str, held: Sequence[Any]) -> Caller:
    """A user by what they hold, as HELD reads it."""
    grants = tuple(_grant(one, None) for one in held)
    return Caller(person, name, _type_of(grants), grants, user=person)


def _wanted(asked: Credential) -> tuple[str, str, str] | None:
    """Its kind, by what it is found, and the hash of its secret (hex; empty: it has none)."""
    if asked.kind in (CredentialKind.CERTIFICATE, CredentialKind.USER, CredentialKind.SERVICE):
        return (asked.kind, asked.text, "")
    token = parse_token(asked.text)
    return None if token is None else (token.kind, token.id, token.secret_hash.hex())


def _speaks_for(wanted: tuple[str, str, str], found: Mapping[tuple[str, str], Sequence[Any]]) -> Caller | None:
    kind, key, _ = wanted
    if (kind, key) not in found:
        return None
    holder, name, type_, made_for, bounds, acts_for, rates, restricted, held = found[kind, key]
    grants = tuple(_grant(one, bounds) for one in held)
    is_user = kind in (CredentialKind.LOGIN, CredentialKind.USER)
    return Caller(
        holder,
        name,
        # Who may nothing yet is who they are: the log calls an administrator one from the first login on.
        _type_of(grants) if is_user else ActorType(type_),
        () if restricted else grants,
        user=holder if is_user else made_for or "",
        acts_for=tuple(acts_for),
        rates=tuple(sorted(rates.items())),
        login=key if kind == CredentialKind.LOGIN else "",
        restricted=restricted,
    )


def _grant(held: Sequence[Any], bounds: Sequence[str] | None) -> Grant:
    role, made, scope, programs = held
    # What this version does not know was given by a later one.
    if made is None:
        permissions = PERMISSIONS[Role(role)] if role in _BUILT_IN else _NONE
    else:
        permissions = frozenset(map(Permission, _KNOWN.intersection(made)))
    if bounds is not None:
        permissions &= frozenset(map(Permission, _KNOWN.intersection(bounds)))
    return Grant(role, permissions, None if programs is None else frozenset(programs), scope)


def _type_of(grants: Sequence[Grant]) -> ActorType:
    roles = {grant.role for grant in grants}
    return next((ACTOR_TYPES[role] for role in _RANKS if role in roles), ActorType.STAFF)


_KNOWN = frozenset(permission.value for permission in Permission)
_BUILT_IN = frozenset(role.value for role in Role)
_NONE: frozenset[Permission] = frozenset()

# What a holder has, as (role, permissions of one that was made, name of the scope, its programs; null: all).
HELD = """
(SELECT coalesce(json_agg(json_build_array(
    a.role, r.permissions,
    CASE a.scope_kind
        WHEN 'PROGRAM' THEN (SELECT 'programs/' || program_id FROM program WHERE id = a.scope)
        WHEN 'PARTNER' THEN (SELECT 'partners/' || partner_id FROM partner WHERE id = a.scope)
        WHEN 'NETWORK' THEN (SELECT 'networks/' || network_id FROM network WHERE id = a.scope)
        ELSE ''
    END,
    CASE a.scope_kind
        WHEN 'PROGRAM' THEN (SELECT json_build_array(program_id) FROM program WHERE id = a.scope)
        WHEN 'PARTNER' THEN (SELECT coalesce(json_agg(program_id), '[]') FROM program WHERE partner = a.scope)
        WHEN 'NETWORK' THEN (
            SELECT coalesce(json_agg(p.program_id), '[]')
            FROM partner o JOIN program p ON p.partner = o.id WHERE o.network = a.scope
        )
    END
) ORDER BY a.from_at, a.id), '[]')
FROM role_assignment a LEFT JOIN role r ON r.id = a.role
WHERE a.holder = {holder} AND a.until_at IS NULL AND r.deleted_at IS NULL)
"""

# When each was used last is written in their order, so that servers never wait for each other in a ring.
_VALID = Statement(
    f"""
WITH asked AS (
    SELECT w ->> 0 AS kind, w ->> 1 AS key, decode(w ->> 2, 'hex') AS secret_hash FROM json_array_elements($1) AS w
), keys AS (
    SELECT k.* FROM asked CROSS JOIN LATERAL (SELECT * FROM api_key WHERE id = asked.key OFFSET 0) AS k
    WHERE asked.kind = 'KEY' AND k.secret_hash = asked.secret_hash
        AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
        AND (k.made_for IS NULL OR EXISTS (SELECT FROM app_user WHERE id = k.made_for AND state = 'ACTIVE'))
), logins AS (
    SELECT l.* FROM asked CROSS JOIN LATERAL (SELECT * FROM login WHERE id = asked.key OFFSET 0) AS l
    WHERE asked.kind = 'LOGIN' AND l.secret_hash = asked.secret_hash AND l.ended_at IS NULL AND l.ends_at > now()
        AND coalesce((SELECT used_at FROM credential_use WHERE credential = l.id), l.created_at)
            > now() - interval '{LOGIN_IDLE_S} s'
), certificates AS (
    SELECT c.* FROM asked CROSS JOIN LATERAL (
        SELECT * FROM certificate WHERE name = asked.key AND revoked_at IS NULL OFFSET 0
    ) AS c
    WHERE asked.kind = 'CERTIFICATE'
), used AS (
    INSERT INTO credential_use (credential, used_at)
    SELECT id, now() FROM (
        SELECT id FROM keys UNION SELECT id FROM logins UNION SELECT id FROM certificates ORDER BY id
    ) AS those
    WHERE NOT EXISTS (
        SELECT FROM credential_use
        WHERE credential = those.id AND used_at > now() - interval '{USE_NOTED_EVERY_S} s'
    )
    ON CONFLICT (credential) DO UPDATE SET used_at = now()
), found AS (
    SELECT 'KEY' AS kind, k.id AS key, c.id AS holder, c.name, c.type, k.made_for, k.permissions, k.may_act_for,
           c.rates, false AS restricted
    FROM keys k JOIN caller c ON c.id = k.caller
    UNION ALL
    SELECT 'CERTIFICATE', t.name, c.id, c.name, c.type, NULL, t.permissions, t.may_act_for, c.rates, false
    FROM certificates t JOIN caller c ON c.id = t.caller
    UNION ALL
    SELECT 'LOGIN', l.id, u.id, u.display_name, '', NULL, NULL, '[]', '{{}}',
           l.restricted
    FROM logins l JOIN app_user u ON u.id = l.person WHERE u.state = 'ACTIVE'
    UNION ALL
    SELECT 'USER', u.id, u.id, u.display_name, '', NULL, NULL, '[]', '{{}}', false
    FROM asked JOIN app_user u ON u.id = asked.key WHERE asked.kind = 'USER' AND u.state = 'ACTIVE'
    UNION ALL
    SELECT 'SERVICE', c.id, c.id, c.name, c.type, NULL, NULL, '[]', c.rates, false
    FROM asked JOIN caller c ON c.id = asked.key
    WHERE asked.kind = 'SERVICE' AND (EXISTS (
        SELECT FROM api_key k WHERE k.caller = c.id AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > now())
    ) OR EXISTS (SELECT FROM certificate t WHERE t.caller = c.id AND t.revoked_at IS NULL))
)
SELECT coalesce(json_agg(json_build_array(
    f.kind, f.key, f.holder, f.name, f.type, f.made_for, f.permissions, f.may_act_for,
    f.rates, f.restricted,
    {HELD.format(holder="f.holder")}
)), '[]')
FROM found AS f
""",  # noqa: S608 - our own words
    ["json"],
)
