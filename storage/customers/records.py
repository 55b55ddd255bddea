"""Customers, and what other systems call them. Everything about a person stands in these two tables only."""

from storage.engine.records import Record

# A member of one program; `customer_id` is the public id. `merged_into` is null where it is itself.
CUSTOMERS: Record[None] = Record(
    "customer",
    None,
    key={"id": "bigint"},
    changes=[
        "state",
        "merged_into",
        "display_name",
        "email",
        "phone_number",
        "language_code",
        "version",
        "updated_at",
        "activity",
        "erased_at",
    ],
    beside={
        "program": "integer",
        "customer_id": "text",
        "state": "text",
        "merged_into": "bigint?",
        "display_name": "text",
        "email": "text",
        "phone_number": "text",
        "language_code": "text",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "activity": "uuid",
        "erased_at": "timestamptz?",
    },
)

# One id of a customer in another system; taken once in a program.
EXTERNAL_IDS: Record[None] = Record(
    "customer_external_id",
    None,
    key={"program": "integer", "source": "text", "external_id": "text"},
    beside={"customer": "bigint"},
)

CustomerRow = CUSTOMERS.model
ExternalIdRow = EXTERNAL_IDS.model

# What a merge moved, and what undid it; which became which. Append-only.
MERGES: Record[None] = Record(
    "customer_merge",
    None,
    key={"activity": "uuid"},
    beside={"program": "integer", "source": "bigint", "target": "bigint"},
    recorded=True,
)

UNMERGES: Record[None] = Record(
    "customer_unmerge", None, key={"activity": "uuid"}, beside={"merge": "uuid"}, recorded=True
)

MERGED_ACCOUNTS: Record[None] = Record(
    "merge_account",
    None,
    key={"activity": "uuid", "source": "bigint"},
    beside={"target": "bigint", "target_version": "bigint"},
)

MERGED_PARTS: Record[None] = Record(
    "merge_part",
    None,
    key={"activity": "uuid", "source": "bigint", "noun": "text", "number": "integer"},
    beside={"target_number": "integer", "points": "bigint", "kind": "text"},
)

MERGED_SLIDING_EXPIRIES: Record[None] = Record(
    "merge_sliding_expiry",
    None,
    key={"activity": "uuid", "source": "bigint", "settings_version": "integer"},
    beside={"expires_before": "timestamptz?"},
)

# Written by a statement of its own, from what stands in the books.
MERGED_TRANSACTIONS: Record[None] = Record(
    "merge_transaction",
    None,
    key={"activity": "uuid", "program": "integer", "transaction_id": "text"},
    apart={"source": "bigint", "origin_account": "bigint?", "lot": "integer?", "refunds": "integer"},
)

# Written by statements of their own, from what stands in the books: coupons and what is like them.
MERGED_BELONGINGS: Record[None] = Record(
    "merge_belonging",
    None,
    key={"activity": "uuid", "noun": "text", "id": "uuid"},
    apart={"state": "text?"},
)

# How far the log was gone through of a customer that was erased; by statements of their own (forgetting.py).
ERASURES: Record[None] = Record(
    "erasure",
    None,
    key={"customer": "bigint"},
    apart={
        "person": "bigint",
        "activity": "uuid",
        "at_time": "timestamptz",
        "at_id": "uuid",
        "ended_at": "timestamptz?",
    },
)

ErasureRow = ERASURES.model
