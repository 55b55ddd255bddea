"""`fealty retention`: for how long the activity log keeps what it says."""

import json
from typing import TYPE_CHECKING

import click

from cli.options import as_json

if TYPE_CHECKING:
    from storage.retention.due import Planned


@click.group()
def retention() -> None:
    """See what the activity log is about to drop, and what is held back."""


@retention.command()
@click.option("--program", metavar="ID", help="Only what is in it.  [default: all, and what is in none]")
@as_json
def plan(program: str | None, json_: bool) -> None:
    """Show what the next sweep would drop, by program, category and effect.

    READ is what changed nothing: readings, and calls that came to nothing. What is kept for ever is not shown.
    """
    from cli import books
    from cli.settings import load
    from storage.engine.database import connection
    from storage.retention.due import plan as planned

    with books.opened(load()) as database:
        number = books.program(program).id if program else None
        with connection(database) as held:
            found = planned(held, number)
    if json_:
        click.echo(json.dumps([one._asdict() for one in found]))
        return
    form = "{:<24}  {:<10}  {:<6}  {:>6}  {:>12}  {:>12}"
    click.echo(form.format("PROGRAM", "CATEGORY", "EFFECT", "DAYS", "TO DROP", "HELD"))
    for one in found:
        if one.due:
            figures = f"{one.days:,}", f"{one.due - one.held:,}", f"{one.held:,}"
            click.echo(form.format(one.program or "none", one.category.lower(), one.effect.lower(), *figures))
    click.echo(_sum(found))


@retention.command()
@click.argument("program")
@as_json
def holds(program: str, json_: bool) -> None:
    """List the legal holds of PROGRAM and its customers that were not lifted, newest first.

    LiftLegalHold takes their NAME.
    """
    from datetime import datetime

    from cli import books
    from cli.settings import load
    from storage.retention import queries

    with books.opened(load()):
        found = queries.holds(program, books.OPERATOR, only_active=True, after=None, size=HOLDS_MAX)
    if json_:
        rows = [{"name": one.name, "subject": one.subject, "reason_code": one.reason_code} for one in found]
        made = [{**row, "placed_at": one.placed_at} for row, one in zip(rows, found, strict=True)]
        click.echo(json.dumps(made, default=datetime.isoformat))
        return
    form = "{:<40}  {:<10}  {:<20}  {}"
    click.echo(form.format("HELD", "SINCE", "REASON", "NAME"))
    for one in found:
        click.echo(form.format(one.subject, f"{one.placed_at:%Y-%m-%d}", one.reason_code, one.name))


# More than a program has; a terminal shows no more.
HOLDS_MAX = 1_000


def _sum(found: "list[Planned]") -> str:
    due, held = sum(one.due for one in found), sum(one.held for one in found)
    return f"The next sweep drops what {due - held:,} activities said; {held:,} are due and held."
