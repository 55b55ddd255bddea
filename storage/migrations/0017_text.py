"""By which words activities are found: filled behind the writers, and made anew from the log at any time."""

from typing import Any

# Older servers do not look for words.
OLDEST_SERVER = 11

# Words as their digests, positions in blocks (storage/activity/postings.py). Those of a segment stand together: only
# the newest is written to. Program 0: of none.
WORDS = """
CREATE TABLE activity_word (
    word       bigint   NOT NULL,
    segment    integer  NOT NULL,
    program    integer  NOT NULL,
    block      smallint NOT NULL,
    places     bytea    NOT NULL,
    PRIMARY KEY (segment, program, word, block)
) WITH (fillfactor = 90);
ALTER TABLE activity_word ALTER places SET STORAGE PLAIN;
"""

# When what stands in a block was recorded.
BLOCKS = """
CREATE TABLE activity_block (
    block             integer     PRIMARY KEY,
    first_recorded_at timestamptz NOT NULL,
    last_recorded_at  timestamptz NOT NULL
);
"""

# What was committed by then, the follower has taken.
COMPLETE = "ALTER TABLE activity_follower ADD COLUMN complete_at timestamptz"


def up(migrator: Any, db: Any) -> None:
    """Makes the tables."""
    for part in (WORDS, BLOCKS, COMPLETE):
        db.connection().execute(part)
