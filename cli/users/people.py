"""`fealty users list`, `show`, `invite`, `lock`, `unlock`, `archive`, `unarchive`: who may log in."""

import json

import click

from cli.options import as_json, not_empty
from cli.users import acting

USERS_MAX = 10_000  # more than people read; a back office lists them in pages

_why = click.option("--reason", default="", metavar="CODE", help="Why, in a word for the log, such as LEFT.")


@click.command("list")
@click.option("--state", type=click.Choice(["invited", "active", "locked", "archived"]), help="Only these.")
@click.option("--role", default="", help="Only those that hold it.")
@click.option("--scope", default="", metavar="NAME", help="Only those that hold a role there: programs/coffee, say.")
@click.option("--name", default="", metavar="TEXT", help="Only those with this in their name.")
@as_json
def list_(state: str | None, role: str, scope: str, name: str, json_: bool) -> None:
    """List users, the oldest first."""
    from cli import books
    from cli.settings import load
    from storage.access.users import queries
    from storage.access.users.queries import UserFilter

    wanted = acting.given(role, scope)
    with books.opened(load()):
        asked = UserFilter((state or "").upper(), wanted.role, wanted.scope, name)
        found = queries.page(books.OPERATOR, asked, "", USERS_MAX)
    if json_:
        click.echo(json.dumps([acting.told(user) for user in found]))
        return
    form = "{:<31}  {:<28}  {:<20}  {:<8}  {}"
    click.echo(form.format("USER", "ADDRESS", "NAME", "STATE", "ROLES"))
    for user in found:
        state_ = user.status.state.lower()
        click.echo(form.format(user.id, user.email, user.display_name, state_, acting.roles_of(user)).rstrip())


@click.command()
@click.argument("user")
@as_json
def show(user: str, json_: bool) -> None:
    """Show USER, given by address or id."""
    from cli import books
    from cli.settings import load

    with books.opened(load()):
        found = acting.find(user)
    if json_:
        click.echo(json.dumps(acting.told(found)))
        return
    click.echo(f"{found.display_name} <{found.email}>, {found.status.state.lower()}")
    click.echo(f"  {found.name}, since {found.created_at:%Y-%m-%d}")
    for one in found.roles:
        where = f"in {one.holding.place.name}" if one.holding.place.name else "everywhere"
        click.echo(f"  {one.holding.role.lower()} {where}, since {one.from_at:%Y-%m-%d}")


@click.command()
@click.argument("email")
@click.argument("name", callback=not_empty)
@click.option(
    "--role", "roles", multiple=True, metavar="ROLE[@SCOPE]", help="staff@programs/coffee, say; may be repeated."
)
@click.option("--language", default="", metavar="TAG", help="In which mails are written: cs, say.")
@as_json
def invite(email: str, name: str, roles: tuple[str, ...], language: str, json_: bool) -> None:
    """Make NAME a user, and mail an invitation to EMAIL."""
    from cli.failures import Failure
    from rules.refusals import UserExists
    from storage.access.users.inviting import InviteUser
    from workers.mail.settings import is_address

    if not is_address(email):
        raise Failure("that is no mail address: write it as anna@example.com")
    if any(one.endswith("@") for one in roles):
        raise Failure("no scope follows the @: write staff@programs/coffee, or staff alone for everywhere")
    given = tuple(acting.given(role, scope) for role, _, scope in (one.partition("@") for one in roles))
    try:
        invited = acting.changed("InviteUser", lambda context: InviteUser(email, name, language, given, context))
    except UserExists as error:
        raise Failure(
            "there is a user with this address already: `fealty users show` tells more; give one that is active a role"
            " with `fealty users assign`, and bring one back with `fealty users unlock` or `fealty users unarchive`"
        ) from error
    if json_:
        click.echo(json.dumps(acting.told(invited.user)))
        return
    click.echo(f"{name} is invited, as {invited.user.id}; the mail to {email} is under way.")


def _moving(way: str, method: str, done: str, help_: str) -> click.Command:
    @click.command(way, help=help_)
    @click.argument("user")
    @_why
    @as_json
    def move(user: str, reason: str, json_: bool) -> None:
        from rules.users import Way
        from storage.access.users.states import MoveUser

        identity = acting.of(user)
        command = lambda context: MoveUser(identity, "", Way(way.upper()), context)  # noqa: E731
        found = acting.changed(method, command, reason)
        click.echo(json.dumps(acting.told(found)) if json_ else f"{found.display_name} is {done}.")

    return move


lock = _moving(
    "lock",
    "LockUser",
    "locked, and out",
    "Keep USER, given by address or id, from logging in; ends all logins and keys.",
)
unlock = _moving("unlock", "UnlockUser", "unlocked", "Let USER, given by address or id, log in again.")
archive = _moving(
    "archive",
    "ArchiveUser",
    "archived, and out",
    "Put USER, given by address or id, away for good; ends all logins and keys.",
)
unarchive = _moving("unarchive", "UnarchiveUser", "back", "Bring USER, given by address or id, back.")
