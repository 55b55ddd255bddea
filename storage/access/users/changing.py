"""What all changes of users have in common: of whom they may be, what ends with them, and how they are recorded."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rules.activity import KEY_REVOKED, Change
from rules.administering import check_administers, check_administrator_stays
from storage.access import scopes as role_scopes
from storage.access.assignments import AssignedScope
from storage.access.records import ApiKeyRow, LoginRow, UserRow
from storage.access.scopes import Held
from storage.access.users import queries
from storage.access.users.queries import User
from storage.activity.commands import Scope, record
from storage.engine.commands import CommandContext
from storage.engine.unit import Unit


def administered(user_id: str, context: CommandContext, etag: str = "") -> User:
    """A user, to be changed by who administers him wherever he holds a role. Raises UserNotFound, UserElsewhere,
    StaleEtag."""
    user = queries.lock(user_id, context.caller, etag)
    check_administers(context.caller, user.holdings)
    return user


def write(
    unit: Unit,
    context: CommandContext,
    user: User,
    details: Mapping[str, Any] | None = None,
    changes: Sequence[Change] = (),
    subject: str = "",
    also_at: Sequence[AssignedScope] = (),
) -> str:
    """Writes the record of what was done to a user, and answers its id. It stands in the log of the only program where
    the user may act, with what is given at other scopes besides, if there is one."""
    scopes = [*(one.scope for one in user.roles), *also_at]
    activity = record(
        unit,
        context.origin,
        subject or user.name,
        Scope(role_scopes.only_program(unit.connection, scopes)),
        changes=changes,
        details=context.reason.added_to(details or {}),
        request_id=context.request.request_id,
        note=context.reason.note,
    )
    unit.write()
    return activity


def save(unit: Unit, user: User, activity: str) -> User:
    """Keeps what a user is, a version later."""
    saved = user._replace(version=user.version + 1, updated_at=unit.now)
    UserRow.update(
        display_name=saved.display_name,
        language_code=saved.language_code,
        state=saved.status.state,
        returns_to=saved.status.returns_to,
        version=saved.version,
        updated_at=saved.updated_at,
        activity=activity,
    ).where(UserRow.id == saved.id).execute()
    return saved


def end_logins(unit: Unit, user_id: str) -> int:
    """Ends all logins of a user; answers how many."""
    return int(
        LoginRow.update(ended_at=unit.now).where((LoginRow.person == user_id) & LoginRow.ended_at.is_null()).execute()
    )


def revoke_keys(unit: Unit, context: CommandContext, user: User, activity: str) -> None:
    """Revokes the keys that were made for a user, because of what an activity tells."""
    usable = (ApiKeyRow.made_for == user.id) & ApiKeyRow.revoked_at.is_null()
    scope = Scope(role_scopes.only_program(unit.connection, [one.scope for one in user.roles]))
    for key in ApiKeyRow.select().where(usable).order_by(ApiKeyRow.id).for_update():
        origin, details = context.origin._replace(kind=KEY_REVOKED), {"caller": key.caller}
        record(unit, origin, f"services/{key.caller}/keys/{key.id}", scope, details=details, cause=UUID(activity))
    ApiKeyRow.update(revoked_at=unit.now).where(usable).execute()


def take_turns(unit: Unit) -> None:
    """Of those who take away from users what they may, one at a time goes on from here: two administrators who lock
    each other at once would both find the other there."""
    unit.connection.execute(_ONE_AT_A_TIME)


def check_somebody_stays(unit: Unit, user: User, lost: Sequence[Held]) -> None:
    """Raises LastAdministrator where an active user would lose these roles. The caller has taken turns."""
    [(others,)] = unit.connection.execute(_OTHERS, (user.id,))
    check_administrator_stays([one.holding for one in lost], others)


_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('who administers everything', 0))"

_OTHERS = """
SELECT count(*) FROM app_user u WHERE u.state = 'ACTIVE' AND u.id <> %s AND EXISTS (
    SELECT FROM role_assignment a
    WHERE a.holder = u.id AND a.role = 'ADMINISTRATOR' AND a.scope_kind = 'ALL' AND a.until_at IS NULL
)
"""
