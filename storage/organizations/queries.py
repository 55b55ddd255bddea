"""Reads networks and partners, those that a caller may see."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from peewee import JOIN, fn

from rules import organizations as rules
from rules.access import Caller, Permission
from rules.organizations import NetworkNotFound, PartnerNotFound
from storage.access.records import NetworkRow, PartnerRow
from storage.engine.database import NO_KEY_UPDATE


class Network(NamedTuple):
    """A network as it stands; `id` is internal, `network_id` public."""

    id: int
    network_id: str
    display_name: str
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"networks/{self.network_id}"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}"'


class Partner(NamedTuple):
    """A partner as it stands; `id` is internal, `partner_id` public, and so is `network` (empty: it has none)."""

    id: int
    partner_id: str
    network: str
    display_name: str
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"partners/{self.partner_id}"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}"'


def network(network_id: str, held: frozenset[str] | None, for_update: bool = False) -> Network:
    """The network of that public id, for one who holds a permission in such scopes (rules/organizations.py: scopes).
    Raises NetworkNotFound."""
    query = NetworkRow.select().where((NetworkRow.network_id == network_id) & NetworkRow.deleted_at.is_null())
    found = (query.for_update(NO_KEY_UPDATE) if for_update else query).first()
    if found is None or not rules.sees_network(held, network_id, _partners_of(found.id, held)):
        raise NetworkNotFound(network=network_id)
    return _network(found)


def partner(partner_id: str, held: frozenset[str] | None, for_update: bool = False) -> Partner:
    """The partner of that public id, likewise. Raises PartnerNotFound."""
    query = _PARTNERS.where(PartnerRow.partner_id == partner_id)
    found = (query.for_update(f"{NO_KEY_UPDATE} OF t1") if for_update else query).tuples().first()
    if found is None or not rules.sees_partner(held, found[1], found[2] or ""):
        raise PartnerNotFound(partner=partner_id)
    return _partner(found)


def networks(caller: Caller, after: str, size: int) -> list[Network]:
    """Up to `size` networks that the caller may see, by public id, from the first after `after`."""
    held = rules.scopes(caller, Permission.ORGANIZATIONS_READ)
    query = NetworkRow.select().where((NetworkRow.network_id > after) & NetworkRow.deleted_at.is_null())
    if held is not None:
        own = PartnerRow.select(PartnerRow.network).where(PartnerRow.partner_id.in_(_ids("partners", held)))
        query = query.where(NetworkRow.network_id.in_(_ids("networks", held)) | NetworkRow.id.in_(own))
    return [_network(row) for row in query.order_by(NetworkRow.network_id).limit(size)]


def partners(caller: Caller, network_id: str, after: str, size: int) -> list[Partner]:
    """Up to `size` partners that the caller may see, of a network (public id; empty: of any), by public id, from the
    first after `after`. Raises NetworkNotFound."""
    held = rules.scopes(caller, Permission.ORGANIZATIONS_READ)
    query = _PARTNERS.where(PartnerRow.partner_id > after)
    if network_id:
        query = query.where(PartnerRow.network == network(network_id, held).id)
    if held is not None:
        of_networks = NetworkRow.network_id.in_(_ids("networks", held))
        query = query.where(PartnerRow.partner_id.in_(_ids("partners", held)) | of_networks)
    return [_partner(row) for row in query.order_by(PartnerRow.partner_id).limit(size).tuples()]


def _partners_of(network: int, held: frozenset[str] | None) -> frozenset[str]:
    """Those partners of a network in which somebody holds something."""
    if held is None:
        return frozenset()
    query = PartnerRow.select(PartnerRow.partner_id).where(
        (PartnerRow.network == network) & PartnerRow.partner_id.in_(_ids("partners", held))
    )
    return frozenset(row.partner_id for row in query)


def _ids(collection: str, names: Iterable[str]) -> list[str]:
    return sorted(name.removeprefix(f"{collection}/") for name in names if name.startswith(f"{collection}/"))


def _network(row: Any) -> Network:
    return Network(row.id, row.network_id, row.display_name, row.version, row.created_at, row.updated_at)


def _partner(row: Any) -> Partner:
    return Partner(*row)


_PARTNERS = (
    PartnerRow.select(
        PartnerRow.id,
        PartnerRow.partner_id,
        fn.coalesce(NetworkRow.network_id, ""),
        PartnerRow.display_name,
        PartnerRow.version,
        PartnerRow.created_at,
        PartnerRow.updated_at,
    )
    .join(NetworkRow, JOIN.LEFT_OUTER, on=(NetworkRow.id == PartnerRow.network))
    .where(PartnerRow.deleted_at.is_null())
)
