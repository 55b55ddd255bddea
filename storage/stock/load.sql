-- Locks slots of some stocks, enough of each for a group of commands where so much is free in at most half of them: so two
-- that count the same stock at once seldom meet. A stock is named once for each that may be taken of it. Slots that are in
-- debt come first, what is given back must go there, or those that are free: of one stock there are never both. Of a stock
-- that is used up any will do. Answers the stocks of which others have all slots in hand. Which slots are held stands in the
-- setting fealty.slots until the transaction ends. Whoever waits for slots does so in the order of their stocks, behind
-- coupons and redemptions; those of rewards come after those of campaigns and codes, and behind them passes.
CREATE FUNCTION lock_slots(stocks bigint[], waits boolean) RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    group_size CONSTANT bigint := 128; -- as many commands as a group has (storage/ledger/limits.py: WRITER)
    one bigint; wanted bigint; had bigint; half bigint; chosen stock_slot; slots integer[];
    held jsonb := coalesce(nullif(current_setting('fealty.slots', true), ''), '[]')::jsonb;
    passed_over bigint[] := '{}';
BEGIN
    FOR one, wanted IN SELECT s, greatest(group_size, count(*)) FROM unnest(stocks) AS s GROUP BY s ORDER BY s LOOP
        slots := '{}';
        had := 0;
        half := (SELECT (count(*) + 1) / 2 FROM stock_slot WHERE stock = one);
        IF waits AND (
            SELECT count(capacity) = count(*) AND sum(capacity - taken) < wanted * count(*) FROM stock_slot WHERE stock = one
        ) THEN
            -- Those that take several, all or none, may need the last one of each slot.
            slots := ARRAY(SELECT slot FROM stock_slot WHERE stock = one ORDER BY slot FOR NO KEY UPDATE);
            had := wanted;
        END IF;
        WHILE had < wanted AND cardinality(slots) < half LOOP
            SELECT * INTO chosen FROM stock_slot
            WHERE stock = one AND slot <> ALL(slots) AND (capacity IS NULL OR taken <> capacity)
            ORDER BY (slot + pg_backend_pid()) % 16 LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
            EXIT WHEN NOT FOUND;
            slots := slots || chosen.slot;
            EXIT WHEN chosen.capacity IS NULL;
            had := had + abs(chosen.capacity - chosen.taken);
        END LOOP;
        IF cardinality(slots) = 0 AND waits THEN
            SELECT * INTO chosen FROM stock_slot WHERE stock = one AND (capacity IS NULL OR taken <> capacity)
            ORDER BY slot LIMIT 1 FOR NO KEY UPDATE;
            IF FOUND THEN
                slots := slots || chosen.slot;
            END IF;
        END IF;
        IF cardinality(slots) = 0 THEN
            SELECT * INTO chosen FROM stock_slot WHERE stock = one
            ORDER BY (slot + pg_backend_pid()) % 16 LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
            IF FOUND THEN
                slots := slots || chosen.slot;
            ELSE
                passed_over := passed_over || one;
            END IF;
        END IF;
        held := held || (SELECT coalesce(jsonb_agg(jsonb_build_array(one, s)), '[]') FROM unnest(slots) AS s);
    END LOOP;
    PERFORM set_config('fealty.slots', held::text, true);
    RETURN passed_over;
END $$;

-- The slots of some stocks that this transaction holds, and of each stock [stock, [capacity, taken, free, is owed]]:
-- its sums, and of slots that it does not hold what is free, 1 in each without a capacity, and whether one is in debt.
CREATE FUNCTION load_slots(stocks bigint[]) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held jsonb := coalesce(nullif(current_setting('fealty.slots', true), ''), '[]')::jsonb;
    in_hand jsonb[] := ARRAY(SELECT jsonb_array_elements(held));
    slots json; sums json;
BEGIN
    SELECT json_agg(json_build_array(s.stock, s.slot, json_build_array({stock_slot s}))) INTO slots
    FROM unnest(in_hand) AS h
    CROSS JOIN LATERAL (
        SELECT * FROM stock_slot WHERE stock = (h ->> 0)::bigint AND slot = (h ->> 1)::integer OFFSET 0
    ) AS s
    WHERE s.stock = ANY(stocks);
    SELECT json_agg(json_build_array(w.stock, json_build_array(w.capacity, w.taken, w.free, w.is_owed))) INTO sums
    FROM (
        SELECT s.stock, CASE WHEN count(s.capacity) = count(*) THEN sum(s.capacity) END AS capacity, sum(s.taken) AS taken,
            coalesce(sum(coalesce(greatest(s.capacity - s.taken, 0), 1)) FILTER (WHERE NOT s.is_held), 0) AS free,
            coalesce(bool_or(s.taken > s.capacity) FILTER (WHERE NOT s.is_held), false) AS is_owed
        FROM (SELECT DISTINCT unnest(stocks) AS stock) AS k
        CROSS JOIN LATERAL (
            SELECT *, jsonb_build_array(stock, slot) = ANY(in_hand) AS is_held
            FROM stock_slot WHERE stock = k.stock OFFSET 0
        ) AS s
        GROUP BY s.stock
    ) AS w;
    RETURN json_build_array(slots, sums);
END $$;
