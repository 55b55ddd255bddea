-- Keeps customers to one at a time who counts what they used, by keys [program, customer, kind, …]. Answers the keys of those
-- whom somebody else has in hand; their internal ids stand in the setting fealty.holders_passed_over until the transaction
-- ends.
CREATE FUNCTION lock_holder(wanted json, waits boolean) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    class CONSTANT integer := 1129270351; -- `COUP`: of all that is locked by such numbers, these are customers' coupons
    asked bigint[]; missed bigint[]; passed_over json[];
BEGIN
    SELECT array_agg(DISTINCT c.id) INTO asked
    FROM (SELECT DISTINCT k ->> 0 AS program, k ->> 1 AS customer FROM json_array_elements(wanted) AS k) AS w
    CROSS JOIN LATERAL (SELECT id FROM program WHERE program_id = w.program OFFSET 0) AS p
    CROSS JOIN LATERAL (SELECT id FROM customer WHERE program = p.id AND customer_id = w.customer OFFSET 0) AS c;
    IF waits THEN
        PERFORM pg_advisory_xact_lock(class, w.number)
        FROM (SELECT DISTINCT (id % 2147483647)::integer AS number FROM unnest(asked) AS id ORDER BY 1 OFFSET 0) AS w;
        RETURN '[]';
    END IF;
    missed := ARRAY(
        SELECT id FROM unnest(asked) AS id WHERE NOT pg_try_advisory_xact_lock(class, (id % 2147483647)::integer)
    );
    IF cardinality(missed) = 0 THEN
        RETURN '[]';
    END IF;
    PERFORM set_config('fealty.holders_passed_over', missed::text, true);
    SELECT array_agg(k) INTO passed_over
    FROM json_array_elements(wanted) AS k
    JOIN program p ON p.program_id = k ->> 0
    JOIN customer c ON c.program = p.id AND c.customer_id = k ->> 1
    WHERE c.id = ANY(missed);
    RETURN array_to_json(passed_over);
END $$;

-- Campaigns by their ids.
CREATE FUNCTION campaigns_of(ids integer[]) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_agg(json_build_array(
        c.id, json_build_array(c.program, c.campaign_id, c.version, c.terms, c.archived, c.stock)
    )) FROM coupon_campaign c WHERE c.id = ANY(ids)
$$;

-- What customers have used: the redemptions that are named, with their campaigns; and for the kind `uses`, with a coupon's
-- kind and key behind it, the uses of that coupon's campaign that stand or may, the newest of each, as many as its limits
-- count, and twenty for those that this transaction gives back.
CREATE FUNCTION load_holder(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    redemptions json; campaigns integer[]; coupons json; uses json; limited integer[]; mosts integer[];
    keys json[]; named integer[];
BEGIN
    SELECT json_agg(json_build_array(r.customer, r.id, json_build_array({redemption r}))), array_agg(DISTINCT r.campaign)
    INTO redemptions, campaigns
    FROM {named_redemptions}(wanted) AS n
    CROSS JOIN LATERAL (
        SELECT * FROM redemption WHERE redemption.customer = n.customer AND redemption.id = n.id OFFSET 0
    ) AS r;
    SELECT json_agg(json_build_array(k ->> 0, k ->> 3, k ->> 4, k ->> 5, k ->> 1)) INTO coupons
    FROM json_array_elements(wanted) AS k WHERE k ->> 2 = 'uses';
    IF coupons IS NOT NULL THEN
        SELECT array_agg(n.key), array_agg(n.campaign) INTO keys, named FROM {named_coupons}(coupons) AS n;
        SELECT array_agg(o.id), array_agg(
            (SELECT max((l ->> 'uses')::integer) FROM jsonb_array_elements(o.terms -> 'customer_limits') AS l)
        ) INTO limited, mosts
        FROM coupon_campaign o WHERE o.id = ANY(named) AND jsonb_array_length(o.terms -> 'customer_limits') > 0;
    END IF;
    IF limited IS NOT NULL THEN
        SELECT json_agg(json_build_array(w.customer, w.campaign, u.made)) INTO uses
        FROM (
            SELECT DISTINCT c.id AS customer, n.campaign, m.most, coalesce(p.test_clock_at, statement_timestamp()) AS at
            FROM unnest(keys, named) AS n (key, campaign)
            JOIN unnest(limited, mosts) AS m (campaign, most) ON m.campaign = n.campaign
            CROSS JOIN LATERAL (SELECT id, test_clock_at FROM program WHERE program_id = n.key ->> 0 OFFSET 0) AS p
            CROSS JOIN LATERAL (SELECT id FROM customer WHERE program = p.id AND customer_id = n.key ->> 4 OFFSET 0) AS c
        ) AS w
        CROSS JOIN LATERAL (
            SELECT json_agg(json_build_array(r.id, r.created_at, r.ends_at)) AS made
            FROM (
                SELECT redemption.id, created_at, CASE state WHEN 'RESERVED' THEN expires_at END AS ends_at
                FROM redemption
                WHERE redemption.customer = w.customer AND redemption.campaign = w.campaign
                AND state IN ('RESERVED', 'REDEEMED') AND (state = 'REDEEMED' OR expires_at > w.at)
                ORDER BY created_at DESC LIMIT w.most + 20
            ) AS r
        ) AS u
        WHERE u.made IS NOT NULL;
    END IF;
    RETURN json_build_array(redemptions, {campaigns_of}(campaigns), uses);
END $$;

-- Locks coupons, in the order of their ids, but for those that are for many; then redemptions, in the order of theirs: what is
-- reserved of these coupons, by whomever, for it may have ended; and what is named by the kinds `order`, `redemption` and
-- `used`, which is an order and names no coupon. Then slots of their stocks and of those of their campaigns. Everybody who
-- locks several of these does so in this order (docs/decisions/0038). Behind the kind, `!` is for who changes the coupon
-- itself: for many or not, and its uses are not counted. Answers the keys of what others have in hand. Of customers whom
-- lock_holder passed over no redemption is locked.
CREATE FUNCTION lock_coupon(wanted json, waits boolean) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    keys json[]; campaigns integer[]; ids uuid[]; own boolean[]; stocks bigint[]; of_campaigns bigint[];
    one record; locked uuid[]; reserved uuid[]; missed uuid[] := '{}'; passed bigint[]; passed_over json[];
    named json; named_keys json[]; named_customers bigint[]; named_ids uuid[];
    absent bigint[] := coalesce(nullif(current_setting('fealty.holders_passed_over', true), ''), '{}')::bigint[];
BEGIN
    SELECT array_agg(n.key), array_agg(n.campaign), array_agg(n.id), array_agg(n.stock IS NULL OR n.key ->> 1 LIKE '%!'),
        array_agg(CASE WHEN n.key ->> 1 NOT LIKE '%!' THEN n.stock END),
        array_agg(CASE WHEN n.key ->> 1 NOT LIKE '%!' THEN c.stock END)
    INTO keys, campaigns, ids, own, stocks, of_campaigns
    FROM {named_coupons}(wanted) AS n
    CROSS JOIN LATERAL (SELECT o.stock FROM coupon_campaign AS o WHERE o.id = n.campaign OFFSET 0) AS c;
    IF waits THEN
        SELECT array_agg(c.id), array_agg(c.id) FILTER (WHERE c.reserved > 0) INTO locked, reserved
        FROM (
            SELECT DISTINCT w.campaign, w.id FROM unnest(campaigns, ids, own) AS w (campaign, id, own)
            WHERE w.own ORDER BY w.id OFFSET 0
        ) AS w
        CROSS JOIN LATERAL (
            SELECT o.id, o.reserved FROM coupon AS o WHERE o.campaign = w.campaign AND o.id = w.id FOR NO KEY UPDATE
        ) AS c;
    ELSE
        SELECT array_agg(c.id), array_agg(c.id) FILTER (WHERE c.reserved > 0) INTO locked, reserved
        FROM (
            SELECT DISTINCT w.campaign, w.id FROM unnest(campaigns, ids, own) AS w (campaign, id, own)
            WHERE w.own ORDER BY w.id OFFSET 0
        ) AS w
        CROSS JOIN LATERAL (
            SELECT o.id, o.reserved FROM coupon AS o
            WHERE o.campaign = w.campaign AND o.id = w.id FOR NO KEY UPDATE SKIP LOCKED
        ) AS c;
    END IF;
    SELECT json_agg(json_build_array(k ->> 0, k ->> 2, CASE k ->> 1 WHEN 'redemption' THEN 'redemption' ELSE 'order' END,
        k ->> 3, k ->> 1)) INTO named
    FROM json_array_elements(wanted) AS k WHERE k ->> 1 IN ('order', 'redemption', 'used');
    SELECT array_agg(r.key), array_agg(r.customer), array_agg(r.id) INTO named_keys, named_customers, named_ids
    FROM (
        SELECT json_build_array(n.key ->> 0, n.key ->> 4, n.key ->> 1, n.key ->> 3) AS key, n.customer, n.id
        FROM {named_redemptions}(named) AS n
        WHERE named IS NOT NULL AND n.customer <> ALL(absent)
        UNION ALL
        SELECT w.key, r.customer, r.id
        FROM unnest(keys, campaigns, ids, own) AS w (key, campaign, id, own)
        CROSS JOIN LATERAL (
            SELECT redemption.customer, redemption.id FROM redemption
            WHERE redemption.campaign = w.campaign AND redemption.coupon = w.id AND state = 'RESERVED' OFFSET 0
        ) AS r
        WHERE w.own AND w.id = ANY(reserved)
    ) AS r;
    FOR one IN
        SELECT DISTINCT ON (w.id) w.customer, w.id FROM unnest(named_customers, named_ids) AS w (customer, id) ORDER BY w.id
    LOOP
        IF waits THEN
            PERFORM FROM redemption WHERE customer = one.customer AND id = one.id FOR NO KEY UPDATE;
        ELSE
            PERFORM FROM redemption WHERE customer = one.customer AND id = one.id FOR NO KEY UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                missed := missed || one.id;
            END IF;
        END IF;
    END LOOP;
    IF of_campaigns IS NOT NULL THEN
        passed := {lock_slots}(array_remove(stocks || of_campaigns, NULL), waits);
    END IF;
    SELECT array_agg(w.key) INTO passed_over
    FROM (
        SELECT w.key FROM unnest(keys, ids, own, stocks, of_campaigns) AS w (key, id, own, stock, of_campaign)
        WHERE w.own AND w.id <> ALL(coalesce(locked, '{}'))
        OR w.stock = ANY(passed) OR w.of_campaign = ANY(passed)
        UNION ALL
        SELECT w.key FROM unnest(named_keys, named_ids) AS w (key, id) WHERE w.id = ANY(missed)
    ) AS w;
    RETURN coalesce(array_to_json(passed_over), '[]');
END $$;

-- The same, read: which coupon each key means, campaigns, coupons, what is reserved of those that are not for many, the
-- customers of these reservations and, for `!`, of the coupons; and slots. For the kind `campaign`, that campaign alone.
CREATE FUNCTION load_coupon(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    keys json; coupons json; set_aside json; owners json; slots json;
    ids uuid[]; campaigns integer[]; counted integer[]; stocks bigint[]; holders bigint[];
    reserved_of integer[]; reserved uuid[];
BEGIN
    SELECT json_agg(json_build_array(n.key, n.campaign, n.id)), array_agg(n.id), array_agg(n.campaign),
        array_agg(n.campaign) FILTER (WHERE n.key ->> 1 NOT LIKE '%!'),
        array_agg(n.stock) FILTER (WHERE n.key ->> 1 NOT LIKE '%!' AND n.stock IS NOT NULL)
    INTO keys, ids, campaigns, counted, stocks
    FROM {named_coupons}(wanted) AS n;
    SELECT json_agg(json_build_array(c.campaign, c.id, json_build_array({coupon c}))),
        array_agg(c.customer) FILTER (WHERE c.customer IS NOT NULL),
        array_agg(c.campaign) FILTER (WHERE c.reserved > 0), array_agg(c.id) FILTER (WHERE c.reserved > 0)
    INTO coupons, holders, reserved_of, reserved
    FROM (SELECT DISTINCT * FROM unnest(campaigns, ids) AS w (campaign, id)) AS w
    CROSS JOIN LATERAL (SELECT * FROM coupon WHERE coupon.campaign = w.campaign AND coupon.id = w.id OFFSET 0) AS c;
    IF reserved IS NOT NULL THEN
        SELECT json_agg(json_build_array(r.customer, r.id, json_build_array({redemption r}))),
            holders || array_agg(r.customer)
        INTO set_aside, holders
        FROM unnest(reserved_of, reserved) AS w (campaign, id)
        CROSS JOIN LATERAL (
            SELECT * FROM redemption
            WHERE redemption.campaign = w.campaign AND redemption.coupon = w.id AND state = 'RESERVED' OFFSET 0
        ) AS r;
    END IF;
    IF holders IS NOT NULL THEN
        SELECT json_agg(json_build_array(id, json_build_array(customer_id, state))) INTO owners
        FROM customer WHERE id = ANY(holders);
    END IF;
    IF counted IS NOT NULL THEN
        slots := {load_slots}(stocks || ARRAY(SELECT stock FROM coupon_campaign WHERE id = ANY(counted)));
    END IF;
    campaigns := campaigns || ARRAY(
        SELECT o.id FROM json_array_elements(wanted) AS k
        JOIN program p ON p.program_id = k ->> 0
        JOIN coupon_campaign o ON o.program = p.id AND o.campaign_id = k ->> 2
        WHERE k ->> 1 = 'campaign'
    );
    RETURN json_build_array(keys, {campaigns_of}(campaigns), coupons, set_aside, owners, slots);
END $$;
