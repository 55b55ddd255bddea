"""`fealty keys list`."""

import json
from typing import TYPE_CHECKING, Any

import click

from cli.options import as_json

if TYPE_CHECKING:
    from storage.access.queries import KeyInfo


@click.command("list")
@as_json
def list_(json_: bool) -> None:
    """List all keys, oldest first, and when each was last used; secrets are never kept, so none is shown."""
    from datetime import datetime

    from cli import books
    from cli.keys.making import word
    from cli.settings import load
    from storage.access import queries

    with books.opened(load()):
        found = queries.keys()
    if json_:
        rows: list[dict[str, Any]] = [{**key._asdict(), "state": _state(key)} for key in found]
        click.echo(json.dumps(rows, default=datetime.isoformat))
        return
    form = "{:<16}  {:<20}  {:<13}  {:<20}  {:<10}  {:<10}  {:<10}  {}"
    click.echo(form.format("KEY", "NAME", "ROLE", "WHERE", "MADE", "ENDS", "USED", "STATE"))
    for key in found:
        ends = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
        used = f"{key.used_at:%Y-%m-%d}" if key.used_at else "never"
        where = key.program_id or key.scope or "all"
        made = f"{key.created_at:%Y-%m-%d}"
        line = form.format(key.id, key.name, word(key.role or "none"), where, made, ends, used, _state(key))
        click.echo(line.rstrip())


def _state(key: "KeyInfo") -> str:
    from datetime import UTC, datetime

    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= datetime.now(UTC) else "usable"
