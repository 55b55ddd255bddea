"""`fealty users create-administrator`, `code` and `reset`: for who cannot get in by themselves. What is made is shown
once."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from cli.options import as_json, not_empty

if TYPE_CHECKING:
    from storage.engine.unit import Unit

Result = TypeVar("Result")


@click.command("create-administrator")
@click.argument("email")
@click.argument("name", callback=not_empty)
@as_json
def create_administrator(email: str, name: str, json_: bool) -> None:
    """Make NAME, who logs in as EMAIL, a user who may do everything: the first one of an installation."""
    from storage.logins import operator

    _check_address(email)
    made = _changed(lambda unit: operator.create_administrator(unit, email, name))
    _show(made, f"{email} is an administrator now", json_)


@click.command()
@click.argument("email")
@as_json
def code(email: str, json_: bool) -> None:
    """Make a code for EMAIL, who is logging in and gets none by mail, or has lost the authenticator."""
    from rules.logins import CODE_S
    from storage.logins import operator

    made = _changed(lambda unit: operator.make_code(unit, email))
    if json_:
        click.echo(json.dumps({"code": made, "expires_in_s": CODE_S}))
        return
    click.echo(f"Code for {email}:\n\n    {made}\n")
    click.echo(f"It is good for {CODE_S // 60} minutes and once, instead of one that is mailed.")


@click.command()
@click.argument("email")
@as_json
def reset(email: str, json_: bool) -> None:
    """Give EMAIL another password, which has to be changed; all their logins end."""
    from storage.logins import operator

    made = _changed(lambda unit: operator.reset_password(unit, email))
    _show(made, f"{email} has another password now, and all their logins have ended", json_)


def _show(made: tuple[str, str], what: str, json_: bool) -> None:
    user, password = made
    if json_:
        click.echo(json.dumps({"user": user, "password": password}))
        return
    click.echo(f"{what}:\n\n    {password}\n")
    click.echo("It is shown this once and never again, and has to be changed with the first login.")


def _check_address(email: str) -> None:
    from cli.failures import Failure
    from workers.mail.settings import is_address

    if not is_address(email):
        raise Failure("that is no mail address: write it as anna@example.com")


def _changed(change: "Callable[[Unit], Result]") -> Result:
    """What a change answers, in a transaction of its own."""
    from cli import books
    from cli.failures import Failure
    from cli.settings import load
    from storage.engine.database import connection
    from storage.engine.unit import run
    from storage.logins.keys import access_keys
    from storage.logins.operator import AddressTaken, NoSuchUser
    from storage.personal.keys import require

    settings = load()
    with books.opened(settings) as database:
        with connection(database) as held:
            keyring = require(held, settings.personal_keys)
        access_keys(database, keyring)

        def with_keys(unit: "Unit") -> Result:
            unit.keyring = keyring
            return change(unit)

        try:
            return run(database, with_keys)
        except (AddressTaken, NoSuchUser) as error:
            raise Failure((type(error).__doc__ or "").rstrip(".")) from error
