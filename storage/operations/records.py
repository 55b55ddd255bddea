"""Operations, as they stand."""

from enum import StrEnum

from storage.engine.records import Record


class OperationKind(StrEnum):
    """What it does, in the words of the contract."""

    REDATE_LOTS = "REDATE_LOTS"
    EXPORT_ACTIVITIES = "EXPORT_ACTIVITIES"
    GENERATE_COUPONS = "GENERATE_COUPONS"
    ASSIGN_COUPONS = "ASSIGN_COUPONS"
    VOID_COUPONS = "VOID_COUPONS"


class OperationState(StrEnum):
    """RUNNING: workers take its steps. The others are ends."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


# `arguments` are what was asked, for its steps; `figures` what it has changed so far.
OPERATIONS: Record[None] = Record(
    "operation",
    None,
    key={"id": "uuid"},
    changes=["state", "accounts_done", "figures", "error", "updated_at", "ended_at", "end_activity"],
    beside={
        "program": "integer",
        "kind": "text",
        "subject": "text",
        "arguments": "jsonb",
        "settings_version": "integer",
        "actor_type": "text",
        "actor": "text",
        "source": "text",
        "reason_code": "text",
        "acting_user": "text",
        "state": "text",
        "accounts_done": "bigint",
        "accounts_total": "bigint",
        "figures": "jsonb",
        "error": "text?",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "ended_at": "timestamptz?",
        "activity": "uuid",
        "end_activity": "uuid?",
    },
)

# What each still has to go through, and whom to reach; written by statements of their own (accounts.py, customers.py).
OPERATION_ACCOUNTS: Record[None] = Record(
    "operation_account",
    None,
    key={"operation": "uuid", "account": "bigint"},
    apart={"lots": "integer", "lots_done": "integer", "is_changed": "boolean"},
)

OPERATION_CUSTOMERS: Record[None] = Record(
    "operation_customer",
    None,
    key={"operation": "uuid", "customer": "bigint"},
)

OperationRow = OPERATIONS.model
