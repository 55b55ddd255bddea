"""Bodies of the activity log are dropped when their retention is over; the row, and the hash of the body, stay.

The log itself refuses every other change, and a drop that is early, held, of what is kept for ever, or not announced:
whoever asks, and whatever our code has become.
"""

from typing import Any

# Older servers would fail where they show an activity without a body.
OLDEST_SERVER = 14

# What is kept beside an activity, by its id in a column `activity`, and goes with its body.
BESIDE = ("activity_note", "personal_value")

TABLES = """
CREATE TABLE retention (
    program     integer     PRIMARY KEY REFERENCES program,
    version     integer     NOT NULL,
    updated_at  timestamptz NOT NULL,
    activity    uuid        NOT NULL REFERENCES activity
);
-- In whole days of 24 hours; 0: for ever. What a program has no rule for is kept as retention_days says.
CREATE TABLE retention_rule (
    program     integer     NOT NULL REFERENCES program,
    category    text        NOT NULL,
    effect      text        NOT NULL CHECK (effect IN ('CHANGE', 'READ')),
    days        integer     NOT NULL CHECK (days BETWEEN 0 AND 36500),
    PRIMARY KEY (program, category, effect)
);
-- Everything before `until` was looked at, and is dropped unless it is held. Program 0: what is in no program.
CREATE TABLE retention_swept (
    program     integer     NOT NULL,
    category    text        NOT NULL,
    effect      text        NOT NULL,
    until       timestamptz NOT NULL,
    PRIMARY KEY (program, category, effect)
);
-- What was announced by an activity, and how far it is: behind (at_time, at_id) nothing was looked at yet. It is stale
-- where days were changed or a hold was lifted since: what it has passed over may be due by now.
CREATE TABLE retention_sweep (
    activity    uuid        PRIMARY KEY REFERENCES activity,
    program     integer     NOT NULL,
    cells       jsonb       NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    announced   bigint      NOT NULL,
    at_time     timestamptz NOT NULL,
    at_id       uuid        NOT NULL,
    dropped     bigint      NOT NULL DEFAULT 0,
    is_stale    boolean     NOT NULL DEFAULT false,
    ended_at    timestamptz
);
CREATE UNIQUE INDEX retention_sweep_open ON retention_sweep (program) WHERE ended_at IS NULL;
-- Of a program as a whole where it names no customer.
CREATE TABLE legal_hold (
    id            uuid        PRIMARY KEY,
    program       integer     NOT NULL REFERENCES program,
    customer      bigint      REFERENCES customer,
    reason_code   text        NOT NULL,
    placed_at     timestamptz NOT NULL,
    activity      uuid        NOT NULL REFERENCES activity,
    lifted_at     timestamptz,
    lift_activity uuid        REFERENCES activity
);
CREATE INDEX legal_hold_of_program ON legal_hold (program, placed_at, id);
"""

# The check is not made of the rows that are there: they have a body, and reading them all would stop the writers.
LOG = """
ALTER TABLE activity ALTER body DROP NOT NULL, ADD COLUMN body_hash bytea, ADD COLUMN dropped_by uuid;
ALTER TABLE activity ADD CONSTRAINT body_or_hash CHECK (
    CASE WHEN body IS NULL THEN body_hash IS NOT NULL AND dropped_by IS NOT NULL
    ELSE body_hash IS NULL AND dropped_by IS NULL END
) NOT VALID;
"""

# The same as rules/retention.py says; a test compares the two.
RULES = """
CREATE FUNCTION activity_effect(type text, outcome text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN outcome = 'SUCCEEDED' AND type NOT IN ('AUTH', 'ACCESS', 'SECURITY', 'COMPLIANCE', 'REPORT', 'EXPORT')
        THEN 'CHANGE' ELSE 'READ' END
$$;
CREATE FUNCTION is_kept_for_ever(action text, outcome text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT outcome = 'SUCCEEDED' AND action IN (
        'retention.announced', 'retention.dropped', 'retention.updated', 'legalhold.placed', 'legalhold.lifted'
    )
$$;
CREATE FUNCTION retention_days(category text, effect text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN category = 'SYSTEM' OR effect = 'READ' THEN 365 ELSE 0 END
$$;
"""

# A merge joins two customers into one person: what is held of the one is held of the other, whichever was named.
HELD = """
CREATE FUNCTION held_customers() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE held (customer) AS (
        SELECT customer FROM legal_hold WHERE lifted_at IS NULL AND customer IS NOT NULL
        UNION
        SELECT next.customer FROM held CROSS JOIN LATERAL (
            SELECT merged_into FROM customer WHERE id = held.customer AND merged_into IS NOT NULL
            UNION ALL
            SELECT id FROM customer WHERE merged_into = held.customer
        ) AS next (customer)
    )
    SELECT customer FROM held
$$;
CREATE FUNCTION is_program_held(program integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM legal_hold h WHERE h.program = $1 AND h.customer IS NULL AND h.lifted_at IS NULL
    )
$$;
"""

# One look at all rows of a statement. What may not change is compared as a whole, whatever columns there are one day.
GUARD = """
CREATE FUNCTION refuse_change_but_drop() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint := (SELECT count(*) FROM before);
    lawful bigint := (
        SELECT count(*) FROM before b JOIN after a USING (id)
        LEFT JOIN retention_rule r ON r.program = b.program AND r.category = b.category
             AND r.effect = activity_effect(b.type, b.outcome)
        CROSS JOIN LATERAL (
            SELECT coalesce(r.days, retention_days(b.category, activity_effect(b.type, b.outcome))) AS days
        ) AS kept
        JOIN retention_sweep s ON s.activity = a.dropped_by AND s.ended_at IS NULL
             AND s.program = coalesce(b.program, 0) AND b.recorded_at >= s.since AND b.recorded_at < s.until
        WHERE b.body IS NOT NULL AND a.body IS NULL AND a.body_hash = sha256(convert_to(b.body, 'UTF8'))
          AND to_jsonb(b) - '{body,body_hash,dropped_by}'::text[] = to_jsonb(a) - '{body,body_hash,dropped_by}'::text[]
          AND NOT is_kept_for_ever(b.action, b.outcome)
          AND kept.days > 0 AND b.recorded_at + make_interval(hours => 24 * kept.days) <= now()
          AND NOT EXISTS (SELECT FROM held_customers() AS held WHERE held = b.customer)
          AND NOT is_program_held(b.program)
    );
BEGIN
    IF lawful <> changed THEN
        RAISE EXCEPTION '% is append-only: % is refused; retention drops what is due, not held, and announced',
            TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER append_only ON activity;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON activity
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE activity ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER only_dropped AFTER UPDATE ON activity REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_drop();
ALTER TABLE activity ENABLE ALWAYS TRIGGER only_dropped;
"""

# Whoever places a hold or changes the retention has the program's row in hand: they wait for a drop, which may no
# longer know of them, and the next one sees what they did.
DOOR = """
CREATE FUNCTION drop_bodies(announced_by uuid, ids uuid[]) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    dropped integer;
BEGIN
    PERFORM FROM program WHERE id IN (SELECT program FROM activity WHERE id = ANY(ids)) FOR SHARE;
    UPDATE activity SET body = NULL, body_hash = sha256(convert_to(body, 'UTF8')), dropped_by = announced_by
    WHERE id = ANY(ids) AND body IS NOT NULL;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    {beside}
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION drop_bodies FROM PUBLIC;
"""

# Whoever calls the door could otherwise put tables of its own in the place of ours. The schema is where they are.
PATHS = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['drop_bodies(uuid, uuid[])', 'refuse_change_but_drop()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the tables, lets the log lose bodies, and guards it anew."""
    beside = "\n    ".join(f"DELETE FROM {table} WHERE activity = ANY(ids);" for table in BESIDE)  # noqa: S608
    for part in (TABLES, LOG, RULES, HELD, GUARD, DOOR.replace("{beside}", beside), PATHS):
        db.connection().execute(part)
