"""What programs say of retention, what is held, and how far the sweep is."""

from storage.engine.records import Record

# Of a program that ever changed it; the number of its version is what etags are made of.
RETENTIONS: Record[None] = Record(
    "retention",
    None,
    key={"program": "integer"},
    changes=["version", "updated_at", "activity"],
    beside={"version": "integer", "updated_at": "timestamptz", "activity": "uuid"},
)

# The days that a program gave.
RULES: Record[None] = Record(
    "retention_rule",
    None,
    key={"program": "integer", "category": "text", "effect": "text"},
    changes=["days"],
    beside={"days": "integer"},
)

# Contents are kept while a hold on their customer or their program is not lifted.
LEGAL_HOLDS: Record[None] = Record(
    "legal_hold",
    None,
    key={"id": "uuid"},
    changes=["lifted_at", "lift_activity"],
    beside={
        "program": "integer",
        "customer": "bigint?",
        "reason_code": "text",
        "placed_at": "timestamptz",
        "activity": "uuid",
        "lifted_at": "timestamptz?",
        "lift_activity": "uuid?",
    },
)

# How far the sweep has looked, and what it has in hand; written by statements of their own (sweep.py).
SWEPT: Record[None] = Record(
    "retention_swept",
    None,
    key={"program": "integer", "category": "text", "effect": "text"},
    apart={"until": "timestamptz"},
)
SWEEPS: Record[None] = Record(
    "retention_sweep",
    None,
    key={"activity": "uuid"},
    apart={
        "program": "integer",
        "cells": "jsonb",
        "since": "timestamptz",
        "until": "timestamptz",
        "announced": "bigint",
        "at_time": "timestamptz",
        "at_id": "uuid",
        "dropped": "bigint",
        "is_stale": "boolean",
        "ended_at": "timestamptz?",
    },
)

RetentionRow = RETENTIONS.model
RuleRow = RULES.model
LegalHoldRow = LEGAL_HOLDS.model
