-- Keeps customers as they are, of [program, customer] by their public ids, while others may do the same; answers those
-- that somebody else is changing. An empty customer is the program alone, which nobody has to wait for.
CREATE FUNCTION lock_customer(wanted json, waits boolean) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    asked bigint[]; keys json[]; locked bigint[];
BEGIN
    SELECT array_agg(c.id ORDER BY c.id), array_agg(k ORDER BY c.id) INTO asked, keys
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL (SELECT id FROM program WHERE program_id = k ->> 0 OFFSET 0) AS p
    CROSS JOIN LATERAL (SELECT id FROM customer WHERE program = p.id AND customer_id = k ->> 1 OFFSET 0) AS c;
    IF waits THEN
        PERFORM id FROM customer WHERE id = ANY(asked) ORDER BY id FOR SHARE;
        RETURN '[]';
    END IF;
    locked := ARRAY(SELECT id FROM customer WHERE id = ANY(asked) FOR SHARE SKIP LOCKED);
    IF cardinality(locked) = coalesce(cardinality(asked), 0) THEN
        RETURN '[]';
    END IF;
    RETURN array_to_json(ARRAY(SELECT w.key FROM unnest(asked, keys) AS w(id, key) WHERE w.id <> ALL(locked)));
END $$;

-- The same, read: of each program that there is, what its clock shows, and its customer with the one that it was merged
-- into.
CREATE FUNCTION load_customer(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found json;
BEGIN
    SELECT json_agg(json_build_array(
        k ->> 0, k ->> 1, p.id, p.test_clock_at, c.id, c.state,
        (SELECT customer_id FROM customer WHERE id = c.merged_into)
    )) INTO found
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL (SELECT id, test_clock_at FROM program WHERE program_id = k ->> 0 OFFSET 0) AS p
    LEFT JOIN LATERAL (
        SELECT id, state, merged_into FROM customer WHERE program = p.id AND customer_id = k ->> 1 OFFSET 0
    ) AS c ON true;
    RETURN found;
END $$;
