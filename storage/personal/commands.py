"""Keeps what changed about a person beside the record of the change."""

import secrets
from typing import Any

from rules.activity import Change, PersonalValue
from storage.engine.keyring import KEY_BYTES, subject_key
from storage.engine.unit import Unit
from storage.engine.workspace import Workspace
from storage.personal.queries import wrapping_key
from storage.personal.records import PERSONAL_VALUES, SUBJECT_KEY, SUBJECT_KEYS, as_bytea
from storage.personal.sealing import seal


def take_key(unit: Unit, customer: int) -> None:
    """Takes the key of a customer, by internal id, in hand; makes it where there is none. Whoever records changes of
    personal values calls it before, and has the customer locked or is making it. Raises KeyringError."""
    found = unit.connection.execute(_SUBJECT_KEY, (customer,)).fetchone()
    if found is not None:
        key_id, wrapped = found
        unit.load(SUBJECT_KEY, (customer,), unit.keyring.key(key_id).unwrap(wrapped, subject_key(customer)))
        return
    key_id = wrapping_key(unit.connection)
    key = secrets.token_bytes(KEY_BYTES)
    wrapped = unit.keyring.key(key_id).wrap(key, subject_key(customer))
    unit.add(SUBJECT_KEYS.made, {"customer": customer, "key_id": key_id, "wrapped": as_bytea(wrapped)})
    unit.load(SUBJECT_KEY, (customer,), key)


def withhold(unit: Workspace, activity: str, customer: int | None, change: Change) -> dict[str, Any]:
    """What the record of an activity says of a change whose values are not for it; they are planned beside it."""
    told: dict[str, Any] = {"after": None, "before": None, "field": change.field, "kind": change.kind}
    for side, value in (("before", change.before), ("after", change.after)):
        if isinstance(value, PersonalValue):
            key = unit.get(SUBJECT_KEY, (customer,))
            assert key is not None, "take_key comes before a record of personal values"
            sealed = seal(key, activity, change.field, side, value.value)
            told[side] = {"$personal": sealed.commitment}
            row = {"activity": activity, "field": change.field, "side": side}
            unit.add(PERSONAL_VALUES.made, {**row, "ciphertext": as_bytea(sealed.ciphertext)})
    return told


_SUBJECT_KEY = "SELECT key_id, wrapped FROM subject_key WHERE customer = %s"
