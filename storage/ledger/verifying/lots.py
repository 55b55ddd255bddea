"""Lots and entries: what was given and not taken is left, and each entry follows from the one before."""

RULES = {
    "each entry follows from the one before": """
        SELECT e.account, format('entry %%s: active %%s after %%s, amount %%s; held %%s, debt %%s', e.seq,
                                 e.active_after, e.before, e.amount, e.held_after, e.debt_after)
        FROM (
            SELECT *, coalesce(lag(active_after) OVER (PARTITION BY account ORDER BY seq), 0) AS before FROM entry
        ) AS e
        WHERE (e.active_after <> e.before + e.amount OR e.active_after < 0 OR e.debt_after < 0
               OR e.held_after NOT BETWEEN 0 AND e.active_after)
              AND {e}""",
    "each entry is the sum of its allocations": """
        SELECT e.account, format('entry %%s: amount %%s, allocations %%s', e.seq, e.amount, a.amount)
        FROM entry e LEFT JOIN (
            SELECT account, seq, sum(amount) AS amount, count(*) AS found, max(ordinal) + 1 AS last
            FROM allocation GROUP BY account, seq
        ) AS a ON a.account = e.account AND a.seq = e.seq
        WHERE (e.amount IS DISTINCT FROM a.amount OR a.found <> a.last) AND {e}""",
    "each entry of points that moved is one side of a movement": """
        SELECT e.account, format('entry %%s (%%s) of %%s, other side %%s of %%s', e.seq, e.kind, e.amount, o.kind,
                                 o.amount)
        FROM entry e
        LEFT JOIN (
            SELECT source AS account, source_seq AS seq, target AS other, target_seq AS other_seq FROM movement
            UNION ALL SELECT target, target_seq, source, source_seq FROM movement
        ) AS m ON m.account = e.account AND m.seq = e.seq
        LEFT JOIN entry o ON o.account = m.other AND o.seq = m.other_seq
        WHERE (e.kind IN ('TRANSFER_OUT', 'TRANSFER_IN', 'MERGE_OUT', 'MERGE_IN') OR m.account IS NOT NULL) AND {e}
              AND (o.amount, o.kind) IS DISTINCT FROM (-e.amount, CASE e.kind
                  WHEN 'TRANSFER_OUT' THEN 'TRANSFER_IN' WHEN 'TRANSFER_IN' THEN 'TRANSFER_OUT'
                  WHEN 'MERGE_OUT' THEN 'MERGE_IN' WHEN 'MERGE_IN' THEN 'MERGE_OUT' END)""",
    "each lot was cancelled as its cancellations say, and those of what it became while a merge had it away": """
        SELECT l.account, format('lot %%s: cancelled %%s, cancellations %%s, away %%s', l.number, l.cancelled, c.points,
                                 w.points)
        FROM lot l
        LEFT JOIN (
            SELECT account, lot, sum(points) AS points FROM cancellation GROUP BY account, lot
        ) AS c ON c.account = l.account AND c.lot = l.number
        LEFT JOIN (
            SELECT p.source, p.number, sum(t.cancelled) AS points
            FROM merge_part p
            JOIN merge_account m USING (activity, source)
            JOIN customer_unmerge u ON u.merge = p.activity
            JOIN lot t ON t.account = m.target AND t.number = p.target_number
            WHERE p.noun = 'LOT' GROUP BY p.source, p.number
        ) AS w ON w.source = l.account AND w.number = l.number
        WHERE l.cancelled <> coalesce(c.points, 0) + coalesce(w.points, 0) AND {l}""",
    "each lot has left what it was given and not taken, never less than nothing nor more than it was given": """
        SELECT l.account, format('lot %%s (%%s) of %%s, cancelled %%s: left %%s, allocations %%s, first %%s', l.number,
                                 l.state, l.points, l.cancelled, l.remaining, a.amount, a.given)
        FROM lot l LEFT JOIN (
            SELECT account, lot, sum(amount) AS amount, min(balance) AS least, max(balance) AS most,
                   sum(amount) FILTER (WHERE step = 1) AS given, max(kind) FILTER (WHERE step = 1) AS kind,
                   bool_and(step = 1 OR amount < 0 OR kind IN ('ROLLBACK', 'MERGE_IN')) AS is_ours
            FROM (
                SELECT a.account, a.lot, a.amount, e.kind, sum(a.amount) OVER w AS balance, row_number() OVER w AS step
                FROM allocation a JOIN entry e ON e.account = a.account AND e.seq = a.seq
                WINDOW w AS (PARTITION BY a.account, a.lot ORDER BY a.seq)
            ) AS steps GROUP BY account, lot
        ) AS a ON a.account = l.account AND a.lot = l.number
        WHERE CASE WHEN l.state IN ('PENDING', 'CANCELLED')
                   THEN a.amount IS NOT NULL OR l.remaining <> l.points - l.cancelled
                   WHEN l.state = 'MOVED' AND a.amount IS NULL THEN l.remaining <> 0
                   -- One that became active while a merge had it away came back with what was left of it.
                   WHEN a.kind = 'MERGE_IN' AND a.given < l.points - l.cancelled
                   THEN a.amount <> l.remaining OR a.least < 0 OR NOT a.is_ours OR NOT EXISTS (
                       SELECT FROM merge_part p
                       WHERE p.source = l.account AND p.number = l.number AND p.noun = 'LOT' AND p.kind = 'PENDING'
                   )
                   ELSE a.amount IS DISTINCT FROM l.remaining OR a.given IS DISTINCT FROM l.points - l.cancelled
                        OR a.least < 0 OR a.most > l.points OR NOT a.is_ours END
              AND {l}""",
    "each lot is in the state that its figures say": """
        SELECT l.account, format('lot %%s is %%s with %%s left of %%s, cancelled %%s', l.number, l.state, l.remaining,
                                 l.points, l.cancelled)
        FROM lot l
        WHERE ((l.remaining = 0) <> (l.state IN ('DEPLETED', 'EXPIRED', 'CANCELLED', 'MOVED'))
               OR (l.state = 'CANCELLED') <> (l.cancelled = l.points)
               OR (l.state = 'ACTIVE' AND l.activates_at IS NULL)
               OR (l.awaits IS NOT NULL AND l.activates_at IS NOT NULL)) AND {l}""",
    "each lot ended as its last entry says": """
        SELECT l.account, format('lot %%s is %%s after %%s', l.number, l.state, e.kind)
        FROM lot l CROSS JOIN LATERAL (
            SELECT entry.kind FROM allocation JOIN entry USING (account, seq)
            WHERE allocation.account = l.account AND allocation.lot = l.number ORDER BY seq DESC LIMIT 1
        ) AS e
        WHERE l.state IN ('DEPLETED', 'EXPIRED', 'MOVED') AND {l}
              AND l.state <> CASE e.kind WHEN 'EXPIRY' THEN 'EXPIRED' WHEN 'MERGE_OUT' THEN 'MOVED' ELSE 'DEPLETED' END
        """,
    "each lot is held as open holds have pinned it": """
        SELECT l.account, format('lot %%s: held %%s of %%s, pins %%s', l.number, l.held, l.remaining, p.points)
        FROM lot l LEFT JOIN (
            SELECT pin.account, pin.lot, sum(pin.points) AS points
            FROM pin JOIN hold ON hold.account = pin.account AND hold.number = pin.hold AND hold.state = 'ACTIVE'
            GROUP BY pin.account, pin.lot
        ) AS p ON p.account = l.account AND p.lot = l.number
        WHERE l.held <> coalesce(p.points, 0) AND {l}""",
    "each lot is of a purchase and of a lot that exist": """
        SELECT l.account, format('lot %%s of transaction %%s, made from lot %%s of account %%s', l.number,
                                 l.transaction_id, l.origin, l.origin_account)
        FROM lot l
        WHERE {l} AND (
            l.transaction_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM transaction t WHERE t.program = l.program AND t.transaction_id = l.transaction_id
            )
            OR l.origin IS NOT NULL AND NOT EXISTS (
                SELECT FROM lot o WHERE o.account = coalesce(l.origin_account, l.account) AND o.number = l.origin
                AND o.program = l.program
            )
        )""",
}
