"""Personal values beside the log, and the keys that open them. Rows can be removed: that is how a person is erased."""

from storage.engine.records import Kind, Record

# The keys of the installation that open something here; the keys themselves stand in its file.
PERSONAL_KEYS: Record[None] = Record(
    "personal_key", None, key={"id": "text"}, beside={"created_at": "timestamptz", "activity": "uuid"}
)

# The key of a customer, wrapped under one of the installation.
SUBJECT_KEYS: Record[None] = Record(
    "subject_key",
    None,
    key={"customer": "bigint"},
    changes=["key_id", "wrapped"],
    beside={"key_id": "text", "wrapped": "bytea"},
)

# The same as a transaction has it in hand: unwrapped.
SUBJECT_KEY: Kind[bytes] = Kind("subject key")

# The key of coupon codes, wrapped likewise (storage/coupons/keys.py).
CODE_KEYS: Record[None] = Record(
    "code_key",
    None,
    key={"only_row": "boolean"},
    changes=["key_id", "wrapped"],
    beside={"key_id": "text", "wrapped": "bytea", "created_at": "timestamptz", "activity": "uuid"},
)

# What a field of an activity was before or after it.
PERSONAL_VALUES: Record[None] = Record(
    "personal_value", None, key={"activity": "uuid", "field": "text", "side": "text"}, beside={"ciphertext": "bytea"}
)


def as_bytea(value: bytes) -> str:
    """Bytes, as a row that is written has them."""
    return f"\\x{value.hex()}"
