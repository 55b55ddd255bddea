"""Makes and revokes keys."""

import secrets
from datetime import timedelta
from typing import NamedTuple

from rules.access import ACTOR_TYPES, Role
from rules.activity import KEY_CREATED, KEY_REVOKED, by_operator
from rules.refusals import ProgramNotFound
from storage.access.keys import ApiKey, new_key
from storage.access.records import ApiKeyRow, CallerRow, ServerSecretRow
from storage.activity.commands import Scope, record
from storage.engine.ids import new_uuid, typeid
from storage.engine.unit import Unit
from storage.programs.records import ProgramRow


class NameTaken(Exception):
    """The caller exists with another role or program."""


class NewKey(NamedTuple):
    """A key and whom it speaks for. The only place where the secret is ever seen."""

    key: ApiKey
    caller: str


def create_key(
    unit: Unit, name: str, role: Role, program_id: str | None = None, lifetime: timedelta | None = None
) -> NewKey:
    """A key for the caller of that name, who is made where there is none. Raises ProgramNotFound, NameTaken."""
    program = ProgramRow.get_or_none(ProgramRow.program_id == program_id) if program_id else None
    if program_id and program is None:
        raise ProgramNotFound(program=program_id)
    number = program.id if program else None
    caller = CallerRow.get_or_none(CallerRow.name == name)
    if caller and (caller.role, caller.program) != (role, number):
        raise NameTaken(f"caller {name} exists with another role or program; choose another name")
    key = new_key()
    caller_id = caller.id if caller else typeid("caller", new_uuid().int)
    details = {"caller": caller_id, "name": name, "role": role}
    activity = record(unit, by_operator(KEY_CREATED), f"keys/{key.id}", Scope(number), details=details)
    unit.write()
    if caller is None:
        CallerRow.insert(
            id=caller_id,
            type=ACTOR_TYPES[role],
            name=name,
            role=role,
            program=number,
            created_at=unit.now,
            activity=activity,
        ).execute()
    ApiKeyRow.insert(
        id=key.id,
        caller=caller_id,
        secret_hash=key.secret_hash,
        created_at=unit.now,
        expires_at=unit.now + lifetime if lifetime is not None else None,
        activity=activity,
    ).execute()
    return NewKey(key, caller_id)


def revoke_key(unit: Unit, key_id: str) -> bool:
    """Ends a key. False where there is no such key, or it was revoked before."""
    row = ApiKeyRow.select().where((ApiKeyRow.id == key_id) & ApiKeyRow.revoked_at.is_null()).for_update().first()
    if row is None:
        return False
    record(unit, by_operator(KEY_REVOKED), f"keys/{key_id}", details={"caller": row.caller})
    ApiKeyRow.update(revoked_at=unit.now).where(ApiKeyRow.id == key_id).execute()
    return True


def ensure_server_secret(name: str) -> None:
    """Makes the shared random value of that name where there is none."""
    ServerSecretRow.insert(name=name, value=secrets.token_bytes(32)).on_conflict_ignore().execute()
