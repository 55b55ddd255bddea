"""`fealty personal-key`: the key of this installation under which lies what the activity log keeps of persons."""

import json

import click

from cli.options import as_json


@click.group("personal-key")
def personal_key() -> None:
    """Make and rotate the key that opens changed personal values.

    It stands in a file, FEALTY_PERSONAL_KEY_FILE, and never in the database. Keep a copy of it, apart from those of
    the database: with one of the two alone nothing can be read. API keys are those of `fealty keys`.
    """


@personal_key.command()
@as_json
def create(json_: bool) -> None:
    """Make the file where there is none, and tell the database of its key; what is there stays."""
    from cli import books
    from cli.settings import load
    from storage.personal.keys import ensure

    settings = load()
    path = settings.personal_keys
    with books.opened(settings) as database:
        made = ensure(database, path)
    if json_:
        click.echo(json.dumps({"file": str(path), "id": made.id if made else None}))
    elif made is None:
        click.echo(f"The database knows a personal key, and {path} has it: nothing to do.")
    else:
        click.echo(f"Personal key {made.id} stands in {path}: keep a copy, apart from the database's.")


@personal_key.command()
@click.option("--prepare", is_flag=True, help="Only add the key to come to the file, for servers on other hosts.")
@as_json
def rotate(prepare: bool, json_: bool) -> None:
    """Replace the key by a new one, while servers run; stopped, go on where it was.

    Where servers on other hosts have copies of the file: rotate with --prepare, copy the file to them, then rotate.
    """
    from cli import books
    from cli.settings import load
    from storage.personal import rotation

    settings = load()
    path = settings.personal_keys
    with books.opened(settings) as database:
        if prepare:
            coming = rotation.prepare(database, path)
            said = f"Personal key {coming} stands in {path}: copy the file to all servers, then rotate."
            click.echo(json.dumps({"file": str(path), "id": coming}) if json_ else said)
            return
        done = rotation.rotate(database, path)
    if json_:
        click.echo(json.dumps({"file": str(path), "id": done.key_id, "wrapped": done.wrapped}))
        return
    click.echo(f"{done.wrapped:,} keys of customers lie under personal key {done.key_id} now; the old one is gone.")
    click.echo(f"Keep a copy of {path}. The old copy still opens backups of the database from before.")
