"""API keys of services: made, rotated, revoked, and listed. A secret is seen by who makes it, and kept nowhere."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rules.access import Caller, Permission, known
from rules.activity import OPERATOR
from rules.credentials.lifetimes import check_lives, new_end, old_end
from rules.credentials.refusals import CredentialNotFound
from rules.refusals import UserNotFound
from rules.users import UserState
from storage.access import services
from storage.access.credentials import Token
from storage.access.records import ApiKeyRow, UserRow
from storage.access.services import NewService, Prepared
from storage.access.uses import used
from storage.activity.commands import record
from storage.engine.commands import CommandContext
from storage.engine.database import NO_KEY_UPDATE
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class Bounds(NamedTuple):
    """What a credential permits of what its service's roles permit (None: all), and for whom it may act."""

    permissions: frozenset[Permission] | None = None
    acts_for: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, Any]:
        """As a record has them."""
        told: dict[str, Any] = {}
        if self.permissions is not None:
            told["permissions"] = sorted(self.permissions)
        if self.acts_for:
            told["may_act_for"] = list(self.acts_for)
        return told


class KeyRead(NamedTuple):
    """A key: everything but its secret. `permissions` None: all that its service's roles permit."""

    id: str
    service: str
    permissions: tuple[str, ...] | None
    may_act_for: tuple[str, ...]
    made_for: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"services/{self.service}/keys/{self.id}"


class Rotated(NamedTuple):
    """A key that took the place of another, and that one."""

    new: KeyRead
    old: KeyRead


class CreateKey(NamedTuple):
    """A key for a service that is there, by its id, or for a new one. `token` has the secret, which is in no answer
    that is kept, nor in anything that is logged. `made_for` is the id of who makes it, or empty."""

    service: str | NewService
    bounds: Bounds
    expires_at: datetime | None
    made_for: str
    token: Token
    context: CommandContext

    def answers(self) -> type[KeyRead]:
        """The key."""
        return KeyRead

    def decide(self, unit: Unit) -> Answer[KeyRead]:
        """Raises ServiceNotFound, ServiceExists, RoleNotFound, ScopeNotFound, UserNotFound, GrantExceeded."""
        context = self.context
        prepared = services.prepare(unit, self.service, context)
        service = prepared.service
        service.check_given_by(context.caller, self.bounds.permissions, self.bounds.acts_for)
        if self.made_for and not _speaks_for(self.made_for, context.caller):
            raise UserNotFound
        made = KeyRead(
            self.token.id,
            service.read.id,
            None if self.bounds.permissions is None else tuple(sorted(self.bounds.permissions)),
            self.bounds.acts_for,
            self.made_for,
            unit.now,
            self.expires_at,
        )
        activity = _made(unit, context, prepared, made, self.bounds, {})
        prepared.make(unit, activity)
        _insert(made, self.token, activity)
        return Answer(made, activity)


class RotateKey(NamedTuple):
    """Another key in the place of one, which ends after the overlap. `expires_at` None: the new one lives as long as
    the old one was made for. What was a user's is nobody's where another has the new one."""

    service: str
    key: str
    overlap: timedelta
    expires_at: datetime | None
    token: Token
    context: CommandContext

    def answers(self) -> type[Rotated]:
        """Both keys."""
        return Rotated

    def decide(self, unit: Unit) -> Answer[Rotated]:
        """Raises ServiceNotFound, CredentialNotFound, CredentialEnded, GrantExceeded."""
        context = self.context
        prepared = services.prepare(unit, self.service, context)
        # Before the key, as whoever locks the user has them.
        made_for = _stays_of(self.key, context.caller)
        old = _locked(self.service, self.key)
        check_lives(old.revoked_at, old.expires_at, unit.now)
        bounds = Bounds(None if old.permissions is None else known(old.permissions), old.may_act_for)
        prepared.service.check_given_by(context.caller, bounds.permissions, bounds.acts_for)
        new = old._replace(
            id=self.token.id,
            created_at=unit.now,
            expires_at=self.expires_at or new_end(old.created_at, _made_until(old), unit.now),
            made_for=made_for,
            used_at=None,
        )
        ended = old._replace(expires_at=old_end(old.expires_at, unit.now, self.overlap))
        details = {"in_place_of": old.id, "old_expires_at": ended.expires_at}
        activity = _made(unit, context, prepared, new, bounds, details)
        _insert(new, self.token, activity)
        ApiKeyRow.update(expires_at=ended.expires_at).where(ApiKeyRow.id == old.id).execute()
        return Answer(Rotated(new, ended), activity)


class RevokeKey(NamedTuple):
    """Ends a key."""

    service: str
    key: str
    context: CommandContext

    def answers(self) -> type[KeyRead]:
        """The key."""
        return KeyRead

    def decide(self, unit: Unit) -> Answer[KeyRead]:
        """Raises ServiceNotFound, CredentialNotFound, CredentialEnded, GrantExceeded."""
        context = self.context
        service = services.find(unit, self.service, context.caller, Permission.CREDENTIALS_WRITE)
        service.check_changed_by(context.caller)
        old = _locked(self.service, self.key)
        check_lives(old.revoked_at, old.expires_at, unit.now)
        activity = record(
            unit,
            context.origin,
            old.name,
            service.scope,
            details={"caller": service.read.id, "name": service.read.name},
            request_id=context.request.request_id,
        )
        unit.write()
        ApiKeyRow.update(revoked_at=unit.now).where(ApiKeyRow.id == old.id).execute()
        return Answer(old._replace(revoked_at=unit.now), activity)


def page(
    service: str, only_usable: bool, after: tuple[datetime, str] | None, size: int, now: datetime
) -> list[KeyRead]:
    """Up to `size` keys of a service that the caller may know of, newest first, from the first after `after` on."""
    query = ApiKeyRow.select().where(ApiKeyRow.caller == service)
    if only_usable:
        lives = ApiKeyRow.expires_at.is_null() | (ApiKeyRow.expires_at > now)
        query = query.where(ApiKeyRow.revoked_at.is_null() & lives)
    if after is not None:
        at, identity = after
        is_older = (ApiKeyRow.created_at < at) | ((ApiKeyRow.created_at == at) & (ApiKeyRow.id < identity))
        query = query.where(is_older)
    found = list(query.order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id.desc()).limit(size))
    used_at = used([row.id for row in found])
    return [_read(row, used_at) for row in found]


def _made(
    unit: Unit, context: CommandContext, prepared: Prepared, made: KeyRead, bounds: Bounds, more: dict[str, Any]
) -> str:
    read = prepared.service.read
    details = {
        "caller": read.id,
        "name": read.name,
        "roles": [str(one) for one in read.roles],
        **bounds.told,
        **({"expires_at": made.expires_at} if made.expires_at else {}),
        **({"made_for": made.made_for} if made.made_for else {}),
        **more,
    }
    activity = record(
        unit,
        context.origin,
        made.name,
        prepared.service.scope,
        details=details,
        request_id=context.request.request_id,
    )
    unit.write()
    return activity


def _insert(made: KeyRead, token: Token, activity: str) -> None:
    ApiKeyRow.insert(
        id=made.id,
        caller=made.service,
        secret_hash=token.secret_hash,
        created_at=made.created_at,
        expires_at=made.expires_at,
        permissions=None if made.permissions is None else list(made.permissions),
        may_act_for=list(made.may_act_for),
        made_for=made.made_for or None,
        made_until=made.expires_at,
        activity=activity,
    ).execute()


def _locked(service: str, key: str) -> KeyRead:
    query = ApiKeyRow.select().where((ApiKeyRow.id == key) & (ApiKeyRow.caller == service))
    row = query.for_update(NO_KEY_UPDATE).first()
    if row is None:
        raise CredentialNotFound
    return _read(row, used([key]))


def _made_until(key: KeyRead) -> datetime | None:
    found: datetime | None = ApiKeyRow.select(ApiKeyRow.made_until).where(ApiKeyRow.id == key.id).scalar()
    return found


def _read(row: Any, used_at: Mapping[str, datetime]) -> KeyRead:
    return KeyRead(
        row.id,
        row.caller,
        None if row.permissions is None else tuple(row.permissions),
        tuple(row.may_act_for),
        row.made_for or "",
        row.created_at,
        row.expires_at,
        row.revoked_at,
        used_at.get(row.id),
    )


def _stays_of(key: str, caller: Caller) -> str:
    """Whose another key in the place of one is, if the caller gets it; empty: nobody's."""
    row = ApiKeyRow.get_or_none(ApiKeyRow.id == key)
    return row.made_for if row is not None and row.made_for and _speaks_for(row.made_for, caller) else ""


def _speaks_for(user: str, caller: Caller) -> bool:
    """Whether what the caller gets may speak for a user, who then stays at work until it is there: for himself alone,
    as whoever has the key decides in that name. On the host it may be anybody's."""
    is_own = user == caller.user and not caller.on_behalf_of
    if not (is_own or caller.id == OPERATOR):
        return False
    query = UserRow.select().where((UserRow.id == user) & (UserRow.state == UserState.ACTIVE))
    return query.for_update("FOR SHARE").first() is not None
