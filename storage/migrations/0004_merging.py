"""Merging: what moved from one customer to another, by which act, and what undid it.

Append-only: a merge is undone by another act, never forgotten. Lots, holds and shortfalls keep their rows on both
sides; this says which became which.
"""

from typing import Any

# No server older than this was ever released.
OLDEST_SERVER = 4

MERGES = """
CREATE TABLE customer_merge (
    activity        uuid        PRIMARY KEY REFERENCES activity,
    program         integer     NOT NULL REFERENCES program,
    source          bigint      NOT NULL REFERENCES customer,
    target          bigint      NOT NULL REFERENCES customer,
    recorded_at     timestamptz NOT NULL,
    CHECK (source <> target)
);
CREATE INDEX customer_merge_of_source ON customer_merge (source);

CREATE TABLE customer_unmerge (
    activity        uuid        PRIMARY KEY REFERENCES activity,
    merge           uuid        NOT NULL UNIQUE REFERENCES customer_merge,
    recorded_at     timestamptz NOT NULL
);

CREATE TABLE merge_account (
    activity        uuid        NOT NULL REFERENCES customer_merge,
    source          bigint      NOT NULL REFERENCES account,
    target          bigint      NOT NULL REFERENCES account,
    target_version  bigint      NOT NULL,
    PRIMARY KEY (activity, source)
);

CREATE TABLE merge_part (
    activity        uuid        NOT NULL,
    source          bigint      NOT NULL,
    noun            text        NOT NULL CHECK (noun IN ('LOT', 'HOLD', 'SHORTFALL')),
    number          integer     NOT NULL,
    target_number   integer     NOT NULL,
    points          bigint      NOT NULL CHECK (points > 0),
    kind            text        NOT NULL,
    PRIMARY KEY (activity, source, noun, number),
    FOREIGN KEY (activity, source) REFERENCES merge_account
);
CREATE INDEX merge_part_of_source ON merge_part (source, number);

CREATE TABLE merge_slide (
    activity        uuid        NOT NULL,
    source          bigint      NOT NULL,
    policy_version  integer     NOT NULL,
    expires_before  timestamptz,
    PRIMARY KEY (activity, source, policy_version),
    FOREIGN KEY (activity, source) REFERENCES merge_account
);

CREATE TABLE merge_transaction (
    activity        uuid        NOT NULL,
    source          bigint      NOT NULL,
    program         integer     NOT NULL,
    transaction_id  text        NOT NULL,
    origin_account  bigint,
    lot             integer,
    refunds         integer     NOT NULL,
    PRIMARY KEY (activity, program, transaction_id),
    FOREIGN KEY (activity, source) REFERENCES merge_account,
    FOREIGN KEY (program, transaction_id) REFERENCES transaction
);
"""

# Finds whoever was merged into a customer: nobody, for nearly all of them.
CUSTOMERS = """
CREATE INDEX customer_merged_into ON customer (merged_into) WHERE merged_into IS NOT NULL;
"""

# points = remaining + written_off + moved + what was repaid, which only a DEBT ever is.
SHORTFALLS = """
ALTER TABLE shortfall ADD COLUMN moved bigint NOT NULL DEFAULT 0;
ALTER TABLE shortfall ADD CHECK (moved BETWEEN 0 AND points - remaining - written_off);
"""

# The last line: whatever a rule of ours forgot, nobody has points where nobody looks for them.
ACCOUNTS = """
ALTER TABLE account ADD CONSTRAINT merged_holds_nothing
    CHECK (state <> 'MERGED' OR (active = 0 AND pending = 0 AND debt = 0));
"""

GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only;
"""

APPEND_ONLY = (
    "customer_merge",
    "customer_unmerge",
    "merge_account",
    "merge_part",
    "merge_slide",
    "merge_transaction",
)


def up(migrator: Any, db: Any) -> None:
    """Makes every table, then their guards."""
    for part in (MERGES, CUSTOMERS, SHORTFALLS, ACCOUNTS):
        db.connection().execute(part)
    for table in APPEND_ONLY:
        db.connection().execute(GUARD.format(table=table))
