"""The activity log, and the one order of it. Append-only: the database refuses to remove a row, or to change one but by
dropping its body when its retention is over."""

from storage.engine.records import Record

# One act. `body` is the record, byte for byte, or after its retention null: then there is its hash, and by which
# activity it was dropped; the other columns are projections of it, for searching, and of an event
# what the customer's history shows of it: `subject` and `details`. `kind_event` is what it was to what it is about.
ACTIVITIES: Record[None] = Record(
    "activity",
    None,
    key={"id": "uuid"},
    beside={
        "program": "integer?",
        "customer": "bigint?",
        "occurred_at": "timestamptz",
        "action": "text",
        "category": "text",
        "type": "text",
        "source": "text",
        "module": "text?",
        "actor_type": "text",
        "actor": "text",
        "outcome": "text",
        "event": "text?",
        "points": "bigint?",
        "subject": "text?",
        "details": "json?",
        "kind_event": "text?",
        "body": "text?",
    },
    # The database fills them in: the number of the transaction, by which the order is found; what is left of a body.
    apart={"written_by": "bigint", "body_hash": "bytea?", "dropped_by": "uuid?"},
    recorded=True,
)

# What people wrote about it, beside the record: it may have to be forgotten.
NOTES: Record[None] = Record("activity_note", None, key={"activity": "uuid"}, beside={"note": "text"})

# Positions in the one order of the log, and how far it was found; written by statements of their own (positions.py).
POSITIONS: Record[None] = Record(
    "activity_place",
    None,
    key={"position": "bigint"},
    apart={"activity": "uuid", "program": "integer?", "customer": "bigint?"},
)

POSITIONED: Record[None] = Record(
    "activity_placed",
    None,
    key={"only_row": "boolean"},
    apart={"position": "bigint", "snapshot": "text", "system": "text"},
)

# How far those have come who make something of the log behind its writers (followers.py).
FOLLOWERS: Record[None] = Record(
    "activity_follower", None, key={"name": "text"}, apart={"position": "bigint", "complete_at": "timestamptz?"}
)

# By which words it is found (words.py).
WORDS: Record[None] = Record(
    "activity_word",
    None,
    key={"segment": "integer", "program": "integer", "word": "bigint", "block": "smallint"},
    apart={"places": "bytea"},
)
BLOCKS: Record[None] = Record(
    "activity_block",
    None,
    key={"block": "integer"},
    apart={"first_recorded_at": "timestamptz", "last_recorded_at": "timestamptz"},
)

# What is counted of it (rollup.py).
KINDS: Record[None] = Record(
    "activity_kind",
    None,
    key={"id": "integer"},
    apart={
        "action": "text",
        "kind_event": "text?",
        "category": "text",
        "type": "text",
        "module": "text?",
        "source": "text",
        "outcome": "text",
        "actor_type": "text",
    },
)
ROLLUPS: Record[None] = Record(
    "activity_rollup",
    None,
    key={"program": "integer", "day": "date", "kind": "integer"},
    apart={"counts": "integer[]"},
)

ActivityRow = ACTIVITIES.model
