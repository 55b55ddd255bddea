"""Reads callers, keys and server secrets."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import json
from peewee import JOIN, SQL

from rules.access import Caller, Role
from storage.access.keys import ApiKey, parse_key
from storage.access.records import ApiKeyRow, CallerRow, ServerSecretRow
from storage.engine.session import Session, Statement
from storage.programs.records import ProgramRow


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


async def authenticate(session: Session, texts: Sequence[str]) -> list[Caller | Exception | None]:
    """Whom each key speaks for, or None where it is unknown, revoked or expired."""
    keys = [parse_key(text) for text in texts]
    rows = json.decode(await session.run(_VALID, [json.encode([key.id for key in keys if key is not None])]))
    found = {row[0]: row[1:] for row in rows}
    return [_speaks_for(key, found) for key in keys]


def _speaks_for(key: ApiKey | None, found: Mapping[str, Sequence[Any]]) -> Caller | None:
    if key is None or key.id not in found:
        return None
    secret_hash, caller, name, role, program = found[key.id]
    if not hmac.compare_digest(bytes.fromhex(secret_hash), key.secret_hash):
        return None
    return Caller(caller, name, Role(role), program)


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
    return [KeyInfo(*row) for row in query.tuples()]


def any_key() -> bool:
    """Whether anybody can call at all."""
    usable = ApiKeyRow.revoked_at.is_null() & (ApiKeyRow.expires_at.is_null() | (ApiKeyRow.expires_at > SQL("now()")))
    return bool(ApiKeyRow.select().where(usable).exists())


def server_secret(name: str) -> bytes:
    """The shared random value of that name."""
    return bytes(ServerSecretRow.get_by_id(name).value)


_VALID = Statement(
    """
SELECT coalesce(json_agg(json_build_array(
    k.id, encode(k.secret_hash, 'hex'), c.id, c.name, c.role, p.program_id
)), '[]')
FROM json_array_elements_text($1) AS w(id)
CROSS JOIN LATERAL (SELECT * FROM api_key WHERE id = w.id OFFSET 0) AS k
JOIN caller c ON c.id = k.caller LEFT JOIN program p ON p.id = c.program
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
""",
    ["json"],
)
