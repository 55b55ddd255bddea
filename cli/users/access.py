"""`fealty users assign`, `end`, `logins`, `revoke-login`: what users hold, and who is in."""

import json

import click

from cli.options import as_json
from cli.users import acting

LOGINS_MAX = 1000  # of one user; nobody has as many at once

_why = click.option("--reason", default="", metavar="CODE", help="Why, in a word for the log, such as PROMOTED.")


@click.command()
@click.argument("user")
@click.argument("role")
@click.argument("scope", default="")
@_why
@as_json
def assign(user: str, role: str, scope: str, reason: str, json_: bool) -> None:
    """Give USER, by address or id, ROLE in SCOPE: programs/coffee, partners/acme, networks/north, or none for all."""
    from storage.access.users.roles import AssignRole

    given, identity = acting.given(role, scope), acting.of(user)
    found = acting.changed("AssignRole", lambda context: AssignRole(identity, given, context), reason)
    click.echo(json.dumps(acting.told(found)) if json_ else f"{found.display_name} is {acting.roles_of(found)}.")


@click.command()
@click.argument("user")
@click.argument("role")
@click.argument("scope", default="")
@_why
@as_json
def end(user: str, role: str, scope: str, reason: str, json_: bool) -> None:
    """Take ROLE in SCOPE from USER, by address or id; no SCOPE: the one that holds everywhere."""
    from storage.access.users.roles import EndRole

    taken, identity = acting.given(role, scope), acting.of(user)
    found = acting.changed("EndRole", lambda context: EndRole(identity, taken, context), reason)
    left = acting.roles_of(found) or "in no role any more"
    click.echo(json.dumps(acting.told(found)) if json_ else f"{found.display_name} is {left}.")


@click.command()
@click.argument("user")
@as_json
def logins(user: str, json_: bool) -> None:
    """List by what USER, given by address or id, is in, the newest first."""
    from cli import books
    from cli.settings import load
    from storage.access.users import logins as those

    with books.opened(load()):
        found = those.page(books.OPERATOR, acting.find(user).id, None, LOGINS_MAX)
    if json_:
        click.echo(json.dumps([{**one._asdict(), "name": one.name} for one in found], default=str))
        return
    form = "{:<16}  {:<16}  {:<16}  {:<39}  {}"
    click.echo(form.format("LOGIN", "SINCE", "USED", "ADDRESS", "BROWSER"))
    for one in found:
        since, used = f"{one.created_at:%Y-%m-%d %H:%M}", f"{one.used_at:%Y-%m-%d %H:%M}"
        click.echo(form.format(one.id, since, used, one.ip_address, one.user_agent).rstrip())


@click.command("revoke-login")
@click.argument("user")
@click.argument("login")
@_why
@as_json
def revoke_login(user: str, login: str, reason: str, json_: bool) -> None:
    """End LOGIN of USER, as `fealty users logins` shows it."""
    from storage.access.users.logins import RevokeLogin

    identity = acting.of(user)
    found = acting.changed("RevokeLogin", lambda context: RevokeLogin(identity, login, context), reason)
    shown = {"name": found.name, "revoked": True}
    click.echo(json.dumps(shown) if json_ else f"Login {found.id} has ended.")
