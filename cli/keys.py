"""`fealty keys`: who may call."""

import json
from typing import Any

import click

from cli.options import as_json
from rules.access import Role

KEY_DAYS_MAX = 3650  # beyond ten years, "never" is the honest word


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(Role, case_sensitive=False),
    default=Role.SERVICE,
    show_default="service",
    help="What its caller is trusted with.",
)
@click.option("--program", metavar="ID", help="The only program that its caller may see.")
@click.option("--days", type=click.IntRange(1, KEY_DAYS_MAX), help="It ends by itself then.  [default: never]")
@as_json
def create(name: str, role: Role, program: str | None, days: int | None, json_: bool) -> None:
    """Make a key for the caller NAME, who is made where there is none; it is shown once."""
    from datetime import timedelta

    from cli import books
    from cli.failures import Failure
    from cli.settings import load
    from rules.refusals import ProgramNotFound
    from storage.access.commands import create_key
    from storage.engine.unit import run

    lifetime = timedelta(days=days) if days else None
    with books.opened(load()) as database:
        try:
            made = run(database, lambda unit: create_key(unit, name, role, program, lifetime))
        except ProgramNotFound as error:
            # Its own sentence is for callers, who may see some programs and not others.
            raise Failure(f"there is no program {program}; make it first") from error
    if json_:
        shown = {"id": made.key.id, "key": made.key.text, "caller": made.caller, "name": name, "role": role.value}
        click.echo(json.dumps({**shown, "program": program, "days": days}))
        return
    click.echo(f"Key {made.key.id} for {name}, {role.value.lower()} of {program or 'all programs'}:\n")
    click.echo(f"    {made.key.text}\n")
    click.echo("It is shown this once and never again: only its hash is kept.")


@keys.command("list")
@as_json
def list_(json_: bool) -> None:
    """List all keys, oldest first; secrets are never kept, so none is shown."""
    from datetime import UTC, datetime

    from cli import books
    from cli.settings import load
    from storage.access import queries
    from storage.access.queries import KeyInfo

    def state(key: KeyInfo) -> str:
        if key.revoked_at:
            return "revoked"
        return "expired" if key.expires_at and key.expires_at <= datetime.now(UTC) else "usable"

    with books.opened(load()):
        found = queries.keys()
    if json_:
        rows: list[dict[str, Any]] = [{**key._asdict(), "state": state(key)} for key in found]
        click.echo(json.dumps(rows, default=datetime.isoformat))
        return
    form = "{:<16}  {:<20}  {:<13}  {:<20}  {:<10}  {:<10}  {}"
    click.echo(form.format("KEY", "NAME", "ROLE", "PROGRAM", "MADE", "ENDS", "STATE"))
    for key in found:
        ends = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
        made = f"{key.created_at:%Y-%m-%d}"
        line = form.format(key.id, key.name, key.role.lower(), key.program_id or "all", made, ends, state(key))
        click.echo(line.rstrip())


@keys.command()
@click.argument("key")
@as_json
def revoke(key: str, json_: bool) -> None:
    """End KEY, given by its id as `fealty keys list` shows it, or as a whole."""
    from cli import books
    from cli.failures import Failure
    from cli.settings import load
    from storage.access.commands import revoke_key
    from storage.access.keys import parse_key
    from storage.engine.unit import run

    whole = parse_key(key)
    key_id = whole.id if whole else key
    with books.opened(load()) as database:
        if not run(database, lambda unit: revoke_key(unit, key_id)):
            # Not quoted: it may be a secret with a letter missing.
            raise Failure("no such key is usable: `fealty keys list` shows the ids, and which are revoked already")
    click.echo(json.dumps({"id": key_id, "revoked": True}) if json_ else f"Key {key_id} is revoked.")
