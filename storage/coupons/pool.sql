-- Up to `most` coupons of a pool that have not ended by an instant, but for those that are `held`, locked: of those that
-- others have in hand none or, with `waits`, these too. Batch by batch, for the index (coupon_pool) then passes over what is
-- not published, was discarded or has ended, however much that is.
CREATE FUNCTION lock_pooled(of integer, at timestamptz, most bigint, held uuid[], waits boolean) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF waits THEN
        RETURN ARRAY(
            SELECT c.id
            FROM (
                SELECT 0 AS number UNION ALL
                (SELECT number FROM coupon_batch WHERE campaign = of AND published_at IS NOT NULL ORDER BY number)
            ) AS b
            CROSS JOIN LATERAL (
                SELECT id FROM coupon
                WHERE campaign = of AND pooled AND coalesce(batch, 0) = b.number
                AND coalesce(expires_at, 'infinity') > at AND id <> ALL(held)
                ORDER BY coalesce(expires_at, 'infinity'), id LIMIT most FOR NO KEY UPDATE
            ) AS c
            LIMIT most
        );
    END IF;
    RETURN ARRAY(
        SELECT c.id
        FROM (
            SELECT 0 AS number UNION ALL
            (SELECT number FROM coupon_batch WHERE campaign = of AND published_at IS NOT NULL ORDER BY number)
        ) AS b
        CROSS JOIN LATERAL (
            SELECT id FROM coupon
            WHERE campaign = of AND pooled AND coalesce(batch, 0) = b.number
            AND coalesce(expires_at, 'infinity') > at AND id <> ALL(held)
            ORDER BY coalesce(expires_at, 'infinity'), id LIMIT most FOR NO KEY UPDATE SKIP LOCKED
        ) AS c
        LIMIT most
    );
END $$;

-- Coupons that nobody has, by keys [program, kind, what, …], all public: of the kind `campaign`, one of that campaign for each
-- key, of `reward`, of the one that the reward gives coupons of. They are locked, as far as others have them not in hand; with
-- them come the campaigns that have a pool, and those whose pool has more, which others have in hand. To be asked once in a
-- transaction, for all keys together: what is locked already is not told from what is free.
CREATE FUNCTION load_pool(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    one record; mine uuid[]; ids uuid[] := '{}'; campaigns integer[] := '{}'; coupons json;
    asked integer[] := '{}'; elsewhere integer[] := '{}';
BEGIN
    FOR one IN
        SELECT o.id, coalesce(p.test_clock_at, statement_timestamp()) AS at, count(*) AS wanted
        FROM json_array_elements(wanted) AS k
        JOIN program p ON p.program_id = k ->> 0
        JOIN coupon_campaign o ON o.program = p.id AND o.campaign_id = CASE k ->> 1
            WHEN 'campaign' THEN k ->> 2
            ELSE (
                SELECT v.terms ->> 'campaign_id' FROM reward r
                JOIN reward_version v ON v.reward = r.id AND v.version = r.version
                WHERE r.program = p.id AND r.reward_id = k ->> 2
            )
        END
        WHERE o.terms ->> 'code_source' = 'POOL'
        GROUP BY o.id, p.id ORDER BY o.id
    LOOP
        mine := {lock_pooled}(one.id, one.at, one.wanted, '{}', false);
        asked := asked || one.id;
        ids := ids || mine;
        campaigns := campaigns || array_fill(one.id, ARRAY[cardinality(mine)]);
        IF cardinality(mine) < one.wanted AND EXISTS (
            SELECT FROM (
                SELECT 0 AS number UNION ALL
                SELECT number FROM coupon_batch WHERE campaign = one.id AND published_at IS NOT NULL
            ) AS b
            CROSS JOIN LATERAL (
                SELECT FROM coupon
                WHERE campaign = one.id AND pooled AND coalesce(batch, 0) = b.number
                AND coalesce(expires_at, 'infinity') > one.at AND id <> ALL(mine) LIMIT 1
            ) AS c
        ) THEN
            elsewhere := elsewhere || one.id;
        END IF;
    END LOOP;
    SELECT json_agg(json_build_array(c.campaign, c.id, json_build_array({coupon c})) ORDER BY w.place) INTO coupons
    FROM unnest(campaigns, ids) WITH ORDINALITY AS w (campaign, id, place)
    CROSS JOIN LATERAL (SELECT * FROM coupon WHERE coupon.campaign = w.campaign AND coupon.id = w.id OFFSET 0) AS c;
    RETURN json_build_array(coupons, asked, elsewhere);
END $$;
