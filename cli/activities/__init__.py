"""`fealty activities`: the activity log, read by whoever has a key: scoped and recorded like any other call."""

import click

from cli.activities.access import access
from cli.activities.analyzing import analyze
from cli.activities.exporting import export
from cli.activities.following import follow
from cli.activities.listing import list_


@click.group()
def activities() -> None:
    """Read the activity log: list it, follow it, count it, take it away as a file; list who looked
    at a customer's data.

    The key in FEALTY_API_KEY, or in --key-file, says who asks: `fealty keys create NAME --role auditor` makes one.
    Reading the log is an entry of it.
    """


for command in (list_, follow, analyze, export, access):
    activities.add_command(command)
