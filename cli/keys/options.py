"""What `fealty keys` is told of a service: what it may, where, and for whom it acts."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from rules.access import GRANTABLE, Permission, Role

Command = TypeVar("Command", bound=Callable[..., Any])

ACTS_FOR = ("users", "customers")


class Permissions(click.ParamType[frozenset[Permission]]):
    """Names of permissions with commas between them, in any case."""

    name = "permissions"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[Permission]:
        """The permissions."""
        if isinstance(value, frozenset):
            return value
        words = [word.strip().upper().replace("-", "_") for word in str(value).split(",")]
        for word in words:
            if word not in set(GRANTABLE):
                self.fail(f"{word.lower()} is no permission that can be given; there are {_ALL}", param, ctx)
        return frozenset(map(Permission, words))


_ALL = ", ".join(sorted(permission.lower() for permission in GRANTABLE))


def of_service(command: Command) -> Command:
    """What a new service holds and where, and what its credential permits of that."""
    options = (
        click.option("--role", metavar="ROLE", callback=_checked, help=f"{_ROLES}, or your own.  [default: service]"),
        click.option("--program", metavar="ID", help="Holds in this program alone.  [default: in all]"),
        click.option("--partner", metavar="ID", help="Holds in the programs of this partner."),
        click.option("--network", metavar="ID", help="Holds in the programs of this network."),
        click.option("--permissions", type=Permissions(), help="No more than these, of what the role permits."),
        click.option(
            "--act-for", "acts_for", multiple=True, type=click.Choice(ACTS_FOR), help="For whom it may act, too."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


_ROLES = ", ".join(role.lower() for role in Role)


def _checked(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,62}", value):
        raise click.BadParameter(f"{_ROLES}, or the id of one that was made, is wanted.", ctx, param)
    return value


def role_id(given: str) -> str:
    """A role as it is kept: those of every installation in capitals."""
    return given.upper() if given.upper() in set(Role) else given


def scope_of(program: str | None, partner: str | None, network: str | None) -> str:
    """The resource name of where a role is to hold; empty: everywhere."""
    given = [("programs", program), ("partners", partner), ("networks", network)]
    named = [f"{kind}/{identity}" for kind, identity in given if identity]
    if len(named) > 1:
        raise click.UsageError("Name one of --program, --partner and --network.")
    return named[0] if named else ""
