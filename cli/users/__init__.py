"""`fealty users`: people who log in."""

import click

from cli.users.access import assign, end, logins, revoke_login
from cli.users.passwords import code, create_administrator, reset
from cli.users.people import archive, invite, list_, lock, show, unarchive, unlock


@click.group()
def users() -> None:
    """Who may log in, what they hold where, and who is in."""


for command in (
    *(list_, show, invite, lock, unlock, archive, unarchive, assign, end, logins, revoke_login),
    *(create_administrator, code, reset),
):
    users.add_command(command)
