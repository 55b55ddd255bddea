"""`fealty log`: what is made of the activity log, so that it can be searched and counted."""

import json

import click

from cli.options import as_json

INDEXES = ("words", "counts")


@click.group()
def log() -> None:
    """Look after what makes the activity log searchable and countable. `fealty activities` reads it."""


@log.command()
@click.option(
    "--only", type=click.Choice(INDEXES, case_sensitive=False), help="Words for texts, or counts.  [default: both]"
)
@as_json
def rebuild(only: str | None, json_: bool) -> None:
    """Forget the words of the log, by which texts are found, and its counts, and have the clock take them anew.

    The log itself stays as it is. Servers run on; until the clock is through, texts find only what it has come to, and
    counts are of the newest entries only and say so.
    """
    from cli import books
    from cli.settings import load
    from storage.activity.rebuilding import Index, begin
    from storage.engine.unit import run

    indexes = [Index(only)] if only else list(Index)
    with books.opened(load()) as database:
        activities = run(database, lambda unit: begin(unit, indexes))
    if json_:
        click.echo(json.dumps({"indexes": indexes, "activities": activities}))
        return
    what = " and ".join(indexes)
    click.echo(f"The {what} of {activities:,} activities are forgotten; `fealty clock` takes them anew, oldest first.")
