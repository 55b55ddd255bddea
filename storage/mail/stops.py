"""To whom no mail is sent, and since when. Whoever is merged into a customer brings theirs along."""

from datetime import datetime
from typing import NamedTuple

from rules.access import ActorType
from rules.activity import CUSTOMER_UNSUBSCRIBED, Origin
from rules.passes.refusals import AddressRefused, CustomerUnsubscribed
from storage.activity.commands import Scope, record
from storage.engine.database import Connection
from storage.engine.unit import Unit
from storage.passes.sealing import WalletKeys


class _Stop(NamedTuple):
    refused_at: datetime | None
    refused_address: bytes | None
    unsubscribed_at: datetime | None


def check(connection: Connection, customer: int, address: str, keys: WalletKeys) -> None:
    """Raises CustomerUnsubscribed where a customer wants no mails, and AddressRefused where mail servers refused this
    very address for good: another one is as good as any."""
    stops = [_Stop(*found) for found in connection.execute(_FIND, (customer,))]
    unsubscribed = [stop.unsubscribed_at for stop in stops if stop.unsubscribed_at is not None]
    if unsubscribed:
        raise CustomerUnsubscribed(since=min(unsubscribed).isoformat())
    for stop in stops:
        if stop.refused_at is not None and bytes(stop.refused_address or b"") == keys.address_hash(address):
            raise AddressRefused(since=stop.refused_at.isoformat())


def refuse(unit: Unit, customer: int, address_hash: bytes, error: str) -> None:
    """A mail server refused an address for good, known by its keyed hash; `error` is the name of a type with a code,
    never a text. The record of the mail that failed says so."""
    unit.connection.execute(_REFUSE, (customer, unit.now, address_hash, error))


def unsubscribe(unit: Unit, customer: int) -> None:
    """A customer, by its internal id, wants no more mails; said again, it changes nothing."""
    found = unit.connection.execute(_STOP, (customer, unit.now)).fetchone()
    if found is not None:
        program, subject, holder = found
        origin = Origin(ActorType.CUSTOMER, "", "CUSTOMER", CUSTOMER_UNSUBSCRIBED)
        record(unit, origin, subject, Scope(program, holder), event=CUSTOMER_UNSUBSCRIBED.action)


_FIND = """
WITH RECURSIVE person AS (
    SELECT %s::bigint AS id UNION ALL SELECT c.id FROM person JOIN customer AS c ON c.merged_into = person.id
)
SELECT refused_at, refused_address, unsubscribed_at FROM person JOIN mail_stop ON customer = person.id
"""

_REFUSE = """
INSERT INTO mail_stop AS s (customer, refused_at, refused_address, refused_error) VALUES (%s, %s, %s, %s)
ON CONFLICT (customer) DO UPDATE SET refused_at = excluded.refused_at, refused_address = excluded.refused_address,
    refused_error = excluded.refused_error
"""

# A customer that was merged meanwhile is the one that it was merged into, and stays unsubscribed when that is undone.
_STOP = """
WITH RECURSIVE holder AS (
    SELECT id, merged_into FROM customer WHERE id = %s
    UNION ALL
    SELECT c.id, c.merged_into FROM holder AS h JOIN customer AS c ON c.id = h.merged_into
), stopped AS (
    INSERT INTO mail_stop AS s (customer, unsubscribed_at) SELECT id, %s FROM holder ORDER BY id
    ON CONFLICT (customer) DO UPDATE SET unsubscribed_at = excluded.unsubscribed_at WHERE s.unsubscribed_at IS NULL
    RETURNING customer
)
SELECT c.program, 'programs/' || p.program_id || '/customers/' || c.customer_id, c.id
FROM holder JOIN customer AS c USING (id) JOIN program AS p ON p.id = c.program
WHERE holder.merged_into IS NULL AND EXISTS (SELECT FROM stopped)
"""
