"""How the command line finds users and changes them: on the database directly, as the operator."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cli.failures import Failure

if TYPE_CHECKING:
    from storage.access.users.queries import User
    from storage.access.users.roles import GivenRole
    from storage.engine.commands import CommandContext
    from storage.engine.unit import Unit

SCOPES = ("networks", "partners", "programs")


def find(who: str) -> "User":
    """The user of an address or an id; needs the database connected. Raises Failure."""
    from storage.access.records import UserRow
    from storage.access.users import queries

    is_it = UserRow.email == who.lower() if "@" in who else UserRow.id == who.removeprefix("users/")
    found = queries.whole(UserRow.select().where(is_it))
    if not found:
        raise Failure("there is no such user: `fealty users list` shows them")
    return found[0]


def changed(method: str, command_of: "Callable[[CommandContext], Any]", reason: str = "") -> Any:
    """What a command of the operator answers, in a transaction of its own; `method` is the contract's for the same, as
    which it is recorded. Raises Refusal."""
    from cli import books
    from cli.settings import load
    from storage.engine.database import connection
    from storage.engine.unit import run
    from storage.logins.keys import access_keys
    from storage.personal.keys import require

    settings = load()
    command = command_of(_context(method, reason))
    with books.opened(settings) as database:
        with connection(database) as held:
            keyring = require(held, settings.personal_keys)
        access_keys(database, keyring)

        def decide(unit: "Unit") -> Any:
            unit.keyring = keyring
            return command.decide(unit).value

        return run(database, decide)


def of(who: str) -> str:
    """The id of the user of an address or an id. Raises Failure."""
    from cli import books
    from cli.settings import load

    with books.opened(load()):
        return find(who).id


def given(role: str, scope: str) -> "GivenRole":
    """A role as it was typed, and where; empty: everywhere. Raises Failure."""
    from rules.access import Role
    from storage.access.users.roles import GivenRole

    collection, _, identity = scope.partition("/")
    if scope and (collection not in SCOPES or not identity):
        raise Failure(
            f"there is no scope {scope}: write programs/coffee, partners/acme or networks/north, or nothing for all"
        )
    built_in = role.upper().replace("-", "_")
    return GivenRole(built_in if built_in in {one.value for one in Role} else role, scope)


def told(user: "User") -> dict[str, Any]:
    """A user for a program to read."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.display_name,
        "state": user.status.state.value,
        "language": user.language_code,
        "roles": [
            {"role": one.holding.role, "scope": one.holding.place.name, "from": one.from_at.isoformat()}
            for one in user.roles
        ],
        "created_at": user.created_at.isoformat(),
    }


def roles_of(user: "User") -> str:
    """`staff in programs/coffee, auditor everywhere`."""
    return ", ".join(
        f"{one.holding.role.lower()} {f'in {one.holding.place.name}' if one.holding.place.name else 'everywhere'}"
        for one in user.roles
    )


def _context(method: str, reason: str) -> "CommandContext":
    import math

    from cli import books
    from rules.activity import by_operator
    from server.policy import methods
    from storage.engine.commands import CommandContext, Reason
    from storage.engine.requests import Request

    kind = next(one.kind for one in methods() if one.name == method)
    request = Request(books.OPERATOR.id, method, "", "")
    return CommandContext(books.OPERATOR, request, by_operator(kind), False, math.inf, Reason(reason))
