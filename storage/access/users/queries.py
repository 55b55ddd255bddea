"""Reads users."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from rules import administering
from rules.access import Caller
from rules.refusals import StaleEtag, UserNotFound
from rules.users import UserState, UserStatus
from storage.access import scopes as role_scopes
from storage.access.records import UserRow
from storage.access.scopes import WITHIN, Held
from storage.engine.database import NO_KEY_UPDATE, Connection, handle


class User(NamedTuple):
    """A user as it stands, with the roles that are held now."""

    id: str
    email: str
    display_name: str
    language_code: str
    status: UserStatus
    version: int
    created_at: datetime
    updated_at: datetime
    roles: tuple[Held, ...] = ()

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"users/{self.id}"

    @property
    def etag(self) -> str:
        """Changes with every change, also of roles."""
        return f'"{self.version}"'

    @property
    def holdings(self) -> list[administering.Holding]:
        """What rules ask of its roles."""
        return [one.holding for one in self.roles]

    def as_kept(self) -> "KeptUser":
        """Who it is, and nothing about the person."""
        return KeptUser(self.id)

    def shown_to(self, caller: Caller) -> "User":
        """The same without the roles that the caller may not know of; without the person, where he may not know of any:
        he took the last one away."""
        known = administering.seen(caller, self.holdings)
        shown = self._replace(roles=tuple(one for one in self.roles if one.holding in known))
        is_seen = administering.sees(caller, self.holdings)
        return shown if is_seen else shown._replace(email="", display_name="", language_code="")


class KeptUser(NamedTuple):
    """What is kept of an answer that shows a user."""

    user_id: str

    def as_it_stands(self, caller: Caller) -> User:
        """The user."""
        [found] = whole(UserRow.select().where(UserRow.id == self.user_id))
        return found.shown_to(caller)


class UserFilter(NamedTuple):
    """Of users that are listed, what they must be; what is empty leaves all. `scope` is a resource name, `text` a part
    of the name."""

    state: str = ""
    role: str = ""
    scope: str = ""
    text: str = ""


def get(user_id: str, caller: Caller) -> User:
    """A user, with those roles that the caller may know of. Raises UserNotFound, also where he may know of none."""
    return _one(UserRow.select().where(UserRow.id == user_id), caller).shown_to(caller)


def lock(user_id: str, caller: Caller, etag: str = "") -> User:
    """A user with all roles, to be changed. Raises UserNotFound, and StaleEtag unless the etag is empty or its own."""
    found = _one(UserRow.select().where(UserRow.id == user_id).for_update(NO_KEY_UPDATE), caller)
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)
    return found


def by_email(email: str) -> User | None:
    """Whose address it is, to be changed; whoever asks may not have to know."""
    found = whole(UserRow.select().where(UserRow.email == email).for_update(NO_KEY_UPDATE))
    return found[0] if found else None


def page(caller: Caller, wanted: UserFilter, after: str, size: int) -> list[User]:
    """Up to `size` users that the caller sees, the oldest first, from the first after the id `after`."""
    places_seen = caller_places(caller)
    values = {**wanted._asdict(), "after": after, "size": size, **places_seen}
    values["text"] = _LIKE.format(_escaped(wanted.text))
    rows = _books().execute(_PAGE, values).fetchall()
    return [one.shown_to(caller) for one in whole(UserRow.select().where(UserRow.id.in_([row[0] for row in rows])))]


def caller_places(caller: Caller) -> dict[str, Any]:
    """Where a caller may look at users, for SQL: everywhere, or by the names of scopes."""
    grants = [grant for grant in caller.grants if not grant.permissions.isdisjoint(administering.SEEING)]
    return {
        "everywhere": any(grant.programs is None for grant in grants),
        "seen": sorted({grant.scope for grant in grants if grant.scope}),
    }


def whole(query: Any) -> list[User]:
    """Users out of their rows, with their roles, by id."""
    rows = sorted(query, key=lambda row: row.id)
    held = role_scopes.held(_books(), [row.id for row in rows])
    return [from_row(row, held.get(row.id, ())) for row in rows]


def from_row(row: Any, held: Sequence[Held]) -> User:
    """One of them."""
    return User(
        row.id,
        row.email,
        row.display_name,
        row.language_code,
        UserStatus(UserState(row.state), UserState(row.returns_to) if row.returns_to else None),
        row.version,
        row.created_at,
        row.updated_at,
        tuple(held),
    )


def _one(query: Any, caller: Caller) -> User:
    found = whole(query)
    if not found or not administering.sees(caller, found[0].holdings):
        raise UserNotFound
    return found[0]


def _books() -> Connection:
    return cast(Connection, handle.connection())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_LIKE = "%{}%"

# `names` are those of all that the scope of a role lies in.
_PAGE = f"""
WITH held AS (
    SELECT a.holder, a.role, {WITHIN} AS names FROM role_assignment a WHERE a.until_at IS NULL
), known AS (
    SELECT holder, role, coalesce(names[1], '') AS scope FROM held
    WHERE %(everywhere)s OR names && %(seen)s::text[]
)
SELECT u.id FROM app_user u
WHERE u.id > %(after)s
    AND (%(everywhere)s OR EXISTS (SELECT FROM known k WHERE k.holder = u.id))
    AND (%(state)s = '' OR u.state = %(state)s)
    AND (%(role)s = '' AND %(scope)s = '' OR EXISTS (
        SELECT FROM known k WHERE k.holder = u.id
            AND (%(role)s = '' OR k.role = %(role)s) AND (%(scope)s = '' OR k.scope = %(scope)s)
    ))
    AND u.display_name ILIKE %(text)s
ORDER BY u.id LIMIT %(size)s
"""  # noqa: S608 - our own words
