-- Programs with what their clocks show, and with their settings where the version that is known is not the one in force.
CREATE FUNCTION load_program(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    programs json;
BEGIN
    SELECT json_agg(json_build_array(
        p.id, p.version, p.test_clock_at,
        CASE WHEN p.version = (k ->> 1)::integer THEN NULL ELSE p.settings END
    )) INTO programs
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL (SELECT * FROM program WHERE id = (k ->> 0)::integer OFFSET 0) AS p;
    RETURN programs;
END $$;
