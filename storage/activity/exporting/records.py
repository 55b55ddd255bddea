"""What workers know of an export that they write into a file."""

from storage.engine.records import Record

# What was asked, which may name persons and is forgotten at the end; where the file ends, of which `upto` is there once
# the set is fixed; how far it is. Written by statements of their own (operations.py).
EXPORTS: Record[None] = Record(
    "activity_export",
    None,
    key={"operation": "uuid"},
    apart={
        "asked": "jsonb?",
        "upto": "bigint?",
        "before": "timestamptz",
        "after_at": "timestamptz?",
        "after_id": "uuid?",
        "rows": "bigint",
        "bytes": "bigint",
    },
)
