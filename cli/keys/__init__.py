"""`fealty keys`: who may call, and with what."""

import click

from cli.keys.certificates import certificates
from cli.keys.listing import list_
from cli.keys.making import create, revoke, rotate


@click.group()
def keys() -> None:
    """Make, rotate, list and revoke API keys, and register client certificates."""


for command in (create, rotate, list_, revoke, certificates):
    keys.add_command(command)
