"""`fealty approvals`: acts that take more than one person."""

import click

from cli.approvals.requests import approve, list_, reject, show
from cli.approvals.rules import rules


@click.group()
def approvals() -> None:
    """See what waits for approval, and say which acts do.

    People approve and reject through the API, each with a key or a login of their own: on this shell nobody knows who
    types.
    """


for command in (list_, show, approve, reject, rules):
    approvals.add_command(command)
