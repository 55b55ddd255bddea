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
        "revoked": "bigint",
        "moved": "bigint",
        "version": "bigint",
        "lots": "integer",
        "entries": "bigint",
        "holds": "integer",
        "shortfalls": "integer",
        "sliding_expiries": "integer",
        "due_at": "timestamptz",
    },
    keys=("id",),
)

NEW_TRANSACTIONS = RowSet(
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
        "settings_version": "integer",
        "occurred_at": "timestamptz",
        "decided": "text",
        "accepts_at": "timestamptz",
        "refunds": "integer",
        "refunded_minor": "bigint",
        "refunded_points": "bigint",
        "refunded_lines": "jsonb",
        "activity": "uuid",
    },
    recorded=True,
)

CHANGED_TRANSACTIONS = RowSet(
    "transaction",
    {
        "program": "integer",
        "transaction_id": "text",
        "origin_account": "bigint",
        "amount_minor": "bigint",
        "currency_code": "text",
        "lines": "jsonb",
        "points": "bigint",
        "lot": "integer",
        "decided": "text",
        "accepts_at": "timestamptz",
        "refunds": "integer",
        "refunded_minor": "bigint",
        "refunded_points": "bigint",
        "refunded_lines": "jsonb",
    },
    keys=("program", "transaction_id"),
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
        "held": "bigint",
        "cancelled": "bigint",
        "activates_at": "timestamptz",
        "expires_at": "timestamptz",
        "slides": "boolean",
        "awaits": "text",
        "settings_version": "integer",
        "issued_at": "timestamptz",
        "transaction_id": "text",
        "origin": "integer",
        "origin_account": "bigint",
        "activity": "uuid",
    },
)

CHANGED_LOTS = RowSet(
    "lot",
    {
        "account": "bigint",
        "number": "integer",
        "state": "text",
        "remaining": "bigint",
        "held": "bigint",
        "cancelled": "bigint",
        "activates_at": "timestamptz",
        "expires_at": "timestamptz",
        "awaits": "text",
    },
    keys=("account", "number"),
)

NEW_SLIDING_EXPIRIES = RowSet(
    "sliding_expiry", {"account": "bigint", "settings_version": "integer", "expires_at": "timestamptz"}
)
CHANGED_SLIDING_EXPIRIES = RowSet("sliding_expiry", NEW_SLIDING_EXPIRIES.columns, keys=("account", "settings_version"))

ENTRIES = RowSet(
    "entry",
    {
        "account": "bigint",
        "seq": "bigint",
        "program": "integer",
        "kind": "text",
        "amount": "bigint",
        "active_after": "bigint",
        "held_after": "bigint",
        "debt_after": "bigint",
        "occurred_at": "timestamptz",
        "transaction_id": "text",
        "hold": "integer",
        "reverses": "bigint",
        "lot": "integer",
        "activity": "uuid",
    },
    recorded=True,
)

SPLITS = RowSet(
    "split",
    {
        "account": "bigint",
        "seq": "bigint",
        "lot": "integer",
        "program": "integer",
        "ordinal": "integer",
        "amount": "bigint",
    },
)

NEW_SPENDINGS = RowSet(
    "spending",
    {
        "account": "bigint",
        "seq": "bigint",
        "program": "integer",
        "points": "bigint",
        "rolled_back": "bigint",
        "restored": "bigint",
        "spent_at": "timestamptz",
        "transaction_id": "text",
        "reference": "text",
        "activity": "uuid",
    },
)

CHANGED_SPENDINGS = RowSet(
    "spending",
    {"account": "bigint", "seq": "bigint", "rolled_back": "bigint", "restored": "bigint"},
    keys=("account", "seq"),
)

NEW_HOLDS = RowSet(
    "hold",
    {
        "account": "bigint",
        "number": "integer",
        "program": "integer",
        "state": "text",
        "points": "bigint",
        "captured": "bigint",
        "expires_at": "timestamptz",
        "created_at": "timestamptz",
        "ended_at": "timestamptz",
        "entry": "bigint",
        "reference": "text",
        "transaction_id": "text",
        "activity": "uuid",
    },
)

CHANGED_HOLDS = RowSet(
    "hold",
    {
        "account": "bigint",
        "number": "integer",
        "state": "text",
        "captured": "bigint",
        "ended_at": "timestamptz",
        "entry": "bigint",
    },
    keys=("account", "number"),
)

PINS = RowSet(
    "pin", {"account": "bigint", "hold": "integer", "lot": "integer", "ordinal": "integer", "points": "bigint"}
)

REFUNDS = RowSet(
    "refund",
    {
        "program": "integer",
        "transaction_id": "text",
        "number": "integer",
        "account": "bigint",
        "amount_minor": "bigint",
        "lines": "jsonb",
        "points": "bigint",
        "pending": "bigint",
        "own_lot": "bigint",
        "other_lots": "bigint",
        "debt": "bigint",
        "shortfall": "bigint",
        "restored": "bigint",
        "policy": "text",
        "occurred_at": "timestamptz",
        "activity": "uuid",
    },
    recorded=True,
)

NEW_SHORTFALLS = RowSet(
    "shortfall",
    {
        "account": "bigint",
        "number": "integer",
        "program": "integer",
        "kind": "text",
        "points": "bigint",
        "remaining": "bigint",
        "written_off": "bigint",
        "created_at": "timestamptz",
        "ended_at": "timestamptz",
        "transaction_id": "text",
        "activity": "uuid",
    },
)

CHANGED_SHORTFALLS = RowSet(
    "shortfall",
    {
        "account": "bigint",
        "number": "integer",
        "remaining": "bigint",
        "written_off": "bigint",
        "ended_at": "timestamptz",
    },
    keys=("account", "number"),
)
