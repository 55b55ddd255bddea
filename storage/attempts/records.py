"""Failures, or calls, of one key in one window of time (rules/limiting.py). `key` is a digest that tells of nobody."""

from storage.engine.records import Record

# `closed_by` is the server process that records that the limit was reached: the first that said so.
ATTEMPTS: Record[None] = Record(
    "attempt",
    None,
    key={"key": "bytea", "window_at": "timestamptz"},
    apart={"failures": "integer", "closed_by": "bigint?"},
)
