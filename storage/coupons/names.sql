-- Redemptions of customers by keys [program, customer, kind, what]: of the kind `order` those for an order id, of
-- `redemption` one by its id; other kinds name none.
CREATE FUNCTION named_redemptions(wanted json)
RETURNS TABLE (key json, customer bigint, id uuid, campaign integer, coupon uuid) LANGUAGE plpgsql VOLATILE ROWS 64 AS $$
DECLARE
    kinds text[] := ARRAY(SELECT DISTINCT k ->> 2 FROM json_array_elements(wanted) AS k);
BEGIN
    IF 'order' = ANY(kinds) THEN
        RETURN QUERY
            SELECT w.k, r.customer, r.id, r.campaign, r.coupon
            FROM (SELECT k FROM json_array_elements(wanted) AS k WHERE k ->> 2 = 'order' OFFSET 0) AS w
            CROSS JOIN LATERAL (SELECT program.id FROM program WHERE program_id = w.k ->> 0 OFFSET 0) AS p
            CROSS JOIN LATERAL (
                SELECT redemption.* FROM redemption
                WHERE redemption.program = p.id AND order_id = w.k ->> 3 OFFSET 0
            ) AS r
            JOIN customer c ON c.id = r.customer AND c.customer_id = w.k ->> 1;
    END IF;
    IF 'redemption' = ANY(kinds) THEN
        RETURN QUERY
            SELECT w.k, r.customer, r.id, r.campaign, r.coupon
            FROM (SELECT k FROM json_array_elements(wanted) AS k WHERE k ->> 2 = 'redemption' OFFSET 0) AS w
            CROSS JOIN LATERAL (SELECT program.id FROM program WHERE program_id = w.k ->> 0 OFFSET 0) AS p
            CROSS JOIN LATERAL (
                SELECT customer.id FROM customer
                WHERE customer.program = p.id AND customer_id = w.k ->> 1 OFFSET 0
            ) AS c
            CROSS JOIN LATERAL (
                SELECT redemption.* FROM redemption
                WHERE redemption.customer = c.id AND redemption.id = (w.k ->> 3)::uuid OFFSET 0
            ) AS r;
    END IF;
END $$;

-- Coupons by keys [program, kind, what, …]: `code` and a sealed code in hexadecimal digits; `coupon`, a campaign and an id;
-- `order` or `redemption`, a customer and what it names, as above; `claim`, a customer and a claim, which gave it. A `!`
-- behind the kind is for lock_coupon. What lies in a batch that is not published is not there.
CREATE FUNCTION named_coupons(wanted json)
RETURNS TABLE (key json, campaign integer, id uuid, stock bigint) LANGUAGE plpgsql VOLATILE ROWS 64 AS $$
DECLARE
    kinds text[] := ARRAY(SELECT DISTINCT rtrim(k ->> 1, '!') FROM json_array_elements(wanted) AS k);
BEGIN
    IF 'code' = ANY(kinds) THEN
        RETURN QUERY
            SELECT k, c.campaign, c.id, c.stock
            FROM json_array_elements(wanted) AS k
            CROSS JOIN LATERAL (SELECT program.id FROM program WHERE program_id = k ->> 0 OFFSET 0) AS p
            CROSS JOIN LATERAL (
                SELECT coupon.* FROM coupon
                WHERE coupon.program = p.id AND code = decode(CASE rtrim(k ->> 1, '!') WHEN 'code' THEN k ->> 2 END, 'hex')
                OFFSET 0
            ) AS c
            WHERE c.batch IS NULL OR EXISTS (
                SELECT FROM coupon_batch b
                WHERE b.campaign = c.campaign AND b.number = c.batch AND b.published_at IS NOT NULL
            );
    END IF;
    IF 'coupon' = ANY(kinds) THEN
        RETURN QUERY
            SELECT k, c.campaign, c.id, c.stock
            FROM json_array_elements(wanted) AS k
            CROSS JOIN LATERAL (SELECT program.id FROM program WHERE program_id = k ->> 0 OFFSET 0) AS p
            CROSS JOIN LATERAL (
                SELECT o.id FROM coupon_campaign o WHERE o.program = p.id AND o.campaign_id = k ->> 2 OFFSET 0
            ) AS o
            CROSS JOIN LATERAL (
                SELECT coupon.* FROM coupon WHERE coupon.campaign = o.id
                AND coupon.id = CASE rtrim(k ->> 1, '!') WHEN 'coupon' THEN (k ->> 3)::uuid END OFFSET 0
            ) AS c
            WHERE c.batch IS NULL OR EXISTS (
                SELECT FROM coupon_batch b
                WHERE b.campaign = c.campaign AND b.number = c.batch AND b.published_at IS NOT NULL
            );
    END IF;
    IF kinds && '{order,redemption}' THEN
        RETURN QUERY
            SELECT json_build_array(r.key ->> 0, r.key ->> 2, r.key ->> 1, r.key ->> 3), c.campaign, c.id, c.stock
            FROM {named_redemptions}((
                SELECT json_agg(json_build_array(k ->> 0, k ->> 2, k ->> 1, k ->> 3))
                FROM json_array_elements(wanted) AS k WHERE k ->> 1 IN ('order', 'redemption')
            )) AS r
            CROSS JOIN LATERAL (
                SELECT coupon.* FROM coupon WHERE coupon.campaign = r.campaign AND coupon.id = r.coupon OFFSET 0
            ) AS c;
    END IF;
    IF 'claim' = ANY(kinds) THEN
        RETURN QUERY
            SELECT k, c.campaign, c.id, c.stock
            FROM json_array_elements(wanted) AS k
            CROSS JOIN LATERAL (SELECT program.id FROM program WHERE program_id = k ->> 0 OFFSET 0) AS p
            CROSS JOIN LATERAL (
                SELECT o.id FROM customer AS o WHERE o.program = p.id AND o.customer_id = k ->> 2 OFFSET 0
            ) AS h
            CROSS JOIN LATERAL (
                SELECT claim.campaign, claim.coupon FROM claim WHERE claim.customer = h.id
                AND claim.id = CASE rtrim(k ->> 1, '!') WHEN 'claim' THEN (k ->> 3)::uuid END OFFSET 0
            ) AS m
            CROSS JOIN LATERAL (
                SELECT coupon.* FROM coupon WHERE coupon.campaign = m.campaign AND coupon.id = m.coupon OFFSET 0
            ) AS c;
    END IF;
END $$;
