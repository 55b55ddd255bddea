"""Facts that answers need, in rows and columns of their own: what was cancelled, written off and moved, and of an event
what its customer's history shows. Until now they stood in the bodies of the activity log alone.

What is there already is filled in from those bodies; nothing is lost, as long as none was dropped.
"""

from typing import Any

# Older servers would cancel, write off and move points without the rows that say so.
OLDEST_SERVER = 8

TABLES = """
CREATE TABLE cancellation (
    account        bigint      NOT NULL,
    lot            integer     NOT NULL,
    points         bigint      NOT NULL CHECK (points > 0),
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    activity       uuid        NOT NULL REFERENCES activity,
    PRIMARY KEY (account, lot, activity),
    FOREIGN KEY (account, lot) REFERENCES lot
);

CREATE TABLE write_off (
    account        bigint      NOT NULL,
    shortfall      integer     NOT NULL,
    points         bigint      NOT NULL CHECK (points > 0),
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    activity       uuid        NOT NULL REFERENCES activity,
    PRIMARY KEY (account, shortfall, activity),
    FOREIGN KEY (account, shortfall) REFERENCES shortfall
);

CREATE TABLE movement (
    source         bigint      NOT NULL,
    source_seq     bigint      NOT NULL,
    target         bigint      NOT NULL,
    target_seq     bigint      NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('TRANSFER', 'MERGE', 'UNMERGE')),
    PRIMARY KEY (source, source_seq),
    UNIQUE (target, target_seq),
    FOREIGN KEY (source, source_seq) REFERENCES entry,
    FOREIGN KEY (target, target_seq) REFERENCES entry,
    CHECK (source <> target)
);
"""

EVENTS = """
ALTER TABLE activity ADD COLUMN subject text, ADD COLUMN details json;
ALTER TABLE activity DISABLE TRIGGER append_only;
UPDATE activity SET subject = body::json ->> 'subject', details = body::json -> 'details' WHERE event IS NOT NULL;
ALTER TABLE activity ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE activity ADD CONSTRAINT event_is_told
    CHECK (event IS NULL OR (subject IS NOT NULL AND details IS NOT NULL));
"""

# A refund took from the lot that its purchase had in that account then: the last that was made before it.
CANCELLED_BY_REFUNDS = """
INSERT INTO cancellation (account, lot, points, occurred_at, recorded_at, activity)
SELECT r.account, l.number, r.pending, r.occurred_at, r.recorded_at, r.activity
FROM refund r CROSS JOIN LATERAL (
    SELECT lot.number FROM lot JOIN activity made ON made.id = lot.activity
    WHERE lot.account = r.account AND lot.transaction_id = r.transaction_id AND lot.cancelled > 0
          AND (made.recorded_at, made.id) <= (r.recorded_at, r.activity)
    ORDER BY lot.number DESC LIMIT 1
) AS l
WHERE r.pending > 0
"""

# All that is cancelled of a lot besides, but for what was while a merge had it away, went at once: with the first act
# after it was made that took points of it or of its purchase and was no refund. A correction tells before and after.
CANCELLED_BY_OTHERS = """
WITH away AS (
    SELECT p.source AS account, p.number AS lot, sum(t.cancelled) AS points
    FROM merge_part p
    JOIN merge_account m USING (activity, source)
    JOIN customer_unmerge u ON u.merge = p.activity
    JOIN lot t ON t.account = m.target AND t.number = p.target_number
    WHERE p.noun = 'LOT' GROUP BY p.source, p.number
), refunded AS (
    SELECT account, lot, sum(points) AS points FROM cancellation GROUP BY account, lot
), rest AS (
    SELECT l.account, l.number, l.transaction_id, l.activity,
           l.cancelled - coalesce(w.points, 0) - coalesce(r.points, 0) AS points
    FROM lot l
    LEFT JOIN away w ON w.account = l.account AND w.lot = l.number
    LEFT JOIN refunded r ON r.account = l.account AND r.lot = l.number
    WHERE l.cancelled > 0
)
INSERT INTO cancellation (account, lot, points, occurred_at, recorded_at, activity)
SELECT rest.account, rest.number, rest.points, act.occurred_at, act.recorded_at, act.id
FROM rest
JOIN account a ON a.id = rest.account
JOIN customer c ON c.id = a.customer
JOIN program p ON p.id = c.program
JOIN activity made ON made.id = rest.activity
CROSS JOIN LATERAL (
    SELECT * FROM activity e
    WHERE e.customer = c.id AND e.event IS NOT NULL AND (e.recorded_at, e.id) > (made.recorded_at, made.id)
          AND e.subject IN (
              format('programs/%s/customers/%s/accounts/%s/lots/%s', p.program_id, c.customer_id, a.card_id,
                     rest.number),
              format('programs/%s/customers/%s/transactions/%s', p.program_id, c.customer_id, rest.transaction_id)
          )
          AND (e.points < 0 OR json_typeof(e.details -> 'points') = 'array') AND e.details -> 'own_lot' IS NULL
    ORDER BY e.recorded_at, e.id LIMIT 1
) AS act
WHERE rest.points > 0
"""

# Of programs/…/customers/…/accounts/…/shortfalls/…
WRITTEN_OFF = """
INSERT INTO write_off (account, shortfall, points, occurred_at, recorded_at, activity)
SELECT a.id, split_part(e.subject, '/', 8)::integer, (e.details ->> 'points')::bigint, e.occurred_at, e.recorded_at,
       e.id
FROM activity e JOIN account a ON a.customer = e.customer AND a.card_id = split_part(e.subject, '/', 6)
WHERE e.event IS NOT NULL AND split_part(e.subject, '/', 7) = 'shortfalls'
"""

# Each side names the other, by its customer or its account of the same card. Between two accounts, points went in the
# order in which they came: both were locked.
MOVED = """
WITH leg AS (
    SELECT e.account, e.seq, e.kind, other.id AS other, d.is_return,
           row_number() OVER (PARTITION BY e.account, other.id, e.kind ORDER BY e.seq) AS turn
    FROM entry e
    JOIN account mine ON mine.id = e.account
    JOIN activity m ON m.id = e.activity
    CROSS JOIN LATERAL (
        SELECT coalesce(m.details ->> 'into', m.details ->> 'to', m.details ->> 'from') AS name,
               m.details -> 'merge' IS NOT NULL AS is_return
    ) AS d
    JOIN customer c ON c.program = e.program AND c.customer_id = split_part(d.name, '/', 4)
    JOIN account other ON other.customer = c.id AND other.card_id = mine.card_id
    WHERE e.kind IN ('TRANSFER_OUT', 'TRANSFER_IN', 'MERGE_OUT', 'MERGE_IN')
)
INSERT INTO movement (source, source_seq, target, target_seq, kind)
SELECT went.account, went.seq, came.account, came.seq,
       CASE WHEN went.kind = 'TRANSFER_OUT' THEN 'TRANSFER' WHEN went.is_return THEN 'UNMERGE' ELSE 'MERGE' END
FROM leg went JOIN leg came ON came.account = went.other AND came.other = went.account AND came.turn = went.turn
WHERE (went.kind, came.kind) IN (('TRANSFER_OUT', 'TRANSFER_IN'), ('MERGE_OUT', 'MERGE_IN'))
"""

GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes tables and columns, fills them in, then guards them."""
    for part in (TABLES, EVENTS, CANCELLED_BY_REFUNDS, CANCELLED_BY_OTHERS, WRITTEN_OFF, MOVED):
        db.connection().execute(part)
    for table in ("cancellation", "write_off", "movement"):
        db.connection().execute(GUARD.format(table=table))
