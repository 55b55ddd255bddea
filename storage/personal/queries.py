"""Reads what the log keeps of persons."""

from typing import Any, NamedTuple
from uuid import UUID

from storage.engine.database import Connection
from storage.engine.keyring import Keyring
from storage.personal.sealing import unseal


class PersonalChange(NamedTuple):
    """A personal field before and after; None where it was not there."""

    before: Any = None
    after: Any = None


def changes(connection: Connection, activity: UUID, keyring: Keyring) -> dict[str, PersonalChange]:
    """The personal fields that an activity changed, by name; none where they were erased, or their customer's key.

    Raises KeyringError, DoesNotOpen.
    """
    found: dict[str, PersonalChange] = {}
    for field, side, ciphertext, customer, key_id, wrapped in connection.execute(_VALUES, (activity,)):
        key = keyring.key(key_id).unwrap(wrapped, customer)
        value = unseal(key, str(activity), field, side, ciphertext).value
        found[field] = found.get(field, PersonalChange())._replace(**{side: value})
    return found


def installed(connection: Connection) -> list[str]:
    """The ids of the personal keys that the database knows, the newest last."""
    return [key_id for (key_id,) in connection.execute(_INSTALLED)]


_VALUES = """
SELECT v.field, v.side, v.ciphertext, k.customer, k.key_id, k.wrapped
FROM personal_value v JOIN activity a ON a.id = v.activity JOIN subject_key k ON k.customer = a.customer
WHERE v.activity = %s ORDER BY v.field
"""

_INSTALLED = "SELECT id FROM personal_key ORDER BY created_at, id"
