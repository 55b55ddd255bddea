-- Reservations of a campaign that have ended by an instant, up to so many, with their coupons and the public ids of their
-- customers; of one code for many, where its stock is named. Who `locks` gets those that nobody else has in hand, with slots
-- of the stocks of codes for many that were not held yet, all of them that are in debt; waits for nothing; and hears whether
-- others have some in hand.
CREATE FUNCTION ended_reservations(of integer, at timestamptz, shared bigint, most integer, locks boolean)
RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    chosen uuid[] := '{}'; coupons uuid[] := '{}'; one record; is_elsewhere boolean := false;
    held jsonb := coalesce(nullif(current_setting('fealty.slots', true), ''), '[]')::jsonb;
    in_hand bigint[] := ARRAY(SELECT (h ->> 0)::bigint FROM jsonb_array_elements(held) AS h);
    stocks bigint[] := '{}'; free integer[];
    redemptions json; loaded json; owners json; slots json;
BEGIN
    FOR one IN
        SELECT r.customer, r.id, r.coupon, c.stock FROM redemption r
        JOIN coupon c ON c.campaign = r.campaign AND c.id = r.coupon
        WHERE r.campaign = of AND r.state = 'RESERVED' AND r.expires_at <= at AND (shared IS NULL OR c.stock = shared)
        LIMIT most
    LOOP
        IF locks AND one.stock IS NULL THEN
            PERFORM FROM coupon WHERE campaign = of AND id = one.coupon FOR NO KEY UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                is_elsewhere := true;
                CONTINUE;
            END IF;
        END IF;
        IF locks THEN
            PERFORM FROM redemption WHERE customer = one.customer AND id = one.id FOR NO KEY UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                is_elsewhere := true;
                CONTINUE;
            END IF;
        END IF;
        IF locks AND one.stock <> ALL(in_hand) THEN
            free := ARRAY(
                SELECT slot FROM stock_slot WHERE stock = one.stock AND taken > capacity FOR NO KEY UPDATE SKIP LOCKED
            );
            IF cardinality(free) = 0 THEN
                free := ARRAY(
                    SELECT slot FROM stock_slot WHERE stock = one.stock LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
                );
            END IF;
            IF cardinality(free) = 0 THEN
                is_elsewhere := true;
                CONTINUE;
            END IF;
            held := held || (SELECT jsonb_agg(jsonb_build_array(one.stock, slot)) FROM unnest(free) AS slot);
            in_hand := in_hand || one.stock;
            stocks := stocks || one.stock;
        END IF;
        chosen := chosen || one.id;
        coupons := coupons || one.coupon;
    END LOOP;
    SELECT json_agg(json_build_array(r.customer, r.id, json_build_array({redemption r}))) INTO redemptions
    FROM redemption r WHERE r.campaign = of AND r.state = 'RESERVED' AND r.id = ANY(chosen);
    SELECT json_agg(json_build_array(c.campaign, c.id, json_build_array({coupon c}))) INTO loaded
    FROM coupon c WHERE c.campaign = of AND c.id = ANY(coupons);
    SELECT json_agg(json_build_array(id, json_build_array(customer_id, state))) INTO owners
    FROM customer WHERE id IN (SELECT customer FROM redemption r WHERE r.campaign = of AND r.id = ANY(chosen));
    IF cardinality(stocks) > 0 THEN
        PERFORM set_config('fealty.slots', held::text, true);
        slots := {load_slots}(stocks);
    END IF;
    RETURN json_build_array(redemptions, loaded, owners, slots, is_elsewhere);
END $$;
