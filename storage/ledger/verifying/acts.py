"""Purchases, refunds, spendings, holds and shortfalls: what they say is what lots and entries say."""

RULES = {
    "each purchase earned what its lot was given": """
        SELECT t.account, format('transaction of %%s points, lot %%s of %%s', t.points, t.lot, l.points)
        FROM transaction t
        LEFT JOIN lot l ON l.account = coalesce(t.origin_account, t.account) AND l.number = t.lot
                           AND l.transaction_id = t.transaction_id
        WHERE t.points <> coalesce(l.points, 0) AND {t}""",
    "each purchase was refunded as its refunds say": """
        SELECT t.account, format('%%s refunds of %%s for %%s points, found %%s of %%s for %%s', t.refunds,
                                 t.refunded_minor, t.refunded_points, r.found, r.amount_minor, r.points)
        FROM transaction t LEFT JOIN (
            SELECT program, transaction_id, count(*) AS found, max(number) AS last, sum(amount_minor) AS amount_minor,
                   sum(points) AS points
            FROM refund GROUP BY program, transaction_id
        ) AS r ON r.program = t.program AND r.transaction_id = t.transaction_id
        WHERE (t.refunds, t.refunds, t.refunded_minor, t.refunded_points) IS DISTINCT FROM
              (coalesce(r.found, 0), coalesce(r.last, 0), coalesce(r.amount_minor, 0), coalesce(r.points, 0))
              AND {t}""",
    "each refund is the sum of where its points came from, and took them there": """
        SELECT r.account, format('refund %%s of %%s: %%s points; active %%s, entries %%s; owed %%s, noted %%s',
                                 r.number, r.transaction_id, r.points, r.own_lot + r.other_lots, e.amount,
                                 r.debt + r.shortfall, s.points)
        FROM refund r
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(own_lot + other_lots), 0) AS taken, coalesce(sum(debt), 0) AS debt,
                   coalesce(sum(shortfall), 0) AS shortfall
            FROM refund o
            WHERE o.program = r.program AND o.transaction_id = r.transaction_id AND o.account = r.account
        ) AS all_of_it
        LEFT JOIN (
            SELECT account, transaction_id, -sum(amount) AS amount FROM entry WHERE kind = 'REFUND' GROUP BY 1, 2
        ) AS e ON e.account = r.account AND e.transaction_id = r.transaction_id
        LEFT JOIN (
            SELECT account, activity, sum(points) AS points, sum(points) FILTER (WHERE kind = 'DEBT') AS debt
            FROM shortfall GROUP BY 1, 2
        ) AS s ON s.account = r.account AND s.activity = r.activity
        WHERE (r.points <> r.pending + r.own_lot + r.other_lots + r.debt + r.shortfall
               OR all_of_it.taken <> coalesce(e.amount, 0)
               OR r.debt + r.shortfall <> coalesce(s.points, 0) OR r.debt <> coalesce(s.debt, 0)) AND {r}""",
    "each entry that took points for a refund has its refund": """
        SELECT e.account, format('entry %%s for transaction %%s', e.seq, e.transaction_id) FROM entry e
        WHERE e.kind = 'REFUND' AND {e} AND NOT EXISTS (
            SELECT FROM refund r WHERE r.program = e.program AND r.transaction_id = e.transaction_id
            AND r.account = e.account
        )""",
    "each refund took of pending lots what it cancelled": """
        SELECT r.account, format('refund %%s of %%s: %%s pending points, cancelled %%s', r.number, r.transaction_id,
                                 r.pending, c.points)
        FROM refund r LEFT JOIN (
            SELECT account, activity, sum(points) AS points FROM cancellation GROUP BY account, activity
        ) AS c ON c.account = r.account AND c.activity = r.activity
        WHERE r.pending <> coalesce(c.points, 0) AND {r}""",
    "each spending is an entry, and each such entry a spending": """
        SELECT e.account, format('entry %%s (%%s) of %%s, spending %%s', e.seq, e.kind, e.amount, e.points)
        FROM (
            SELECT coalesce(e.account, s.account) AS account, coalesce(e.program, s.program) AS program,
                   coalesce(e.seq, s.seq) AS seq, e.kind, e.amount, s.points, e.occurred_at, s.spent_at
            FROM (SELECT * FROM entry WHERE kind = 'SPEND') AS e
            FULL JOIN spending s ON s.account = e.account AND s.seq = e.seq
        ) AS e
        WHERE (e.points, e.spent_at) IS DISTINCT FROM (-e.amount, e.occurred_at) AND {e}""",
    "each spending was given back what entries gave back, never more than it took": """
        SELECT s.account, format('spending %%s of %%s: rolled back %%s, restored %%s, entries %%s', s.seq, s.points,
                                 s.rolled_back, s.restored, e.amount)
        FROM spending s LEFT JOIN (
            SELECT account, reverses, sum(amount) AS amount FROM entry WHERE kind = 'ROLLBACK' GROUP BY 1, 2
        ) AS e ON e.account = s.account AND e.reverses = s.seq
        WHERE (s.restored <> coalesce(e.amount, 0) OR s.restored > s.rolled_back OR s.rolled_back > s.points)
              AND {s}""",
    "each entry that gave back names a spending": """
        SELECT e.account, format('entry %%s reverses %%s', e.seq, e.reverses) FROM entry e
        WHERE (e.kind = 'ROLLBACK') <> (e.reverses IS NOT NULL) AND {e}
           OR e.reverses IS NOT NULL AND {e} AND NOT EXISTS (
            SELECT FROM spending s WHERE s.account = e.account AND s.seq = e.reverses
        )""",
    "each hold is the sum of its pins, and ended once": """
        SELECT h.account, format('hold %%s is %%s: %%s points, pins %%s, captured %%s, entry %%s, ended %%s', h.number,
                                 h.state, h.points, p.points, h.captured, h.entry, h.ended_at)
        FROM hold h LEFT JOIN (
            SELECT account, hold, sum(points) AS points FROM pin GROUP BY account, hold
        ) AS p ON p.account = h.account AND p.hold = h.number
        WHERE (h.points IS DISTINCT FROM p.points OR (h.state = 'ACTIVE') <> (h.ended_at IS NULL)
               OR (h.state = 'CAPTURED') <> (h.entry IS NOT NULL)
               OR (h.state = 'CAPTURED') <> (h.captured > 0)) AND {h}""",
    "each hold that was captured is a spending": """
        SELECT h.account, format('hold %%s: captured %%s, entry %%s of %%s', h.number, h.captured, h.entry, e.amount)
        FROM hold h LEFT JOIN entry e ON e.account = h.account AND e.seq = h.entry
        WHERE h.entry IS NOT NULL AND {h}
              AND (e.amount, e.hold, e.kind) IS DISTINCT FROM (-h.captured, h.number, 'SPEND')""",
    "debts were repaid as entries say": """
        SELECT a.id, format('repaid %%s, entries %%s', s.repaid, e.amount)
        FROM account a
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(points - remaining - written_off - moved), 0) AS repaid FROM shortfall
            WHERE shortfall.account = a.id AND kind = 'DEBT'
        ) AS s
        CROSS JOIN LATERAL (
            SELECT coalesce(-sum(amount), 0) AS amount FROM entry
            WHERE entry.account = a.id AND kind = 'REPAYMENT'
        ) AS e
        WHERE s.repaid <> e.amount AND {a}""",
    "each shortfall is open while something remains": """
        SELECT s.account, format('shortfall %%s (%%s) of %%s: remaining %%s, written off %%s, ended %%s', s.number,
                                 s.kind, s.points, s.remaining, s.written_off, s.ended_at)
        FROM shortfall s
        WHERE ((s.remaining > 0) <> (s.ended_at IS NULL) OR s.remaining + s.written_off + s.moved > s.points
               OR (s.kind = 'SHORTFALL' AND s.remaining + s.written_off + s.moved <> s.points)) AND {s}""",
    "each shortfall was written off as its write-offs say": """
        SELECT s.account, format('shortfall %%s: written off %%s, write-offs %%s', s.number, s.written_off, w.points)
        FROM shortfall s LEFT JOIN (
            SELECT account, shortfall, sum(points) AS points FROM write_off GROUP BY account, shortfall
        ) AS w ON w.account = s.account AND w.shortfall = s.number
        WHERE s.written_off <> coalesce(w.points, 0) AND {s}""",
    "each lot that was merged is of as many points where it went": """
        SELECT p.source, format('lot %%s of %%s, then lot %%s of %%s', p.number, p.points, p.target_number, l.points)
        FROM merge_part p JOIN merge_account m USING (activity, source) JOIN account a ON a.id = p.source
        LEFT JOIN lot l ON l.account = m.target AND l.number = p.target_number
        WHERE p.noun = 'LOT' AND (l.points, l.origin_account, l.origin) IS DISTINCT FROM (p.points, p.source, p.number)
              AND {a}""",
}
