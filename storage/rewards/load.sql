-- Rewards by keys [program, kind, what, customer, …], all public: `reward` and a reward, or `claim` and the id of a claim of
-- that customer, which names the reward in the version that it was made under.
CREATE FUNCTION named_rewards(wanted json)
RETURNS TABLE (key json, reward integer, version integer, stock bigint, customer bigint, claim uuid)
LANGUAGE plpgsql VOLATILE ROWS 16 AS $$
BEGIN
    RETURN QUERY
        SELECT k, coalesce(r.id, m.reward), coalesce(r.version, m.version), coalesce(r.stock, m.stock), c.id, m.id
        FROM json_array_elements(wanted) AS k
        CROSS JOIN LATERAL (SELECT program.id FROM program WHERE program_id = k ->> 0 OFFSET 0) AS p
        LEFT JOIN LATERAL (
            SELECT o.id FROM customer AS o WHERE o.program = p.id AND o.customer_id = k ->> 3 OFFSET 0
        ) AS c ON true
        LEFT JOIN LATERAL (
            SELECT o.id, o.version, o.stock FROM reward AS o
            WHERE o.program = p.id AND o.reward_id = CASE k ->> 1 WHEN 'reward' THEN k ->> 2 END OFFSET 0
        ) AS r ON true
        LEFT JOIN LATERAL (
            SELECT o.id, o.reward, o.version, reward.stock FROM claim AS o JOIN reward ON reward.id = o.reward
            WHERE o.customer = c.id AND o.id = CASE k ->> 1 WHEN 'claim' THEN (k ->> 2)::uuid END OFFSET 0
        ) AS m ON true
        WHERE r.id IS NOT NULL OR m.id IS NOT NULL;
END $$;

-- Holds slots of the stocks of rewards; answers the keys of those of which others have all slots in hand.
CREATE FUNCTION lock_reward(wanted json, waits boolean) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    keys json[]; stocks bigint[]; passed_over bigint[];
BEGIN
    SELECT array_agg(n.key), array_agg(n.stock) INTO keys, stocks FROM {named_rewards}(wanted) AS n;
    passed_over := {lock_slots}(stocks, waits);
    RETURN array_to_json(
        ARRAY(SELECT w.key FROM unnest(keys, stocks) AS w(key, stock) WHERE w.stock = ANY(passed_over))
    );
END $$;

-- Rewards, each with the terms of that version; of what is to be claimed, the customer's claims of it that stand, as many as
-- its largest limit, and the campaign that it gives coupons of; of what is to be cancelled, the claim with the spending that
-- paid for it; and the stocks.
CREATE FUNCTION load_reward(wanted json) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    rewards json; claims json; spendings json; stocks bigint[]; given json; campaigns integer[];
BEGIN
    SELECT json_agg(json_build_array(
            n.key, json_build_array(r.id, n.version, r.reward_id, v.display_name, v.terms, r.archived, r.stock)
        )), array_agg(n.stock),
        json_agg(json_build_array(n.key ->> 0, v.terms ->> 'campaign_id')) FILTER (
            WHERE n.claim IS NULL AND v.terms ->> 'campaign_id' <> ''
        )
    INTO rewards, stocks, given
    FROM {named_rewards}(wanted) AS n
    CROSS JOIN LATERAL (SELECT * FROM reward WHERE id = n.reward OFFSET 0) AS r
    CROSS JOIN LATERAL (
        SELECT * FROM reward_version AS o WHERE o.reward = n.reward AND o.version = n.version OFFSET 0
    ) AS v;
    IF rewards IS NULL THEN
        RETURN NULL;
    END IF;
    IF given IS NOT NULL THEN
        campaigns := ARRAY(
            SELECT DISTINCT o.id FROM json_array_elements(given) AS k
            JOIN program p ON p.program_id = k ->> 0
            JOIN coupon_campaign o ON o.program = p.id AND o.campaign_id = k ->> 1
        );
    END IF;
    SELECT json_agg(json_build_array(c.customer, c.id, json_build_array({claim c}))) INTO claims
    FROM {named_rewards}(wanted) AS n
    CROSS JOIN LATERAL (
        SELECT max((l ->> 'uses')::integer) AS counted
        FROM reward_version AS v CROSS JOIN LATERAL jsonb_array_elements(v.terms -> 'customer_limits') AS l
        WHERE v.reward = n.reward AND v.version = n.version
    ) AS limits
    CROSS JOIN LATERAL (
        SELECT * FROM claim AS o WHERE o.customer = n.customer AND o.id = n.claim
        UNION ALL
        (SELECT * FROM claim AS o
         WHERE n.claim IS NULL AND o.customer = n.customer AND o.reward = n.reward AND o.state = 'CLAIMED'
         ORDER BY o.created_at DESC LIMIT coalesce(limits.counted, 0))
    ) AS c;
    SELECT json_agg(json_build_array(s.account, s.seq, json_build_array({spending s}))) INTO spendings
    FROM {named_rewards}(wanted) AS n
    CROSS JOIN LATERAL (SELECT * FROM claim AS o WHERE o.customer = n.customer AND o.id = n.claim OFFSET 0) AS c
    CROSS JOIN LATERAL (SELECT * FROM spending AS o WHERE o.account = c.account AND o.seq = c.seq OFFSET 0) AS s;
    RETURN json_build_array(
        rewards, claims, spendings, {load_slots}(stocks), {campaigns_of}(campaigns)
    );
END $$;
