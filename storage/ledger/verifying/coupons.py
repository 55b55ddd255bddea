"""Coupons, redemptions, claims and stocks: what is counted is what was redeemed, reserved and not given back.

Redemptions are added up once for each rule, as one set: millions of them are sorted or hashed, and none is looked up.
Those whose time has passed count as reserved until somebody settles them.
"""

COUPONS = {
    "its uses are its redemptions, and what is reserved of it its reservations": """
        SELECT c.id, format('uses %%s, redeemed %%s; reserved %%s, reservations %%s', c.uses, r.redeemed, c.reserved,
                            r.reserved)
        FROM coupon c LEFT JOIN (
            SELECT campaign, coupon, count(*) FILTER (WHERE state = 'REDEEMED') AS redeemed,
                   count(*) FILTER (WHERE state = 'RESERVED') AS reserved
            FROM redemption WHERE state IN ('REDEEMED', 'RESERVED') GROUP BY campaign, coupon
        ) AS r ON r.campaign = c.campaign AND r.coupon = c.id
        WHERE CASE WHEN c.stock IS NULL
                   THEN (c.uses, c.reserved) <> (coalesce(r.redeemed, 0), coalesce(r.reserved, 0))
                   ELSE (c.uses, c.reserved) <> (0, 0) END AND {c}""",
    "its balance is what it began with, without what its redemptions took": """
        SELECT c.id, format('balance %%s of %%s, taken %%s', c.balance_minor, c.initial_minor, coalesce(r.taken, 0))
        FROM coupon c LEFT JOIN (
            SELECT campaign, coupon, sum(discount_minor) AS taken
            FROM redemption WHERE state IN ('REDEEMED', 'RESERVED') GROUP BY campaign, coupon
        ) AS r ON r.campaign = c.campaign AND r.coupon = c.id
        WHERE (c.initial_minor IS NOT NULL OR c.balance_minor IS NOT NULL)
              AND c.balance_minor IS DISTINCT FROM c.initial_minor - coalesce(r.taken, 0) AND {c}""",
    "it is of a campaign and a customer of its program, and of none who was merged": """
        SELECT c.id, format('campaign of program %%s, customer of program %%s, who is %%s', g.program, o.program,
                            o.state)
        FROM coupon c
        LEFT JOIN coupon_campaign g ON g.id = c.campaign
        LEFT JOIN customer o ON o.id = c.customer
        WHERE (g.program IS DISTINCT FROM c.program
               OR c.customer IS NOT NULL AND (o.program IS DISTINCT FROM c.program OR o.state = 'MERGED')) AND {c}""",
}

REDEMPTIONS = {
    "it was not begun after its coupon was voided": """
        SELECT r.id, format('begun %%s, coupon %%s voided %%s', r.created_at, c.id, c.voided_at)
        FROM redemption r JOIN coupon c ON c.campaign = r.campaign AND c.id = r.coupon
        WHERE r.created_at > c.voided_at AND {r}""",
    "it is of a version of its campaign that exists, and of a coupon of its program": """
        SELECT r.id, format('version %%s of campaign %%s, coupon %%s of program %%s', r.version, r.campaign, r.coupon,
                            c.program)
        FROM redemption r
        LEFT JOIN coupon_campaign_version v ON v.campaign = r.campaign AND v.version = r.version
        LEFT JOIN coupon c ON c.campaign = r.campaign AND c.id = r.coupon
        WHERE (v.version IS NULL OR c.program IS DISTINCT FROM r.program) AND {r}""",
    "it is of a customer of its program, whose account got the points that it gave": """
        SELECT r.id, format('customer %%s of program %%s, who is %%s; %%s points for an account of customer %%s',
                            r.customer, o.program, o.state, r.points, a.customer)
        FROM redemption r
        LEFT JOIN customer o ON o.id = r.customer
        LEFT JOIN account a ON a.id = r.account
        WHERE (o.program IS DISTINCT FROM r.program OR o.state = 'MERGED'
               OR (r.account IS NOT NULL OR r.points > 0) AND a.customer IS DISTINCT FROM r.customer) AND {r}""",
    "it is in the state that its instants say": """
        SELECT r.id, format('%%s: until %%s, redeemed %%s, ended %%s', r.state, r.expires_at, r.redeemed_at, r.ended_at)
        FROM redemption r
        WHERE NOT CASE r.state
                  WHEN 'RESERVED' THEN r.expires_at IS NOT NULL AND r.redeemed_at IS NULL AND r.ended_at IS NULL
                  WHEN 'REDEEMED' THEN r.redeemed_at IS NOT NULL AND r.ended_at IS NULL
                  WHEN 'ROLLED_BACK' THEN r.redeemed_at IS NOT NULL AND r.ended_at IS NOT NULL
                  ELSE r.redeemed_at IS NULL AND r.ended_at IS NOT NULL END AND {r}""",
    "nothing is reserved by somebody who was closed": """
        SELECT r.id, format('reserved until %%s', r.expires_at)
        FROM redemption r JOIN customer o ON o.id = r.customer
        WHERE r.state = 'RESERVED' AND o.state = 'CLOSED' AND {r}""",
}

CLAIMS = {
    "it is of a customer of its program, who was not merged, and took the points that were spent on it": """
        SELECT m.id, format('customer %%s of program %%s, who is %%s; %%s points, spending of %%s', m.customer,
                            o.program, o.state, m.points, p.points)
        FROM claim m
        LEFT JOIN customer o ON o.id = m.customer
        LEFT JOIN spending p ON p.account = m.account AND p.seq = m.seq
        WHERE (o.program IS DISTINCT FROM m.program OR o.state = 'MERGED' OR p.points IS DISTINCT FROM m.points)
              AND {m}""",
}

# How much of each stock is taken, by what it counts: uses of a campaign or of a shared coupon, claims of a reward, but
# for those that were cancelled with the piece. `version` is that of the terms.
_COUNTED = """
    WITH used AS (
        SELECT campaign, coupon, count(*) AS uses
        FROM redemption WHERE state IN ('REDEEMED', 'RESERVED') GROUP BY campaign, coupon
    )
    SELECT g.stock, coalesce(u.uses, 0) AS taken, g.version
    FROM coupon_campaign g
    LEFT JOIN (SELECT campaign, sum(uses) AS uses FROM used GROUP BY campaign) AS u ON u.campaign = g.id
    UNION ALL
    SELECT c.stock, coalesce(u.uses, 0), g.version
    FROM coupon c JOIN coupon_campaign g ON g.id = c.campaign
    LEFT JOIN used u ON u.campaign = c.campaign AND u.coupon = c.id
    WHERE c.stock IS NOT NULL
    UNION ALL
    SELECT r.stock, coalesce(m.claims, 0), r.version
    FROM reward r LEFT JOIN (
        SELECT m.reward, count(*) AS claims
        FROM claim m JOIN reward_version v ON v.reward = m.reward AND v.version = m.version
        WHERE m.state = 'CLAIMED' OR (v.terms -> 'cancel_policy' ->> 'keeps_stock')::boolean GROUP BY m.reward
    ) AS m ON m.reward = r.id"""

STOCKS = {
    "what is taken of it is what was redeemed, reserved or claimed and not given back": f"""
        SELECT s.id, format('taken %%s, used %%s', t.taken, k.taken)
        FROM stock s
        LEFT JOIN (SELECT stock, sum(taken) AS taken FROM stock_slot GROUP BY stock) AS t ON t.stock = s.id
        LEFT JOIN ({_COUNTED}) AS k ON k.stock = s.id
        WHERE coalesce(t.taken, 0) <> coalesce(k.taken, 0) AND {{s}}""",  # noqa: S608 - ours
    # What was lowered below what is taken, by a version of the terms, is in debt.
    "its slots are of as many as it has in all, and none is in debt but where it was lowered and nothing is free": f"""
        SELECT s.id, format('capacity %%s, slots %%s of %%s, in debt %%s, with something free %%s', s.capacity, t.found,
                            t.capacity, t.in_debt, t.free)
        FROM stock s
        LEFT JOIN (
            SELECT stock, count(*) AS found, count(capacity) AS bounded, sum(capacity) AS capacity,
                   count(*) FILTER (WHERE taken > capacity) AS in_debt,
                   count(*) FILTER (WHERE taken < capacity) AS free
            FROM stock_slot GROUP BY stock
        ) AS t ON t.stock = s.id
        LEFT JOIN ({_COUNTED}) AS k ON k.stock = s.id
        WHERE (t.found IS NULL OR t.bounded <> CASE WHEN s.capacity IS NULL THEN 0 ELSE t.found END
               OR t.capacity <> s.capacity
               OR t.in_debt > 0 AND (t.free > 0 OR k.version IS NOT DISTINCT FROM 1)) AND {{s}}""",  # noqa: S608 - ours
}
