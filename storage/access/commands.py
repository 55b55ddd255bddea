"""Makes and revokes keys as somebody with a shell on the host does, who may all."""

import secrets
from datetime import timedelta
from typing import NamedTuple

from rules.access import Role, in_role
from rules.activity import KEY_CREATED, KEY_REVOKED, OPERATOR, Kind, by_operator
from rules.credentials.refusals import CredentialEnded
from storage.access import assignments
from storage.access.credentials import CredentialKind, Token, new_token
from storage.access.keys import Bounds, CreateKey, RevokeKey
from storage.access.records import ApiKeyRow, CallerRow, ServerSecretRow
from storage.access.services import NewService, RoleAt
from storage.engine.commands import CommandContext
from storage.engine.requests import Request
from storage.engine.unit import Unit


class NameTaken(Exception):
    """The caller exists with another role or program."""


class NewKey(NamedTuple):
    """A key and whom it speaks for. The only place where the secret is ever seen."""

    key: Token
    caller: str


def as_operator(kind: Kind) -> CommandContext:
    """How a command is asked for on the host, in a unit of its own: nothing is kept under a request id."""
    operator = in_role(OPERATOR, "the operator", Role.ADMINISTRATOR)
    return CommandContext(operator, Request(OPERATOR, kind.action, "", ""), by_operator(kind), False, float("inf"))


def create_key(
    unit: Unit, name: str, role: Role, program_id: str | None = None, lifetime: timedelta | None = None
) -> NewKey:
    """A key for the caller of that name, who is made where there is none. Raises ProgramNotFound, NameTaken."""
    scope = assignments.of_program(program_id or "")
    caller = CallerRow.get_or_none(CallerRow.name == name)
    if caller and assignments.held(caller.id) != [(role.value, scope)]:
        raise NameTaken(f"caller {name} exists with another role or program; choose another name")
    at = RoleAt(role.value, f"programs/{program_id}" if program_id else "")
    wanted = caller.id if caller else NewService(name, (at,))
    expires_at = unit.now + lifetime if lifetime is not None else None
    token = new_token(CredentialKind.KEY)
    made = CreateKey(wanted, Bounds(), expires_at, "", token, as_operator(KEY_CREATED)).decide(unit)
    return NewKey(token, made.value.service)


def revoke_key(unit: Unit, key_id: str) -> bool:
    """Ends a key. False where there is no such key, or it has ended."""
    row = ApiKeyRow.get_or_none(ApiKeyRow.id == key_id)
    if row is None:
        return False
    try:
        RevokeKey(row.caller, key_id, as_operator(KEY_REVOKED)).decide(unit)
    except CredentialEnded:
        return False
    return True


def ensure_server_secret(name: str) -> None:
    """Makes the shared random value of that name where there is none."""
    ServerSecretRow.insert(name=name, value=secrets.token_bytes(32)).on_conflict_ignore().execute()
