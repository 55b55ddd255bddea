"""`fealty migrate`: the schema of this version."""

import json

import click

from cli.failures import Failure
from cli.options import as_json


@click.command(short_help="Bring the database to this version's schema.")
@as_json
def migrate(json_: bool) -> None:
    """Bring the database to this version's schema; what is applied already stays as it is."""
    from cli.settings import load
    from storage import migrate as schema
    from storage.engine.database import open_database

    settings = load()
    database = open_database(settings.database)
    applied = schema.migrate(database)
    found = schema.schema(database)
    database.close()
    if found.refuses_us:
        raise Failure(
            f"The schema is newer ({', '.join(found.newer)}): use a version of schema {found.oldest_server} or newer"
        )
    if json_:
        click.echo(json.dumps({"applied": applied}))
    elif applied:
        click.echo(f"Applied {', '.join(applied)}: the schema is current.")
    else:
        newer = f" It is newer than this version, has {', '.join(found.newer)}." if found.newer else ""
        click.echo(f"The schema is current: nothing to apply.{newer}")
