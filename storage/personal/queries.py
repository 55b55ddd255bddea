"""Reads what the log keeps of persons."""

from typing import Any, NamedTuple
from uuid import UUID

from storage.engine.database import Connection
from storage.engine.keyring import Keyring, KeyringError, subject_key
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
        key = keyring.key(key_id).unwrap(wrapped, subject_key(customer))
        value = unseal(key, str(activity), field, side, ciphertext).value
        found[field] = found.get(field, PersonalChange())._replace(**{side: value})
    return found


def installed(connection: Connection) -> list[str]:
    """The ids of the personal keys that the database knows, the newest last."""
    return [key_id for (key_id,) in connection.execute(_INSTALLED)]


def wrapping_key(connection: Connection) -> str:
    """The id of the one that wraps, kept until the transaction ends: what is wrapped under it is seen before it is
    dropped. The database says which, not our copy of the file: behind a rotation nothing is wrapped as before. Raises
    KeyringError."""
    found = connection.execute(_KEPT).fetchall()
    if not found:
        raise KeyringError("the database knows no personal key: run `fealty personal-key create`")
    return str(found[-1][0])


_VALUES = """
SELECT v.field, v.side, v.ciphertext, k.customer, k.key_id, k.wrapped
FROM personal_value v JOIN activity a ON a.id = v.activity JOIN subject_key k ON k.customer = a.customer
WHERE v.activity = %s ORDER BY v.field
"""

_INSTALLED = "SELECT id FROM personal_key ORDER BY created_at, id"

_KEPT = f"{_INSTALLED} FOR KEY SHARE"
