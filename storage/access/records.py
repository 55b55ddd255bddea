"""Callers and their keys. A key's secret is never stored, only its SHA-256."""

from storage.engine.records import Record

# Who may call: `program` is the internal id of the only program it sees, or null for all.
CALLERS: Record[None] = Record(
    "caller",
    None,
    key={"id": "text"},
    beside={
        "type": "text",
        "name": "text",
        "role": "text",
        "program": "integer?",
        "created_at": "timestamptz",
        "activity": "uuid",
    },
)

API_KEYS: Record[None] = Record(
    "api_key",
    None,
    key={"id": "text"},
    changes=["revoked_at"],
    beside={
        "caller": "text",
        "secret_hash": "bytea",
        "created_at": "timestamptz",
        "expires_at": "timestamptz?",
        "revoked_at": "timestamptz?",
        "activity": "uuid",
    },
)

# Random values that all server processes share.
SERVER_SECRETS: Record[None] = Record("server_secret", None, key={"name": "text"}, beside={"value": "bytea"})

CallerRow = CALLERS.model
ApiKeyRow = API_KEYS.model
ServerSecretRow = SERVER_SECRETS.model
