"""One word for one thing: the columns are called as the contract and the rules call them.

An entry that touches one lot, as nearly all do, says so itself: `split` keeps what the others took of each of their
lots, and the view `allocation` shows both. What servers ask of the database is in functions of their own from here on
(storage/engine/functions.py); those of the migrations before are gone.
"""

from typing import Any

# It renames what every older server writes to.
OLDEST_SERVER = 7

WORDS = """
ALTER TABLE lot RENAME COLUMN policy_version TO settings_version;
ALTER TABLE transaction RENAME COLUMN policy_version TO settings_version;
ALTER TABLE slide RENAME COLUMN policy_version TO settings_version;
ALTER TABLE slide RENAME TO sliding_expiry;
ALTER TABLE merge_slide RENAME COLUMN policy_version TO settings_version;
ALTER TABLE merge_slide RENAME TO merge_sliding_expiry;
ALTER TABLE account RENAME COLUMN slides TO sliding_expiries;
ALTER TABLE pin RENAME COLUMN place TO ordinal;
ALTER TABLE entry RENAME COLUMN active TO active_after;
ALTER TABLE entry RENAME COLUMN held TO held_after;
ALTER TABLE entry RENAME COLUMN debt TO debt_after;
"""

# The key is not checked for what is there: of all entries that are, none names a lot. The index reads them once.
SPLITS = """
ALTER TABLE allocation RENAME COLUMN place TO ordinal;
ALTER TABLE allocation RENAME TO split;
ALTER INDEX allocation_of_lot RENAME TO split_of_lot;
ALTER TABLE entry ADD COLUMN lot integer;
ALTER TABLE entry ADD FOREIGN KEY (account, lot) REFERENCES lot NOT VALID;
CREATE INDEX entry_of_lot ON entry (account, lot) WHERE lot IS NOT NULL;
CREATE VIEW allocation AS
    SELECT account, seq, lot, program, 0 AS ordinal, amount FROM entry WHERE lot IS NOT NULL
    UNION ALL SELECT account, seq, lot, program, ordinal, amount FROM split;
"""

# An account that was opened for a call that was refused is removed again: what refers to it is looked up each time.
REFERENCES = """
CREATE INDEX merge_account_of_source ON merge_account (source);
CREATE INDEX merge_account_of_target ON merge_account (target);
"""

FUNCTIONS = """
DROP FUNCTION load_group, lots_at_hand, due_after, own_lot;
CREATE TABLE sql_function (
    version      text        NOT NULL,
    name         text        NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (version, name)
);
"""


def up(migrator: Any, db: Any) -> None:
    """Renames, then drops."""
    for part in (WORDS, SPLITS, REFERENCES, FUNCTIONS):
        db.connection().execute(part)
