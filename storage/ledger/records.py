"""What the books keep of the ledger, each noun once: its key, its value, which columns may change, what is beside."""

from datetime import datetime
from typing import NamedTuple

from rules.accounts import Account, Entry, Hold, Lot, Shortfall
from rules.refunds import Spending
from rules.transactions import Purchase
from storage.engine.records import Kind, Record

_OF_ACCOUNT = {"account": "bigint", "number": "integer"}
_MADE_BY = {"program": "integer", "activity": "uuid"}


class SlidingExpiry(NamedTuple):
    """The end that lots of one settings version share in an account."""

    expires_at: datetime


class LoadedPurchase(NamedTuple):
    """A purchase in the books, by which account, and the number and term of its lot there.

    `origin_account` is where its lot was made, where that is another; `activity` recorded it.
    """

    purchase: Purchase
    account: int
    origin_account: int | None
    activity: str
    lot: int | None
    activates_at: datetime | None
    expires_at: datetime | None


ACCOUNTS = Record(
    "account",
    Account,
    key={"id": "bigint"},
    changes=set(Account._fields) - {"state"},
    beside={"program": "integer", "customer": "bigint", "card_id": "text"},
)

SLIDING_EXPIRIES = Record(
    "sliding_expiry",
    SlidingExpiry,
    key={"account": "bigint", "settings_version": "integer"},
    changes=["expires_at"],
)

LOTS = Record(
    "lot",
    Lot,
    key=_OF_ACCOUNT,
    changes=["state", "remaining", "held", "cancelled", "activates_at", "expires_at", "slides", "awaits"],
    beside=_MADE_BY,
)

# An entry that touches one lot says which; of one that touches several, each has a split.
ENTRIES: Record[Entry] = Record(
    "entry",
    Entry,
    key={"account": "bigint", "seq": "bigint"},
    beside={**_MADE_BY, "lot": "integer?"},
    elsewhere={
        "allocations": "CASE WHEN {0}.lot IS NOT NULL THEN json_build_array(json_build_array({0}.lot, {0}.amount))"
        " ELSE (SELECT json_agg(json_build_array(split.lot, split.amount) ORDER BY ordinal) FROM split"
        " WHERE split.account = {0}.account AND split.seq = {0}.seq) END"
    },
    recorded=True,
)

SPLITS: Record[None] = Record(
    "split",
    None,
    key={"account": "bigint", "seq": "bigint", "lot": "integer"},
    beside={"program": "integer", "ordinal": "integer", "amount": "bigint"},
)

TRANSACTIONS: Record[LoadedPurchase] = Record(
    "transaction",
    Purchase,  # type: ignore[arg-type]
    key={"program": "integer", "transaction_id": "text"},
    changes=[
        "origin_account",
        "amount_minor",
        "currency_code",
        "lines",
        "points",
        "lot",
        "decided",
        "accepts_at",
        "refunds",
        "refunded_minor",
        "refunded_points",
        "refunded_lines",
        "first_content",
    ],
    beside={"activity": "uuid"},
    recorded=True,
    in_hand=LoadedPurchase,
    also={"account": "bigint", "origin_account": "bigint?"},
)

REFUNDS: Record[None] = Record(
    "refund",
    None,
    key={"program": "integer", "transaction_id": "text", "number": "integer"},
    beside={
        "account": "bigint",
        "amount_minor": "bigint",
        "lines": "jsonb?",
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

# What it took stands in its entry.
SPENDINGS = Record(
    "spending",
    Spending,
    key={"account": "bigint", "seq": "bigint"},
    changes=["rolled_back", "restored"],
    beside={**_MADE_BY, "reference": "text"},
    elsewhere={
        "allocations": "(SELECT json_agg(json_build_array(a.lot, a.amount) ORDER BY a.ordinal) FROM allocation a"
        " WHERE a.account = {0}.account AND a.seq = {0}.seq)"
    },
)

HOLDS = Record(
    "hold",
    Hold,
    key=_OF_ACCOUNT,
    changes=["state", "captured", "ended_at", "entry"],
    beside=_MADE_BY,
    elsewhere={
        "pins": "(SELECT json_agg(json_build_array(pin.lot, pin.points) ORDER BY pin.ordinal) FROM pin"
        " WHERE pin.account = {0}.account AND pin.hold = {0}.number)"
    },
)

PINS: Record[None] = Record(
    "pin",
    None,
    key={"account": "bigint", "hold": "integer", "lot": "integer"},
    beside={"ordinal": "integer", "points": "bigint"},
)

SHORTFALLS = Record(
    "shortfall",
    Shortfall,
    key=_OF_ACCOUNT,
    changes=["remaining", "written_off", "ended_at"],
    beside=_MADE_BY,
    apart={"moved": "bigint"},
)

# The expiry that somebody gave to a lot, before and after.
REDATINGS: Record[None] = Record(
    "redating",
    None,
    key={"account": "bigint", "lot": "integer", "activity": "uuid"},
    beside={"before": "timestamptz?", "after": "timestamptz?"},
    recorded=True,
)

# Accounts that a sweep could not settle, since when, why, and when it tries again.
SET_ASIDE: Record[None] = Record(
    "set_aside",
    None,
    key={"account": "bigint"},
    apart={
        "program": "integer",
        "since": "timestamptz",
        "error": "text",
        "tries": "integer",
        "retry_at": "timestamptz",
    },
)

# Points of a pending lot that were taken back.
CANCELLATIONS: Record[None] = Record(
    "cancellation",
    None,
    key={"account": "bigint", "lot": "integer", "activity": "uuid"},
    beside={"points": "bigint", "occurred_at": "timestamptz"},
    recorded=True,
)

# Points of a shortfall that were given up.
WRITE_OFFS: Record[None] = Record(
    "write_off",
    None,
    key={"account": "bigint", "shortfall": "integer", "activity": "uuid"},
    beside={"points": "bigint", "occurred_at": "timestamptz"},
    recorded=True,
)

# Two entries that are one movement of active points.
MOVEMENTS: Record[None] = Record(
    "movement",
    None,
    key={"source": "bigint", "source_seq": "bigint"},
    beside={"target": "bigint", "target_seq": "bigint", "kind": "text"},
)

# By noun, for the functions in load.sql.
COLUMNS = {
    record.table: record.select
    for record in (ACCOUNTS, SLIDING_EXPIRIES, LOTS, TRANSACTIONS, SPENDINGS, HOLDS, SHORTFALLS)
}

# When time next changes what was not read of an account's lots. Never written.
REST_DUE: Kind[datetime | None] = Kind("rest_due")
