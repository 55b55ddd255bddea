-- Templates of passes by keys [program, template], both public.
CREATE FUNCTION load_pass_template(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found json;
BEGIN
    SELECT json_agg(json_build_array(k, json_build_array(
        t.id, t.template_id, t.display_name, t.design ->> 'kind', coalesce(t.design ->> 'campaign_id', ''), t.archived
    ))) INTO found
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL (SELECT id FROM program WHERE program_id = k ->> 0 OFFSET 0) AS p
    CROSS JOIN LATERAL (
        SELECT * FROM pass_template WHERE pass_template.program = p.id AND template_id = k ->> 1 OFFSET 0
    ) AS t;
    RETURN found;
END $$;
