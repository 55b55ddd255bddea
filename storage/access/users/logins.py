"""Which users are in: their logins listed, and ended by others."""

from datetime import datetime
from typing import NamedTuple, cast

from rules.access import Caller
from rules.refusals import LoginNotFound
from storage.access.authenticating import LOGIN_IDLE_S
from storage.access.records import LoginRow
from storage.access.users import changing, queries
from storage.engine.commands import CommandContext
from storage.engine.database import Connection, handle
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class Login(NamedTuple):
    """One of a user's logins: everything but its secret."""

    user_id: str
    id: str
    ip_address: str
    user_agent: str
    restricted: bool
    created_at: datetime
    used_at: datetime
    ends_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"users/{self.user_id}/logins/{self.id}"

    def as_kept(self) -> "KeptLogin":
        """Which one it is, and nothing of from where."""
        return KeptLogin(self.id)


class KeptLogin(NamedTuple):
    """What is kept of an answer that shows a login."""

    id: str

    def as_it_stands(self, caller: Caller) -> Login:
        """The login."""
        [found] = _books().execute(_ONE, {"login": self.id})
        return Login(*found)


class LoginCursor(NamedTuple):
    """The last login of a page."""

    created_at: datetime
    id: str


def page(caller: Caller, user_id: str, after: LoginCursor | None, size: int) -> list[Login]:
    """Up to `size` of those that are not over, the newest first. Raises UserNotFound."""
    queries.get(user_id, caller)
    at, last = after or (None, None)
    values = {"user": user_id, "at": at, "last": last, "size": size}
    return [Login(*row) for row in _books().execute(_PAGE, values)]


class RevokeLogin(NamedTuple):
    """Ends one login of a user."""

    user_id: str
    login: str
    context: CommandContext

    def answers(self) -> type[KeptLogin]:
        """The login."""
        return KeptLogin

    def decide(self, unit: Unit) -> Answer[Login]:
        """Raises UserNotFound, UserElsewhere, LoginNotFound."""
        user = changing.administered(self.user_id, self.context)
        found = unit.connection.execute(_LIVE, {"user": user.id, "login": self.login}).fetchone()
        if found is None:
            raise LoginNotFound
        login = Login(*found)
        activity = changing.write(unit, self.context, user, subject=login.name)
        LoginRow.update(ended_at=unit.now).where(LoginRow.id == login.id).execute()
        return Answer(login, activity)


def _books() -> Connection:
    return cast(Connection, handle.connection())


# When it was used last is noted beside it.
_LOGINS = """
SELECT l.person, l.id, l.ip_address, l.user_agent, l.restricted, l.created_at, coalesce(c.used_at, l.created_at),
       l.ends_at
FROM login l LEFT JOIN credential_use c ON c.credential = l.id
"""

_IS_LIVE = f"""
l.ended_at IS NULL AND l.ends_at > now() AND coalesce(c.used_at, l.created_at) > now() - interval '{LOGIN_IDLE_S} s'
"""

_PAGE = f"""
{_LOGINS} WHERE l.person = %(user)s AND {_IS_LIVE}
    AND (%(at)s::timestamptz IS NULL OR (l.created_at, l.id) < (%(at)s::timestamptz, %(last)s::text))
ORDER BY l.created_at DESC, l.id DESC LIMIT %(size)s
"""

_ONE = f"{_LOGINS} WHERE l.id = %(login)s"
_LIVE = f"{_ONE} AND l.person = %(user)s AND {_IS_LIVE} FOR UPDATE OF l"
