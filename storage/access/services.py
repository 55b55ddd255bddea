"""Services: what they are called, what they hold, and who may see and change them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import json

from rules.access import ACTOR_TYPES, ActorType, Caller, Permission, Role
from rules.activity import Change
from rules.credentials.refusals import ServiceExists, ServiceNotFound
from rules.granting import EVERYWHERE, RoleScope, check_grantable, holds
from rules.refusals import StaleEtag
from storage.access import assignments, roles
from storage.access.assignments import AssignedScope
from storage.access.records import CallerRow
from storage.access.scopes import WITHIN, placed, reach, role_scope_of
from storage.activity.commands import Scope, record
from storage.engine.commands import CommandContext
from storage.engine.database import NO_KEY_UPDATE, Connection
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class RoleAt(NamedTuple):
    """A role, and the resource name of where it holds; empty: everywhere."""

    role: str
    scope: str = ""

    def __str__(self) -> str:
        """As records have it."""
        return f"{self.role} in {self.scope}" if self.scope else self.role


class ServiceRead(NamedTuple):
    """A service: what it is called, the roles it holds, and its own limits on calls a minute, by class."""

    id: str
    name: str
    roles: tuple[RoleAt, ...]
    rates: dict[str, int]
    created_at: datetime

    @property
    def resource(self) -> str:
        """Its resource name."""
        return f"services/{self.id}"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        content = json.encode([self.roles, sorted(self.rates.items())])
        return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


class Held(NamedTuple):
    """A role that a service holds: the assignment, what it permits, and where."""

    assignment: Any
    at: RoleAt
    permissions: frozenset[Permission]
    place: RoleScope


class Service(NamedTuple):
    """A service in hand: what is shown of it, what it holds, and whose log its records belong to."""

    read: ServiceRead
    held: tuple[Held, ...]
    scope: Scope = Scope()

    def check_changed_by(self, caller: Caller) -> None:
        """Raises GrantExceeded where it holds a role where the caller may not change services."""
        for place in [one.place for one in self.held] or [EVERYWHERE]:
            check_grantable(caller, [Permission.CREDENTIALS_WRITE], place)

    def check_given_by(self, caller: Caller, bounds: frozenset[Permission] | None, acts_for: Sequence[str]) -> None:
        """Whether the caller may make what speaks for the service, within `bounds`. Raises GrantExceeded."""
        self.check_changed_by(caller)
        for one in self.held:
            given = one.permissions if bounds is None else one.permissions & bounds
            more = {permission for kind, permission in _ACTING.items() if kind in acts_for}
            check_grantable(caller, given | more, one.place)


# What it takes to have somebody act for others. Who acts for a customer may ask who looked at their data
# (ListAccessToCustomer); who acts for a user does in that one's name what a user does there, as who lets users in can.
_ACTING = {"CUSTOMERS": Permission.ACCESS_READ, "USERS": Permission.USERS_WRITE}


class UpdateService(NamedTuple):
    """Other roles, or other limits; None: as they stand. An empty etag agrees to any state."""

    service: str
    etag: str
    roles: tuple[RoleAt, ...] | None
    rates: dict[str, int] | None
    context: CommandContext

    def answers(self) -> type[ServiceRead]:
        """The service."""
        return ServiceRead

    def decide(self, unit: Unit) -> Answer[ServiceRead]:
        """Raises ServiceNotFound, StaleEtag, RoleNotFound, ScopeNotFound, GrantExceeded."""
        context = self.context
        found = find(unit, self.service, context.caller, Permission.CREDENTIALS_WRITE, for_update=True)
        old = found.read
        if self.etag and self.etag != old.etag:
            raise StaleEtag(etag=old.etag)
        found.check_changed_by(context.caller)
        wanted = old.roles if self.roles is None else tuple(dict.fromkeys(self.roles))
        given = _to_give(unit, context.caller, [one for one in wanted if one not in old.roles])
        ended = [one for one in found.held if one.at not in wanted]
        new = old._replace(roles=wanted, rates=old.rates if self.rates is None else self.rates)
        if not given and not ended and new.rates == old.rates:
            return Answer(old, None)
        changes = (
            [Change("roles", [str(one) for one in old.roles], [str(one) for one in wanted])] if given or ended else []
        )
        for kind in sorted({**old.rates, **new.rates}):
            if old.rates.get(kind) != new.rates.get(kind):
                changes.append(Change(f"rates.{kind.lower()}", old.rates.get(kind), new.rates.get(kind)))
        activity = record(
            unit,
            context.origin,
            old.resource,
            found.scope,
            changes=changes,
            details={"name": old.name},
            request_id=context.request.request_id,
        )
        unit.write()
        CallerRow.update(rates=new.rates).where(CallerRow.id == old.id).execute()
        for one in ended:
            assignments.end(unit, one.assignment, activity)
        for at, (scope, *_) in given.items():
            assignments.assign(unit, old.id, at.role, scope, activity)
        return Answer(new, activity)


class NewService(NamedTuple):
    """A service that is to be made with what it calls with: what it is to be called, and hold."""

    name: str
    roles: tuple[RoleAt, ...]


class Prepared(NamedTuple):
    """A service in hand and, of a new one, what it is to hold: it is made when the activity stands."""

    service: Service
    given: Mapping[RoleAt, tuple[AssignedScope, frozenset[Permission], RoleScope]]

    def make(self, unit: Unit, activity: str) -> None:
        """Makes it where it is new."""
        if not self.given:
            return
        read = self.service.read
        CallerRow.insert(
            id=read.id,
            type=_type_of(read.roles),
            name=read.name,
            rates={},
            created_at=unit.now,
            activity=activity,
        ).execute()
        for at, (scope, *_) in self.given.items():
            assignments.assign(unit, read.id, at.role, scope, activity)


def prepare(unit: Unit, wanted: str | NewService, context: CommandContext) -> Prepared:
    """A service by its id, or a new one, which is not there yet. Raises ServiceNotFound, ServiceExists, RoleNotFound,
    ScopeNotFound, GrantExceeded."""
    if isinstance(wanted, str):
        return Prepared(find(unit, wanted, context.caller, Permission.CREDENTIALS_WRITE, for_update=True), {})
    given = _to_give(unit, context.caller, wanted.roles)
    if CallerRow.get_or_none(CallerRow.name == wanted.name) is not None:
        raise ServiceExists(service=wanted.name)
    read = ServiceRead(typeid("caller", new_uuid().int), wanted.name, tuple(given), {}, unit.now)
    held = tuple(Held(None, at, permissions, place) for at, (_, permissions, place) in given.items())
    return Prepared(Service(read, held, _log_of([scope for scope, *_ in given.values()])), given)


def find(unit: Unit, service: str, caller: Caller, permission: Permission, for_update: bool = False) -> Service:
    """A service by its id, of which the caller may know. Raises ServiceNotFound."""
    query = CallerRow.select().where(CallerRow.id == service)
    row = (query.for_update(NO_KEY_UPDATE) if for_update else query).first()
    if row is None:
        raise ServiceNotFound
    rows = unit.connection.execute(_HELD, [service]).fetchall()
    permitted = roles.permitted(role for _, role, *_ in rows)
    held = tuple(
        Held(identity, _at(role, within), permitted[role], role_scope_of(within))
        for identity, role, _, _, within in rows
    )
    _check_seen([one.place for one in held], caller, permission)
    read = ServiceRead(row.id, row.name, tuple(one.at for one in held), row.rates, row.created_at)
    return Service(read, held, _log_of([AssignedScope(kind, number) for _, _, kind, number, _ in rows]))


def check_seen(books: Connection, service: str, caller: Caller, permission: Permission) -> None:
    """Raises ServiceNotFound, also of a service that the caller may not know of."""
    if CallerRow.get_or_none(CallerRow.id == service) is None:
        raise ServiceNotFound
    _check_seen([role_scope_of(row[-1]) for row in books.execute(_HELD, [service]).fetchall()], caller, permission)


def page(books: Connection, caller: Caller, after: str, size: int) -> list[ServiceRead]:
    """Up to `size` services of which the caller may read the credentials, by their names, from the first after
    `after`; of what they hold, only what lies where it may."""
    asked = {
        "after": after,
        "is_all": caller.may_everywhere(Permission.CREDENTIALS_READ),
        "reach": reach(caller, Permission.CREDENTIALS_READ),
        "size": size,
    }
    rows = books.execute(_PAGE, asked).fetchall()
    return [
        ServiceRead(identity, name, tuple(_at(role, within) for role, within in held), rates, at)
        for identity, name, rates, at, held in rows
    ]


def _check_seen(places: Sequence[RoleScope], caller: Caller, permission: Permission) -> None:
    if not any(holds(caller, permission, place) for place in places or [EVERYWHERE]):
        raise ServiceNotFound


def _to_give(
    unit: Unit, caller: Caller, wanted: Sequence[RoleAt]
) -> Mapping[RoleAt, tuple[AssignedScope, frozenset[Permission], RoleScope]]:
    """What is to be given, each once. Raises RoleNotFound, ScopeNotFound, GrantExceeded."""
    permitted = roles.permitted(one.role for one in wanted)
    found = {}
    for one in dict.fromkeys(wanted):
        scope, place = placed(unit.connection, one.scope, caller)
        check_grantable(caller, permitted[one.role] | {Permission.CREDENTIALS_WRITE}, place)
        found[one] = (scope, permitted[one.role], place)
    return found


def _at(role: str, within: Sequence[str]) -> RoleAt:
    return RoleAt(role, within[0] if within else "")


def _type_of(held: Sequence[RoleAt]) -> ActorType:
    """What the log calls it: of one role that every installation has, as that role is; else a service."""
    [first, *more] = held
    return ACTOR_TYPES[Role(first.role)] if not more and first.role in roles.BUILT_IN else ActorType.SERVICE


def _log_of(scopes: Sequence[AssignedScope]) -> Scope:
    """The log of the one program in which it holds something, where there is but one."""
    programs = {scope.id for scope in scopes if scope.kind == "PROGRAM"}
    is_one = len(programs) == 1 and all(scope.kind == "PROGRAM" for scope in scopes)
    return Scope(programs.pop()) if is_one else Scope()


_HELD = f"""
SELECT a.id, a.role, a.scope_kind, a.scope, {WITHIN} FROM role_assignment a
WHERE a.holder = %s AND a.until_at IS NULL ORDER BY a.from_at, a.id
"""  # noqa: S608 - our own words

_PAGE = f"""
SELECT c.id, c.name, c.rates, c.created_at, coalesce(h.held, '[]')
FROM caller c CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(a.role, s.within) ORDER BY a.from_at, a.id) AS held
    FROM role_assignment a CROSS JOIN LATERAL (SELECT {WITHIN} AS within) AS s
    WHERE a.holder = c.id AND a.until_at IS NULL AND (%(is_all)s OR s.within && %(reach)s)
) AS h
WHERE c.name > %(after)s AND (%(is_all)s OR h.held IS NOT NULL)
ORDER BY c.name LIMIT %(size)s
"""  # noqa: S608 - our own words
