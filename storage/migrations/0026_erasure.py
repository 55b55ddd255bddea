"""A person is erased: their customer says so for good, and what lies beside the log of them can be removed; what passes
a merge moves."""

from typing import Any

# Older servers would merge and close customers without their passes, and keep what is to be forgotten.
OLDEST_SERVER = 26

# What is empty stays empty, whatever our code has become. Not checked of what is there: nobody is erased yet.
CUSTOMER = """
ALTER TABLE customer ADD COLUMN erased_at timestamptz;
ALTER TABLE customer ADD CONSTRAINT erased_is_empty CHECK (
    erased_at IS NULL
    OR state IN ('CLOSED', 'MERGED') AND display_name || email || phone_number || language_code = ''
) NOT VALID;
CREATE FUNCTION refuse_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.erased_at IS NOT NULL THEN
        RAISE EXCEPTION 'a customer is erased for good' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF is_program_held(NEW.program) OR EXISTS (SELECT FROM held_customers() AS held WHERE held = NEW.id) THEN
        RAISE EXCEPTION 'a customer is not erased under a legal hold' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER erased_for_good BEFORE UPDATE OF erased_at ON customer FOR EACH ROW
    WHEN (OLD.erased_at IS DISTINCT FROM NEW.erased_at) EXECUTE FUNCTION refuse_erasure();
ALTER TABLE customer ENABLE ALWAYS TRIGGER erased_for_good;
"""

# How far the log was gone through of a customer that was erased, in the order of `activity_of_customer`: nothing lies
# beside what comes before (at_time, at_id). `person` is the customer that was named, into which it was merged.
ERASURE = """
CREATE TABLE erasure (
    customer bigint      PRIMARY KEY REFERENCES customer,
    person   bigint      NOT NULL REFERENCES customer,
    activity uuid        NOT NULL REFERENCES activity,
    at_time  timestamptz NOT NULL,
    at_id    uuid        NOT NULL,
    ended_at timestamptz
);
CREATE INDEX erasure_open ON erasure (person, customer) WHERE ended_at IS NULL;
"""

# Of customers that are erased, and of nobody else: whoever asks.
DOORS = """
CREATE FUNCTION forget_beside(ids uuid[]) RETURNS uuid[] LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    erased uuid[] := ARRAY(
        SELECT a.id FROM activity a JOIN customer c ON c.id = a.customer
        WHERE a.id = ANY(ids) AND c.erased_at IS NOT NULL
    );
    forgotten uuid[];
BEGIN
    WITH notes AS (
        DELETE FROM activity_note WHERE activity = ANY(erased) RETURNING activity
    ), personal AS (
        DELETE FROM personal_value WHERE activity = ANY(erased) RETURNING activity
    )
    SELECT array_agg(activity) INTO forgotten
    FROM (SELECT activity FROM notes UNION SELECT activity FROM personal) AS f;
    RETURN coalesce(forgotten, '{}');
END $$;
CREATE FUNCTION forget_keys(customers bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    DELETE FROM subject_key k USING customer c
    WHERE k.customer = ANY(customers) AND c.id = k.customer AND c.erased_at IS NOT NULL
$$;
REVOKE ALL ON FUNCTION forget_beside FROM PUBLIC;
REVOKE ALL ON FUNCTION forget_keys FROM PUBLIC;
"""

# Whoever calls a door could otherwise put tables of its own in the place of ours.
PATHS = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['forget_beside(uuid[])', 'forget_keys(bigint[])', 'refuse_erasure()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
"""

# Of a pass that was forgotten only its row is left, which phones are told of that still ask.
PASSES = """
ALTER TABLE pass ADD COLUMN forgotten_at timestamptz;
CREATE INDEX pass_to_forget ON pass (erased_at) WHERE erased_at IS NOT NULL AND forgotten_at IS NULL;
ALTER TABLE merge_belonging DROP CONSTRAINT merge_belonging_noun_check, ADD CHECK (
    noun IN ('COUPON', 'REDEMPTION', 'CLAIM', 'PASS')
) NOT VALID;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the table, the columns and the doors."""
    for part in (CUSTOMER, ERASURE, DOORS, PATHS, PASSES):
        db.connection().execute(part)
