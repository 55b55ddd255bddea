"""Reads callers, keys and server secrets."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, cast

from peewee import SQL

from rules.sentences import Person
from storage.access.records import ApiKeyRow, ServerSecretRow
from storage.access.scopes import WITHIN
from storage.engine.database import Connection, handle

# Who can act, by id, and what they are called today.
NAMED = "SELECT id, name FROM caller UNION ALL SELECT id, display_name FROM app_user"


class KeyInfo(NamedTuple):
    """A key as an operator sees it: everything but its secret. Of a caller in several roles, each has a line."""

    id: str
    caller: str
    name: str
    role: str
    program_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    scope: str
    used_at: datetime | None
    permissions: list[str] | None
    may_act_for: list[str]
    made_for: str | None


class CertificateInfo(NamedTuple):
    """A client certificate as an operator sees it."""

    id: str
    name: str
    service: str
    created_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


def keys() -> list[KeyInfo]:
    """All keys, oldest first."""
    return [KeyInfo(*row) for row in _books().execute(_KEYS).fetchall()]


def certificates() -> list[CertificateInfo]:
    """All client certificates, oldest first."""
    return [CertificateInfo(*row) for row in _books().execute(_CERTIFICATES).fetchall()]


def roles_of(holder: str) -> list[tuple[str, str]]:
    """What somebody holds: roles, and the resource names of where; empty: everywhere."""
    return [(role, scope) for role, scope in _books().execute(_ROLES, [holder]).fetchall()]


def _books() -> Connection:
    """This thread's connection."""
    return cast(Connection, handle.connection())


def called(books: Connection, callers: Collection[str]) -> dict[str, str]:
    """What services and users are called today, by their ids; those that there are not have none."""
    return dict(books.execute(_CALLED, [list(callers)]).fetchall())


def users_named(books: Connection, users: Collection[str]) -> dict[str, Person]:
    """What these users are called today, by their ids, and their addresses."""
    if not users:
        return {}
    return {identity: Person(*rest) for identity, *rest in books.execute(_PEOPLE, [list(users)])}


def any_key() -> bool:
    """Whether anybody can call at all."""
    usable = ApiKeyRow.revoked_at.is_null() & (ApiKeyRow.expires_at.is_null() | (ApiKeyRow.expires_at > SQL("now()")))
    return bool(ApiKeyRow.select().where(usable).exists())


def server_secret(name: str) -> bytes:
    """The shared random value of that name."""
    return bytes(ServerSecretRow.get_by_id(name).value)


_PEOPLE = "SELECT id, display_name, email FROM app_user WHERE id = ANY(%s)"
_CALLED = f"SELECT id, name FROM ({NAMED}) AS named WHERE id = ANY(%s)"  # noqa: S608 - our own words

_SCOPE = f"coalesce({WITHIN}[1], '')"
_KEYS = f"""
SELECT k.id, c.id, c.name, coalesce(a.role, ''),
    CASE a.scope_kind WHEN 'PROGRAM' THEN split_part({_SCOPE}, '/', 2) END,
    k.created_at, k.expires_at, k.revoked_at, {_SCOPE}, u.used_at, k.permissions, k.may_act_for, k.made_for
FROM api_key k JOIN caller c ON c.id = k.caller
LEFT JOIN role_assignment a ON a.holder = c.id AND a.until_at IS NULL
LEFT JOIN credential_use u ON u.credential = k.id
ORDER BY k.created_at, k.id, a.from_at, a.id
"""  # noqa: S608 - our own words
_CERTIFICATES = """
SELECT t.id, t.name, c.name, t.created_at, t.revoked_at, u.used_at
FROM certificate t JOIN caller c ON c.id = t.caller LEFT JOIN credential_use u ON u.credential = t.id
ORDER BY t.created_at, t.id
"""
_ROLES = f"""
SELECT a.role, {_SCOPE} FROM role_assignment a WHERE a.holder = %s AND a.until_at IS NULL ORDER BY a.from_at, a.id
"""  # noqa: S608 - our own words
