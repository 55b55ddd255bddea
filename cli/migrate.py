"""`fealty migrate`: the schema of this version."""

import json

import click

from cli.failures import Failure
from cli.options import as_json


@click.command(short_help="Bring the database to this version's schema.")
@as_json
def migrate(json_: bool) -> None:
    """Bring the database to this version's schema, roles and rights; what is there already stays as it is.

    Connects as FEALTY_OWNER_DATABASE_URL says, whose role owns the schema; without it, as FEALTY_DATABASE_URL says.
    """
    from cli import books
    from cli.settings import load
    from storage import migrate as schema
    from storage import rights
    from storage.engine.database import connection

    settings = load()
    login = rights.login_of(settings.database)
    with books.owned(settings) as database:
        applied = schema.migrate(database, login)
        found = schema.schema(database)
        with connection(database) as held:
            by_hand = rights.by_hand(held, login)
    if found.refuses_us:
        raise Failure(
            f"The schema is newer ({', '.join(found.newer)}): use a version of schema {found.oldest_server} or newer"
        )
    if json_:
        click.echo(json.dumps({"applied": applied, "by_hand": by_hand}))
    elif applied:
        click.echo(f"Applied {', '.join(applied)}: the schema is current.")
    else:
        newer = f" It is newer than this version, has {', '.join(found.newer)}." if found.newer else ""
        click.echo(f"The schema is current: nothing to apply.{newer}")
    if by_hand and not json_:
        click.echo("Roles are missing that this login cannot make. Have somebody who may run, then migrate again:\n")
        click.echo("".join(f"    {statement};\n" for statement in by_hand))
    if by_hand and settings.owner_database_url is not None:  # servers would have no rights
        raise SystemExit(1)
