"""Accounts: their figures are what lots, holds, shortfalls and entries say, and time comes in time."""

RULES = {
    "active, held and pending are what its lots hold": """
        SELECT a.id, format('active %%s, lots %%s; held %%s, lots %%s; pending %%s, lots %%s',
                            a.active, l.active, a.held, l.held, a.pending, l.pending)
        FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(remaining) FILTER (WHERE state = 'ACTIVE'), 0) AS active,
                   coalesce(sum(held) FILTER (WHERE state = 'ACTIVE'), 0) AS held,
                   coalesce(sum(remaining) FILTER (WHERE state = 'PENDING'), 0) AS pending
            FROM lot WHERE lot.account = a.id
        ) AS l
        WHERE (a.active, a.held, a.pending) IS DISTINCT FROM (l.active, l.held, l.pending) AND {a}""",
    "held is what its open holds set aside": """
        SELECT a.id, format('held %%s, holds %%s; counts %%s of %%s', a.held, h.points, a.holds, h.found)
        FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(points) FILTER (WHERE state = 'ACTIVE'), 0) AS points, count(*) AS found,
                   coalesce(max(number), 0) AS last
            FROM hold WHERE hold.account = a.id
        ) AS h
        WHERE (a.held, a.holds, a.holds) IS DISTINCT FROM (h.points, h.found, h.last) AND {a}""",
    "debt is what its debts still ask for": """
        SELECT a.id, format('debt %%s, shortfalls %%s; counts %%s of %%s', a.debt, s.points, a.shortfalls, s.found)
        FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(remaining) FILTER (WHERE kind = 'DEBT'), 0) AS points, count(*) AS found,
                   coalesce(max(number), 0) AS last
            FROM shortfall WHERE shortfall.account = a.id
        ) AS s
        WHERE (a.debt, a.shortfalls, a.shortfalls) IS DISTINCT FROM (s.points, s.found, s.last) AND {a}""",
    "no point is free while there is debt": """
        SELECT a.id, format('active %%s, held %%s, debt %%s', active, held, debt)
        FROM account a WHERE (held > active OR (debt > 0 AND held <> active)) AND {a}""",
    "its lots are all there, and what time does to them is due in time": """
        SELECT a.id, format('lots %%s, found %%s; due %%s, lots due %%s', a.lots, l.found, a.due_at, d.due_at)
        FROM account a CROSS JOIN LATERAL (
            SELECT count(*) AS found, coalesce(max(number), 0) AS last,
                   min(CASE WHEN state = 'PENDING' THEN activates_at
                            WHEN state = 'ACTIVE' AND remaining > lot.held AND lot.slides THEN sliding_expiry.expires_at
                            WHEN state = 'ACTIVE' AND remaining > lot.held THEN lot.expires_at END) AS due_at
            FROM lot LEFT JOIN sliding_expiry USING (account, settings_version) WHERE lot.account = a.id
        ) AS l
        CROSS JOIN LATERAL (
            SELECT least(l.due_at, (SELECT min(expires_at) FROM hold WHERE account = a.id AND state = 'ACTIVE'))
                   AS due_at
        ) AS d
        WHERE ((a.lots, a.lots) IS DISTINCT FROM (l.found, l.last) OR coalesce(a.due_at, 'infinity') > d.due_at)
              AND {a}""",
    "earned and moved are spent, expired, revoked and active": """
        SELECT a.id, format('earned %%s, moved %%s, spent %%s, expired %%s, revoked %%s, active %%s',
                            earned, moved, spent, expired, revoked, active)
        FROM account a WHERE earned + moved <> spent + expired + revoked + active AND {a}""",
    "active and its lifetime figures are the sums of its entries": """
        SELECT a.id, format('active %%s, entries %%s; figures %%s, entries %%s', a.active, e.amount,
                            (a.earned, a.spent, a.expired, a.revoked, a.moved),
                            (e.earned, e.spent, e.expired, e.revoked, e.moved))
        FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS amount, count(*) AS entries, coalesce(max(seq), 0) AS last,
                   coalesce(sum(amount) FILTER (
                       WHERE kind IN ('EARN', 'ACTIVATION') OR (kind = 'ADJUSTMENT' AND amount > 0)), 0) AS earned,
                   coalesce(-sum(amount) FILTER (WHERE kind IN ('SPEND', 'ROLLBACK')), 0) AS spent,
                   coalesce(-sum(amount) FILTER (WHERE kind = 'EXPIRY'), 0) AS expired,
                   coalesce(-sum(amount) FILTER (
                       WHERE kind IN ('REFUND', 'REPAYMENT') OR (kind = 'ADJUSTMENT' AND amount < 0)), 0) AS revoked,
                   coalesce(sum(amount) FILTER (
                       WHERE kind IN ('TRANSFER_IN', 'TRANSFER_OUT', 'MERGE_IN', 'MERGE_OUT')), 0) AS moved
            FROM entry WHERE entry.account = a.id
        ) AS e
        WHERE (a.active, a.earned, a.spent, a.expired, a.revoked, a.moved, a.entries, a.entries)
              IS DISTINCT FROM (e.amount, e.earned, e.spent, e.expired, e.revoked, e.moved, e.entries, e.last)
              AND {a}""",
    "what moved out of accounts moved into others of the same card": """
        SELECT min(a.id), format('card %%s: %%s', a.card_id, sum(a.moved)) FROM account a
        WHERE {a} GROUP BY a.program, a.card_id HAVING sum(a.moved) <> 0""",
    "it is of a customer of its program, and in the state of its customer": """
        SELECT a.id, format('%%s, customer %%s', a.state, c.state)
        FROM account a LEFT JOIN customer c ON c.id = a.customer AND c.program = a.program
        WHERE a.state IS DISTINCT FROM replace(c.state, 'ACTIVE', 'OPEN') AND {a}""",
    "nothing is left in one that was merged": """
        SELECT a.id, format('active %%s, pending %%s, held %%s, debt %%s', active, pending, held, debt)
        FROM account a WHERE a.state = 'MERGED' AND (active, pending, held, debt) <> (0, 0, 0, 0) AND {a}""",
    "nothing but debt is left in one that was closed": """
        SELECT a.id, format('active %%s, pending %%s, held %%s', active, pending, held)
        FROM account a WHERE a.state = 'CLOSED' AND (active, pending, held) <> (0, 0, 0) AND {a}""",
    "its groups of sliding lots are counted, and each has its expiry": """
        SELECT a.id, format('sliding expiries %%s, found %%s, lots without %%s', a.sliding_expiries, s.found, s.bare)
        FROM account a CROSS JOIN LATERAL (
            SELECT (SELECT count(*) FROM sliding_expiry WHERE sliding_expiry.account = a.id) AS found,
                   (SELECT count(*) FROM lot WHERE lot.account = a.id AND state = 'ACTIVE' AND lot.slides
                    AND NOT EXISTS (
                        SELECT FROM sliding_expiry s
                        WHERE s.account = a.id AND s.settings_version = lot.settings_version
                    )) AS bare
        ) AS s
        WHERE (a.sliding_expiries <> s.found OR s.bare > 0) AND {a}""",
    "whatever names an account names one that exists, of its program": """
        SELECT l.account, format('%%s rows', count(*)) FROM (
            SELECT account, program FROM lot UNION ALL SELECT account, program FROM entry
            UNION ALL SELECT account, program FROM hold UNION ALL SELECT account, program FROM spending
            UNION ALL SELECT account, program FROM shortfall UNION ALL SELECT account, program FROM transaction
            UNION ALL SELECT account, program FROM refund
        ) AS l
        WHERE NOT EXISTS (SELECT FROM account WHERE account.id = l.account AND account.program = l.program) AND {l}
        GROUP BY l.account""",
}
