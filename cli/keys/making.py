"""`fealty keys create`, `rotate` and `revoke`."""

import json
from typing import TYPE_CHECKING, Any

import click

from cli.keys.options import of_service, role_id, scope_of
from cli.options import as_json, not_empty

if TYPE_CHECKING:
    from storage.access.services import NewService
    from storage.engine.unit import Unit

KEY_DAYS_MAX = 3650  # beyond ten years, "never" is the honest word
OVERLAP_DAYS_MAX = 30  # a key that is not replaced within a month is not being replaced


@click.command()
@click.argument("name", callback=not_empty)
@of_service
@click.option("--for-user", "made_for", metavar="USER", help="Whose it is, by the id: locking that user ends it.")
@click.option("--days", type=click.IntRange(1, KEY_DAYS_MAX), help="It ends by itself then.  [default: never]")
@as_json
def create(name: str, made_for: str | None, days: int | None, json_: bool, **options: Any) -> None:
    """Make a key for the service NAME, which is made where there is none; it is shown once."""
    from datetime import timedelta

    from cli import books
    from cli.settings import load
    from rules.activity import KEY_CREATED
    from storage.access.commands import as_operator
    from storage.access.credentials import CredentialKind, new_token
    from storage.access.keys import CreateKey, KeyRead
    from storage.engine.unit import run

    token = new_token(CredentialKind.KEY)

    def make(unit: "Unit") -> KeyRead:
        ends_at = unit.now + timedelta(days=days) if days else None
        person = (made_for or "").removeprefix("users/")
        asked = service(name, options), bounds(options), ends_at, person, token
        return CreateKey(*asked, as_operator(KEY_CREATED)).decide(unit).value

    with books.opened(load()) as database:
        made = run(database, make)
        held = run(database, lambda unit: roles_of(made.service))
    if json_:
        shown = {"id": made.id, "key": token.text, "caller": made.service, "name": name}
        click.echo(json.dumps({**shown, **held[0], "roles": held, "days": days}))
        return
    click.echo(f"Key {made.id} for {name}, {told(held)}:\n")
    click.echo(f"    {token.text}\n")
    click.echo("It is shown this once and never again: only its hash is kept.")


@click.command()
@click.argument("key")
@click.option(
    "--overlap",
    "overlap_days",
    type=click.IntRange(0, OVERLAP_DAYS_MAX),
    default=1,
    show_default=True,
    help="For how many days the old one works beside the new one.",
)
@as_json
def rotate(key: str, overlap_days: int, json_: bool) -> None:
    """Make another key in the place of KEY, given by its id or as a whole; it may the same, and is shown once."""
    from datetime import timedelta

    from cli import books
    from cli.settings import load
    from fealty.v1 import credentials_pb2
    from server.policy import method_of
    from storage.access.commands import as_operator
    from storage.access.credentials import CredentialKind, new_token
    from storage.access.keys import Rotated, RotateKey
    from storage.engine.unit import run

    token, overlap = new_token(CredentialKind.KEY), timedelta(days=overlap_days)
    kind = method_of(credentials_pb2.RotateKeyRequest).kind

    def make(unit: "Unit") -> Rotated:
        service, key_id = found(key)
        return RotateKey(service, key_id, overlap, None, token, as_operator(kind)).decide(unit).value

    with books.opened(load()) as database:
        new, old = run(database, make)
    if json_:
        shown = {"id": new.id, "key": token.text, "caller": new.service, "old": old.id}
        ends = {"ends_at": new.expires_at, "old_ends_at": old.expires_at}
        click.echo(json.dumps({**shown, **{name: at.isoformat() if at else None for name, at in ends.items()}}))
        return
    click.echo(f"Key {new.id} in the place of {old.id}, which ends at {old.expires_at:%Y-%m-%d %H:%M} UTC:\n")
    click.echo(f"    {token.text}\n")
    if new.expires_at is not None:
        click.echo(f"It ends at {new.expires_at:%Y-%m-%d %H:%M} UTC.")
    click.echo("It is shown this once and never again: only its hash is kept.")


@click.command()
@click.argument("key")
@as_json
def revoke(key: str, json_: bool) -> None:
    """End KEY, given by its id as `fealty keys list` shows it, or as a whole."""
    from cli import books
    from cli.settings import load
    from storage.access.commands import revoke_key
    from storage.access.credentials import parse_token
    from storage.engine.unit import run

    whole = parse_token(key)
    key_id = whole.id if whole else key
    with books.opened(load()) as database:
        if not run(database, lambda unit: revoke_key(unit, key_id)):
            raise _none_usable()
    click.echo(json.dumps({"id": key_id, "revoked": True}) if json_ else f"Key {key_id} is revoked.")


def service(name: str, options: dict[str, Any]) -> "str | NewService":
    """The id of the service of that name or, where there is none, what is to be made of the options. Raises NameTaken
    where they say otherwise than what it holds, Failure."""
    from cli.failures import Failure
    from storage.access.assignments import find_scope
    from storage.access.commands import NameTaken
    from storage.access.records import CallerRow
    from storage.access.services import NewService, RoleAt

    scope = scope_of(options["program"], options["partner"], options["network"])
    at = RoleAt(role_id(options["role"] or "service"), scope)
    if scope and find_scope(scope) is None:
        # Its own sentence is for callers, who may see some and not others.
        kind, _, identity = scope.partition("/")
        raise Failure(f"there is no {kind.removesuffix('s')} {identity}; make it first")
    row = CallerRow.get_or_none(CallerRow.name == name)
    if row is None:
        return NewService(name, (at,))
    held = [(one["role"], one["scope"]) for one in roles_of(row.id)]
    if (options["role"] or scope) and held != [tuple(at)]:
        raise NameTaken(f"service {name} exists with another role or program; choose another name")
    return str(row.id)


def bounds(options: dict[str, Any]) -> Any:
    """What its credential permits, and for whom it may act."""
    from storage.access.keys import Bounds

    return Bounds(options["permissions"], tuple(sorted({kind.upper() for kind in options["acts_for"]})))


def found(key: str) -> tuple[str, str]:
    """The service and the id of a key, by its id or as a whole. Raises Failure."""
    from storage.access.credentials import parse_token
    from storage.access.records import ApiKeyRow

    whole = parse_token(key)
    row = ApiKeyRow.get_or_none(ApiKeyRow.id == (whole.id if whole else key))
    if row is None:
        raise _none_usable()
    return str(row.caller), str(row.id)


def roles_of(service: str) -> list[dict[str, Any]]:
    """What a service holds: the role, the scope and, where that is a program, its id."""
    from storage.access.queries import roles_of as held

    return [
        {"role": role, "scope": scope, "program": scope.partition("/")[2] if scope.startswith("programs/") else None}
        for role, scope in held(service)
    ]


def told(held: list[dict[str, Any]]) -> str:
    """`service of all programs`."""
    return ", ".join(f"{word(one['role'])} of {one['program'] or one['scope'] or 'all programs'}" for one in held)


def word(role: str) -> str:
    """A role as people type it."""
    return role.lower() if role.isupper() else role


def _none_usable() -> Exception:
    from cli.failures import Failure

    # Not quoted: it may be a secret with a letter missing.
    return Failure("no such key is usable: `fealty keys list` shows the ids, and which are revoked already")
