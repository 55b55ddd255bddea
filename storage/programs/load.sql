-- Programs with what their clocks show, with their settings where the version that is known is not the one in force, and
-- with what is under approval there, if anything is.
CREATE FUNCTION load_program(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    programs json;
BEGIN
    SELECT json_agg(json_build_array(
        p.id, p.version, p.test_clock_at,
        CASE WHEN p.version = (k ->> 1)::integer THEN NULL ELSE p.settings END,
        (
            SELECT json_build_array(p.program_id, s.version, s.methods)
            FROM approval_stand s WHERE s.scope = p.id AND s.methods <> '[]'
        )
    )) INTO programs
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL (SELECT * FROM program WHERE id = (k ->> 0)::integer OFFSET 0) AS p;
    RETURN programs;
END $$;
