"""Reads callers, keys and server secrets."""

import hmac
from datetime import datetime
from typing import NamedTuple

from peewee import JOIN, SQL

from rules.access import Caller, Role
from storage.access.keys import parse_key
from storage.access.tables import ApiKeyRow, CallerRow, ServerSecretRow
from storage.engine.database import Connection
from storage.programs.tables import ProgramRow


class KeyInfo(NamedTuple):
    """A key as an operator sees it: everything but its secret."""

    id: str
    caller: str
    name: str
    role: str
    program_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def authenticate(connection: Connection, text: str) -> Caller | None:
    """Whom a key speaks for, or None where it is unknown, revoked or expired."""
    key = parse_key(text)
    if key is None:
        return None
    found = connection.execute(_VALID, (key.id,), prepare=True).fetchone()
    if found is None or not hmac.compare_digest(bytes(found[0]), key.secret_hash):
        return None
    return Caller(found[1], found[2], Role(found[3]), found[4])


def keys() -> list[KeyInfo]:
    """All keys, oldest first."""
    query = (
        ApiKeyRow.select(
            ApiKeyRow.id,
            CallerRow.id,
            CallerRow.name,
            CallerRow.role,
            ProgramRow.program_id,
            ApiKeyRow.created_at,
            ApiKeyRow.expires_at,
            ApiKeyRow.revoked_at,
        )
        .join(CallerRow, on=(CallerRow.id == ApiKeyRow.caller))
        .join(ProgramRow, JOIN.LEFT_OUTER, on=(ProgramRow.id == CallerRow.program))
        .order_by(ApiKeyRow.created_at, ApiKeyRow.id)
    )
    return [KeyInfo(*row) for row in query.tuples()]  # type: ignore[misc]


def any_key() -> bool:
    """Whether anybody can call at all."""
    usable = ApiKeyRow.revoked_at.is_null() & (ApiKeyRow.expires_at.is_null() | (ApiKeyRow.expires_at > SQL("now()")))
    return bool(ApiKeyRow.select().where(usable).exists())


def server_secret(name: str) -> bytes:
    """The shared random value of that name."""
    return bytes(ServerSecretRow.get_by_id(name).value)


_VALID = """
SELECT k.secret_hash, c.id, c.name, c.role, p.program_id
FROM api_key k JOIN caller c ON c.id = k.caller LEFT JOIN program p ON p.id = c.program
WHERE k.id = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
"""
