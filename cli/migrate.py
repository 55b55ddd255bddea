"""`fealty migrate`: the schema of this version."""

import json

import click

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
    database.close()
    if json_:
        click.echo(json.dumps({"applied": applied}))
    elif applied:
        click.echo(f"Applied {', '.join(applied)}: the schema is current.")
    else:
        click.echo("The schema is current: nothing to apply.")
