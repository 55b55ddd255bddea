"""Programs, and every version their settings ever had."""

from storage.engine.records import Record

# As it stands. `program_id` is its public id; `test_clock_at` is null where it is live. `partner` owns it.
PROGRAMS: Record[None] = Record(
    "program",
    None,
    key={"id": "integer"},
    changes=["version", "settings", "test_clock_at", "updated_at", "activity", "partner"],
    beside={
        "program_id": "text",
        "version": "integer",
        "settings": "jsonb",
        "test_clock_at": "timestamptz?",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "activity": "uuid",
        "partner": "integer?",
    },
)

# Settings as they were from one change to the next. Append-only.
PROGRAM_VERSIONS: Record[None] = Record(
    "program_version",
    None,
    key={"program": "integer", "version": "integer"},
    beside={"settings": "jsonb", "activity": "uuid"},
    recorded=True,
)

ProgramRow = PROGRAMS.model
ProgramVersionRow = PROGRAM_VERSIONS.model
