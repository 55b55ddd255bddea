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

-- What the writer must know of a group, in one round trip: each statement in here sees what was committed before it
-- began, so the clocks and answers are read after the locks are held. Accounts that somebody else has in hand are
-- passed over, or waited for where `patience_ms` is given; those that were passed over, and those that are only to be
-- looked at, are read as they stand. OFFSET 0: the keys lead, whatever the planner thought of a table when it was empty.
CREATE FUNCTION load_group(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    asked bigint[] := ARRAY(SELECT json_array_elements_text(wanted -> 'accounts')::bigint);
    locked bigint[]; read bigint[]; holding bigint[]; owing bigint[]; sliding bigint[];
    accounts json; clocks json; answers json; transactions json;
    holds json; spendings json; shortfalls json; slides json;
BEGIN
    IF wanted ->> 'patience_ms' IS NULL THEN
        locked := ARRAY(SELECT id FROM account WHERE id = ANY(asked) FOR NO KEY UPDATE SKIP LOCKED);
    ELSE
        PERFORM set_config('lock_timeout', wanted ->> 'patience_ms', true);
        locked := ARRAY(SELECT id FROM account WHERE id = ANY(asked) ORDER BY id FOR NO KEY UPDATE);
    END IF;
    read := asked || ARRAY(SELECT json_array_elements_text(wanted -> 'looked_at')::bigint);
    SELECT json_agg(json_build_array(
        a.id, a.pending, a.active, a.held, a.debt, a.earned, a.spent, a.expired, a.revoked, a.moved, a.version, a.lots,
        a.entries, a.holds, a.shortfalls, a.sliding_expiries, a.state, a.due_at
    )), array_agg(a.id) FILTER (WHERE a.held > 0), array_agg(a.id) FILTER (WHERE a.debt > 0),
        array_agg(a.id) FILTER (WHERE a.sliding_expiries > 0)
    INTO accounts, holding, owing, sliding
    FROM account a WHERE a.id = ANY(read);
    SELECT json_agg(json_build_array(
        p.id, p.version, p.test_clock_at, CASE WHEN p.version = (k ->> 1)::integer THEN NULL ELSE p.settings END
    )) INTO clocks
    FROM json_array_elements(wanted -> 'programs') AS k
    CROSS JOIN LATERAL (SELECT * FROM program WHERE id = (k ->> 0)::integer OFFSET 0) AS p;
    SELECT json_agg(json_build_array(
        k ->> 0, k ->> 1, k ->> 2, encode(r.content_hash, 'hex'), r.response
    )) INTO answers
    FROM json_array_elements(wanted -> 'requests') AS k
    CROSS JOIN LATERAL (
        SELECT content_hash, response FROM request
        WHERE caller = k ->> 0 AND method = k ->> 1 AND request_id = (k ->> 2)::uuid OFFSET 0
    ) AS r;
    SELECT json_agg(json_build_array(
        k ->> 0, k ->> 1, t.account, t.origin_account, t.activity, t.amount_minor, t.currency_code, t.lines, t.points,
        t.lot, t.settings_version, t.occurred_at, t.decided, t.accepts_at, t.refunds, t.refunded_minor,
        t.refunded_points, t.refunded_lines, l.number, l.activates_at, l.expires_at
    )) INTO transactions
    FROM json_array_elements(wanted -> 'transactions') AS k
    CROSS JOIN LATERAL (
        SELECT * FROM transaction
        WHERE transaction.program = (k ->> 0)::integer AND transaction.transaction_id = k ->> 1 OFFSET 0
    ) AS t
    LEFT JOIN LATERAL {own_lot}(t.account, t.origin_account, t.lot, t.transaction_id) AS l ON true;
    IF holding IS NOT NULL OR json_array_length(wanted -> 'holds') > 0 THEN
        SELECT json_agg(json_build_array(
            h.account, h.number, h.state, h.points, h.expires_at, h.created_at,
            (SELECT json_agg(json_build_array(pin.lot, pin.points) ORDER BY pin.ordinal) FROM pin
             WHERE pin.account = h.account AND pin.hold = h.number),
            h.captured, h.ended_at, h.entry, h.reference, h.transaction_id
        )) INTO holds
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
        SELECT json_agg(json_build_array(
            s.account, s.seq, s.points, s.rolled_back, s.restored, s.spent_at,
            (SELECT json_agg(json_build_array(a.lot, a.amount) ORDER BY a.ordinal) FROM allocation a
             WHERE a.account = s.account AND a.seq = s.seq),
            s.transaction_id
        )) INTO spendings
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
        SELECT json_agg(json_build_array(
            s.account, s.number, s.kind, s.points, s.remaining, s.created_at, s.transaction_id, s.written_off,
            s.ended_at
        )) INTO shortfalls
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
        SELECT json_agg(json_build_array(account, settings_version, expires_at)) INTO slides
        FROM sliding_expiry WHERE account = ANY(sliding);
    END IF;
    RETURN json_build_object('now', clock_timestamp(), 'accounts', accounts, 'locked', locked, 'clocks', clocks,
                             'answers', answers, 'transactions', transactions, 'holds', holds, 'spendings', spendings,
                             'shortfalls', shortfalls, 'sliding_expiries', slides);
END $$;
