-- Locks vouchers, in the order of their programs' public ids and their codes; answers those that were passed over.
CREATE FUNCTION lock_voucher(wanted json, waits boolean) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    one record; passed_over json[];
BEGIN
    FOR one IN
        SELECT p.id AS program, k ->> 1 AS code, k AS key
        FROM json_array_elements(wanted) AS k JOIN program p ON p.program_id = k ->> 0 ORDER BY p.program_id, k ->> 1
    LOOP
        IF waits THEN
            PERFORM FROM voucher WHERE program = one.program AND code = one.code FOR NO KEY UPDATE;
        ELSE
            PERFORM FROM voucher WHERE program = one.program AND code = one.code FOR NO KEY UPDATE SKIP LOCKED;
            IF NOT FOUND AND EXISTS (SELECT FROM voucher WHERE program = one.program AND code = one.code) THEN
                passed_over := passed_over || one.key;
            END IF;
        END IF;
    END LOOP;
    RETURN coalesce(array_to_json(passed_over), '[]');
END $$;

-- The same, read.
CREATE FUNCTION load_voucher(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    vouchers json;
BEGIN
    SELECT json_agg(json_build_array(v.program, v.code, json_build_array({voucher v}))) INTO vouchers
    FROM json_array_elements(wanted) AS k
    JOIN program p ON p.program_id = k ->> 0
    JOIN voucher v ON v.program = p.id AND v.code = k ->> 1;
    RETURN vouchers;
END $$;
