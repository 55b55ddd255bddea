"""The rows of the books, as sets: nothing here is written one row at a time."""

from storage.engine.sets import RowSet

ACCOUNTS = RowSet(
    "account",
    {
        "id": "bigint",
        "pending": "bigint",
        "active": "bigint",
        "held": "bigint",
        "debt": "bigint",
        "earned": "bigint",
        "spent": "bigint",
        "expired": "bigint",
        "version": "bigint",
        "lots": "integer",
        "entries": "bigint",
        "due_at": "timestamptz",
    },
    keys=("id",),
)

TRANSACTIONS = RowSet(
    "transaction",
    {
        "program": "integer",
        "transaction_id": "text",
        "account": "bigint",
        "amount_minor": "bigint",
        "currency_code": "text",
        "lines": "jsonb",
        "points": "bigint",
        "lot": "integer",
        "policy_version": "integer",
        "occurred_at": "timestamptz",
        "activity": "uuid",
    },
    recorded=True,
)

NEW_LOTS = RowSet(
    "lot",
    {
        "account": "bigint",
        "number": "integer",
        "program": "integer",
        "state": "text",
        "points": "bigint",
        "remaining": "bigint",
        "activates_at": "timestamptz",
        "expires_at": "timestamptz",
        "policy_version": "integer",
        "transaction_id": "text",
        "activity": "uuid",
    },
)

CHANGED_LOTS = RowSet(
    "lot",
    {"account": "bigint", "number": "integer", "state": "text", "remaining": "bigint"},
    keys=("account", "number"),
)

ENTRIES = RowSet(
    "entry",
    {
        "account": "bigint",
        "seq": "bigint",
        "program": "integer",
        "kind": "text",
        "amount": "bigint",
        "active": "bigint",
        "held": "bigint",
        "debt": "bigint",
        "occurred_at": "timestamptz",
        "transaction_id": "text",
        "activity": "uuid",
    },
    recorded=True,
)

ALLOCATIONS = RowSet(
    "allocation",
    {"account": "bigint", "seq": "bigint", "lot": "integer", "program": "integer", "amount": "bigint"},
)
