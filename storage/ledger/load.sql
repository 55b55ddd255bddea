-- The lot of a purchase in the account that has it now. Where merges moved it, it is found through those that were made
-- of the first one, merge by merge; where a merge was undone and made again, the last of them counts. A transfer may
-- have brought other points of that same lot; those are of no purchase.
CREATE FUNCTION own_lot(holder bigint, made_in bigint, made_as integer, purchase text) RETURNS SETOF lot
LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
    IF made_in IS NULL THEN
        RETURN QUERY SELECT * FROM lot WHERE account = holder AND number = made_as;
    ELSE
        RETURN QUERY
            WITH RECURSIVE made AS (
                SELECT made_in AS account, made_as AS number
                UNION
                SELECT lot.account, lot.number
                FROM made JOIN lot ON lot.origin_account = made.account AND lot.origin = made.number
                WHERE lot.transaction_id = purchase
            )
            SELECT lot.* FROM made JOIN lot USING (account, number)
            WHERE lot.account = holder ORDER BY lot.number DESC LIMIT 1;
    END IF;
END $$;

-- The lots that a group needs of one account: all that time changes by `at`; of the others, in consumption order, the
-- first that hold `demand` free points; and those that are named. An account with ten thousand lots spends from a few:
-- every query has the shape of the index lot_active, also in what it need not say (expires_at IS NULL), so that none
-- reads or sorts more than it answers.
CREATE FUNCTION lots_at_hand(of bigint, at timestamptz, demand bigint, named integer[]) RETURNS SETOF lot
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found lot; wanted bigint := demand; version integer;
BEGIN
    RETURN QUERY SELECT * FROM lot WHERE account = of AND state = 'PENDING' AND activates_at <= at;
    RETURN QUERY SELECT * FROM lot WHERE account = of AND state = 'ACTIVE' AND expires_at <= at;
    RETURN QUERY
        SELECT lot.* FROM lot JOIN sliding_expiry USING (account, settings_version)
        WHERE lot.account = of AND lot.state = 'ACTIVE' AND lot.expires_at IS NULL AND lot.slides
        AND sliding_expiry.expires_at <= at;
    IF cardinality(named) > 0 THEN
        RETURN QUERY SELECT * FROM lot WHERE account = of AND number = ANY(named);
    END IF;
    IF demand > 0 THEN
        FOR found IN
            SELECT * FROM lot WHERE account = of AND state = 'ACTIVE' AND expires_at > at
            ORDER BY expires_at, activates_at, number
        LOOP
            EXIT WHEN wanted <= 0;
            RETURN NEXT found;
            wanted := wanted - (found.remaining - found.held);
        END LOOP;
        FOR version IN SELECT settings_version FROM sliding_expiry WHERE account = of AND expires_at > at LOOP
            wanted := demand;
            FOR found IN
                SELECT * FROM lot WHERE account = of AND state = 'ACTIVE' AND expires_at IS NULL
                AND slides AND settings_version = version ORDER BY expires_at, activates_at, number
            LOOP
                EXIT WHEN wanted <= 0;
                RETURN NEXT found;
                wanted := wanted - (found.remaining - found.held);
            END LOOP;
            wanted := demand;
        END LOOP;
        FOR found IN
            SELECT * FROM lot WHERE account = of AND state = 'ACTIVE' AND expires_at IS NULL AND NOT slides
            ORDER BY expires_at, activates_at, number
        LOOP
            EXIT WHEN wanted <= 0;
            RETURN NEXT found;
            wanted := wanted - (found.remaining - found.held);
        END LOOP;
    END IF;
END $$;

-- The next instant after `at` at which time changes anything of one account.
CREATE FUNCTION due_after(of bigint, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT least(
        (SELECT min(activates_at) FROM lot WHERE account = of AND state = 'PENDING' AND activates_at > at),
        (SELECT min(expires_at) FROM lot WHERE account = of AND state = 'ACTIVE' AND expires_at > at),
        (SELECT min(expires_at) FROM sliding_expiry WHERE account = of AND expires_at > at),
        (SELECT min(expires_at) FROM hold WHERE account = of AND state = 'ACTIVE' AND expires_at > at)
    )
$$;

-- Locks accounts, in the order of their ids; answers those that somebody else has in hand and that were passed over.
-- OFFSET 0, here and below: the keys lead, whatever the planner thought of a table when it was empty.
CREATE FUNCTION lock_account(wanted json, waits boolean) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    asked bigint[] := ARRAY(SELECT json_array_elements_text(wanted)::bigint);
    locked bigint[];
BEGIN
    IF waits THEN
        PERFORM id FROM account WHERE id = ANY(asked) ORDER BY id FOR NO KEY UPDATE;
        RETURN '[]';
    END IF;
    locked := ARRAY(SELECT id FROM account WHERE id = ANY(asked) FOR NO KEY UPDATE SKIP LOCKED);
    IF cardinality(locked) = cardinality(asked) THEN
        RETURN '[]';
    END IF;
    RETURN array_to_json(ARRAY(SELECT unnest(asked) EXCEPT SELECT unnest(locked)));
END $$;

-- Accounts, with what is open in them: holds, debts, and what sliding lots share; spendings, and other holds and
-- shortfalls, by their numbers; those spendings that paid for a purchase.
CREATE FUNCTION load_account(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    asked bigint[] := ARRAY(SELECT json_array_elements_text(wanted -> 'accounts')::bigint);
    holding bigint[]; owing bigint[]; sliding bigint[];
    accounts json; holds json; spendings json; shortfalls json; sliding_expiries json;
BEGIN
    SELECT json_agg(json_build_array(a.id, json_build_array({account a}))),
        array_agg(a.id) FILTER (WHERE a.held > 0), array_agg(a.id) FILTER (WHERE a.debt > 0),
        array_agg(a.id) FILTER (WHERE a.sliding_expiries > 0)
    INTO accounts, holding, owing, sliding
    FROM account a WHERE a.id = ANY(asked);
    IF holding IS NOT NULL OR json_array_length(wanted -> 'holds') > 0 THEN
        SELECT json_agg(json_build_array(h.account, h.number, json_build_array({hold h}))) INTO holds
        FROM (
            SELECT * FROM hold WHERE account = ANY(holding) AND state = 'ACTIVE'
            UNION
            SELECT named.* FROM json_array_elements(wanted -> 'holds') AS k
            CROSS JOIN LATERAL (
                SELECT * FROM hold WHERE account = (k ->> 0)::bigint AND number = (k ->> 1)::integer OFFSET 0
            ) AS named
        ) AS h;
    END IF;
    IF json_array_length(wanted -> 'spendings') > 0 OR json_array_length(wanted -> 'paid') > 0 THEN
        SELECT json_agg(json_build_array(s.account, s.seq, json_build_array({spending s}))) INTO spendings
        FROM (
            SELECT named.* FROM json_array_elements(wanted -> 'spendings') AS k
            CROSS JOIN LATERAL (
                SELECT * FROM spending WHERE account = (k ->> 0)::bigint AND seq = (k ->> 1)::bigint OFFSET 0
            ) AS named
            UNION
            SELECT paid.* FROM json_array_elements(wanted -> 'paid') AS k
            CROSS JOIN LATERAL (
                SELECT * FROM spending WHERE account = (k ->> 0)::bigint AND transaction_id = k ->> 1 OFFSET 0
            ) AS paid
        ) AS s;
    END IF;
    IF owing IS NOT NULL OR json_array_length(wanted -> 'shortfalls') > 0 THEN
        SELECT json_agg(json_build_array(s.account, s.number, json_build_array({shortfall s}))) INTO shortfalls
        FROM (
            SELECT * FROM shortfall WHERE account = ANY(owing) AND kind = 'DEBT' AND remaining > 0
            UNION
            SELECT named.* FROM json_array_elements(wanted -> 'shortfalls') AS k
            CROSS JOIN LATERAL (
                SELECT * FROM shortfall WHERE account = (k ->> 0)::bigint AND number = (k ->> 1)::integer OFFSET 0
            ) AS named
        ) AS s;
    END IF;
    IF sliding IS NOT NULL THEN
        SELECT json_agg(json_build_array(s.account, s.settings_version, json_build_array({sliding_expiry s})))
        INTO sliding_expiries
        FROM sliding_expiry s WHERE s.account = ANY(sliding);
    END IF;
    RETURN json_build_array(accounts, holds, spendings, shortfalls, sliding_expiries);
END $$;

-- Purchases, each with what recorded it, and the number and term of its lot where that is now.
CREATE FUNCTION load_transaction(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    transactions json;
BEGIN
    SELECT json_agg(json_build_array(
        t.program, t.transaction_id,
        json_build_array(
            json_build_array({transaction t}), t.account, t.origin_account, t.activity, l.number, l.activates_at,
            l.expires_at
        )
    )) INTO transactions
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL (
        SELECT * FROM transaction
        WHERE transaction.program = (k ->> 0)::integer AND transaction.transaction_id = k ->> 1 OFFSET 0
    ) AS t
    LEFT JOIN LATERAL {own_lot}(t.account, t.origin_account, t.lot, t.transaction_id) AS l ON true;
    RETURN transactions;
END $$;

-- Of each (account, instant, points, numbers) the lots that it needs, and when time changes the others.
CREATE FUNCTION load_lot(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    lots json; due json;
BEGIN
    SELECT json_agg(json_build_array(w.account, {due_after}(w.account, w.at))) INTO due
    FROM (SELECT (k ->> 0)::bigint AS account, (k ->> 1)::timestamptz AS at FROM json_array_elements(wanted) AS k) AS w;
    SELECT json_agg(json_build_array(l.account, l.number, json_build_array({lot l}))) INTO lots
    FROM json_array_elements(wanted) AS k
    CROSS JOIN LATERAL {lots_at_hand}(
        (k ->> 0)::bigint, (k ->> 1)::timestamptz, (k ->> 2)::bigint,
        ARRAY(SELECT json_array_elements_text(k -> 3)::integer)
    ) AS l;
    RETURN json_build_array(lots, due);
END $$;
