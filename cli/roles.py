"""`fealty roles`: sets of permissions."""

import json
from typing import Any

import click

from cli.keys.options import Permissions
from cli.options import as_json


@click.group()
def roles() -> None:
    """List what roles permit, and make roles of your own."""


@roles.command("list")
@as_json
def list_(json_: bool) -> None:
    """List all roles with what they permit, those of every installation first."""
    from cli import books
    from cli.settings import load
    from storage.access import roles as reading

    with books.opened(load()):
        found = reading.page("", 10_000)
    if json_:
        rows = [{"role": one.role_id, "name": one.display_name, "permissions": one.permissions} for one in found]
        click.echo(json.dumps(rows))
        return
    for one in found:
        name = one.role_id.lower() if not one.version else one.role_id
        click.echo(f"{name}: {', '.join(permission.lower() for permission in one.permissions)}")


@roles.command()
@click.argument("role")
@click.option("--name", help="What people call it.  [default: ROLE]")
@click.option("--permissions", type=Permissions(), required=True, help="What it permits, with commas between.")
@as_json
def create(role: str, name: str | None, permissions: Any, json_: bool) -> None:
    """Make ROLE, of a-z, 0-9, _ and -, such as till-desk."""
    from fealty.v1 import roles_pb2
    from storage.access.roles import CreateRole

    if not _is_id(role):
        raise click.BadParameter("1 to 63 of a-z, 0-9, _ and - are wanted, beginning with a letter.")
    _do(lambda context: CreateRole(role, name or role, permissions, context), roles_pb2.CreateRoleRequest)
    click.echo(json.dumps({"role": role}) if json_ else f"Role {role} is made.")


@roles.command()
@click.argument("role")
@click.option("--name", help="What people are to call it.")
@click.option("--permissions", type=Permissions(), help="All that it is to permit, with commas between.")
@as_json
def update(role: str, name: str | None, permissions: Any, json_: bool) -> None:
    """Give ROLE another name, or other permissions: at once for whoever holds it."""
    from fealty.v1 import roles_pb2
    from storage.access.roles import UpdateRole

    _do(lambda context: UpdateRole(role, "", name, permissions, context), roles_pb2.UpdateRoleRequest)
    click.echo(json.dumps({"role": role}) if json_ else f"Role {role} is updated.")


@roles.command()
@click.argument("role")
@as_json
def delete(role: str, json_: bool) -> None:
    """End ROLE, which nobody may hold any more."""
    from fealty.v1 import roles_pb2
    from storage.access.roles import DeleteRole

    _do(lambda context: DeleteRole(role, "", context), roles_pb2.DeleteRoleRequest)
    click.echo(json.dumps({"role": role, "deleted": True}) if json_ else f"Role {role} is deleted.")


def _is_id(role: str) -> bool:
    import re

    return re.fullmatch("[a-z][a-z0-9_-]{0,62}", role) is not None


def _do(command: Any, request: Any) -> None:
    from cli import books
    from cli.settings import load
    from server.policy import method_of
    from storage.access.commands import as_operator
    from storage.engine.unit import run

    context = as_operator(method_of(request).kind)
    with books.opened(load()) as database:
        run(database, lambda unit: command(context).decide(unit))
