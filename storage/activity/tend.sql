-- What only the owner of an index may have done to it, done for the clock. The index is the one that is there when this
-- is installed, whatever is called so later.
CREATE FUNCTION summarize_activity() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT brin_summarize_new_values('activity_written_by'::regclass);
END;
