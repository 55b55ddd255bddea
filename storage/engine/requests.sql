-- The kept answers of requests.
CREATE FUNCTION load_request(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    requests json;
BEGIN
    SELECT json_agg(json_build_array(
        k ->> 0, k ->> 1, k ->> 2, json_build_array({request r})
    )) INTO requests
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL (
        SELECT content_hash, response FROM request
        WHERE caller = k ->> 0 AND method = k ->> 1 AND request_id = k ->> 2 OFFSET 0
    ) AS r;
    RETURN requests;
END $$;
