"""What is under approval, what was asked for, and who decided."""

from storage.engine.records import Record

# By a program's internal id, 0 for what is in none: which methods any rule of it is about (storage/engine/stands.py).
STANDS: Record[None] = Record(
    "approval_stand",
    None,
    key={"scope": "integer"},
    changes=["version", "methods"],
    beside={"version": "bigint", "methods": "jsonb"},
)

RULES: Record[None] = Record(
    "approval_rule",
    None,
    key={"id": "integer"},
    changes=[
        *("methods", "amount_field", "above", "day_sum_above", "paths", "approvers", "role", "expires_after_hours"),
        *("begins_as_draft", "version", "updated_at", "deleted_at", "activity"),
    ],
    beside={
        "program": "integer?",
        "rule_id": "text",
        "methods": "jsonb",
        "amount_field": "text",
        "above": "bigint?",
        "day_sum_above": "bigint?",
        "paths": "jsonb",
        "approvers": "integer",
        "role": "text",
        "expires_after_hours": "integer",
        "begins_as_draft": "boolean",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "deleted_at": "timestamptz?",
        "activity": "uuid",
    },
)

# What callers did with nobody's approval under a rule about a day's sum, by their requests. `day` is the program's;
# `acted_for` is the user for whom `maker` acted.
USES: Record[None] = Record(
    "approval_use",
    None,
    key={"rule": "integer", "caller": "text", "method": "text", "request_id": "text"},
    apart={"maker": "text", "acted_for": "text", "day": "text", "amount": "bigint", "used_at": "timestamptz"},
)

# `sealed` is what was asked for (sealing.py), null once it has ended.
REQUESTS: Record[None] = Record(
    "approval_request",
    None,
    key={"id": "uuid"},
    changes=[
        *("state", "content_hash", "sealed", "needs", "version", "updated_at", "expires_at", "due_at"),
        *("ended_at", "approved_activity", "end_activity", "effect_activity", "failure_reason", "failure_message"),
    ],
    beside={
        "program": "integer?",
        "customer": "bigint?",
        "state": "text",
        "method": "text",
        "action": "text",
        "request_id": "text",
        "subject": "text",
        "customers": "jsonb",
        "figures": "jsonb",
        "roles": "jsonb",
        "content_hash": "bytea",
        "sealed": "bytea?",
        "maker": "text",
        "maker_user": "text",
        "maker_on_behalf_of": "text",
        "maker_permissions": "jsonb",
        "actor_type": "text",
        "source": "text",
        "reason_code": "text",
        "acting_user": "text",
        "needs": "jsonb",
        "expires_after_hours": "integer",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "expires_at": "timestamptz",
        "due_at": "timestamptz",
        "ended_at": "timestamptz?",
        "activity": "uuid",
        "approved_activity": "uuid?",
        "end_activity": "uuid?",
        "effect_activity": "uuid?",
        "failure_reason": "text",
        "failure_message": "text",
    },
)

# `person` is the user behind the caller.
DECISIONS: Record[None] = Record(
    "approval_decision",
    None,
    key={"request": "uuid", "activity": "uuid"},
    beside={
        "caller": "text",
        "person": "text",
        "on_behalf_of": "text",
        "decision": "text",
        "reason_code": "text",
        "decided_at": "timestamptz",
    },
)

# The key under which what was asked for lies sealed.
APPROVAL_KEYS: Record[None] = Record(
    "approval_key",
    None,
    key={"only_row": "boolean"},
    changes=["key_id", "wrapped"],
    beside={"key_id": "text", "wrapped": "bytea", "created_at": "timestamptz", "activity": "uuid"},
)

RuleRow = RULES.model
RequestRow = REQUESTS.model
DecisionRow = DECISIONS.model
