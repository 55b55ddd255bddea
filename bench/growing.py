"""The SQL of a database that has been in use for most of a year: rows as the server writes them, by the thousand.

Every account has the same life, some longer than others: four purchases, then a spending of its two oldest lots, and
so on. So each row follows from the account, the number of the entry in it and the account's last: nothing has to be
looked up, and all that `fealty ledger verify` checks is so.
"""

# Of every EACH entries the last is a spending.
EACH = 5
# What a purchase costs and earns, and what a spending takes: two lots.
AMOUNT_MINOR, POINTS, SPENT = 12_34, 12, 24

# Customers differ: the one at rank 10,000 has a tenth of the entries of the one at rank 100. `phase` spreads the
# entries of accounts that have the same number of them.
ACCOUNTS = """
CREATE TEMP TABLE grown_account AS
SELECT r.account, r.customer, r.program, r.name, greatest(1, round(%(entries)s / sqrt(r.rank) / t.shares))::int AS last,
       0.001 + 0.998 * random() AS phase
FROM (
    SELECT a.id AS account, a.customer, a.program, row_number() OVER (ORDER BY a.id) AS rank,
           format('programs/%%s/customers/%%s', p.program_id, c.customer_id) AS name
    FROM account a JOIN customer c ON c.id = a.customer JOIN program p ON p.id = a.program
    WHERE a.entries = 0 AND a.card_id = 'points'
) AS r,
(
    SELECT sum(1 / sqrt(rank)) AS shares
    FROM generate_series(1, (SELECT count(*) FROM account WHERE entries = 0 AND card_id = 'points')) AS rank
) AS t
"""

# What was written last of each kind, by the server: the rows here are its rows but for ids, instants and numbers.
SAMPLES = """
CREATE TEMP TABLE grown_sample AS
SELECT e.kind = 'SPEND' AS is_spending, e.occurred_at, a.id, a.action, a.category, a.type, a.source, a.module,
       a.actor_type, a.actor, a.outcome, a.event, a.body, s.reference, r.caller, r.method, r.response
FROM (SELECT DISTINCT ON (kind) * FROM entry WHERE kind IN ('EARN', 'SPEND') ORDER BY kind, recorded_at DESC) AS e
JOIN activity a ON a.id = e.activity
JOIN request r ON position(a.id::text IN r.response) > 0
LEFT JOIN spending s ON s.account = e.account AND s.seq = e.seq
"""

CHUNK = """
CREATE TEMP TABLE grown (
    account bigint, customer bigint, program integer, name text, seq integer, is_spending boolean, earned integer,
    spent integer, depleted integer, at timestamptz, activity uuid, transaction_id text, request_id uuid
)
"""

# The entries of a part of the time, in the order of time: ids grow with it, and neighbours in the tables are of
# different customers.
FILL = f"""
INSERT INTO grown
SELECT g.account, g.customer, g.program, g.name, seq, mod(seq, {EACH}) = 0, seq - seq / {EACH}, seq / {EACH},
       g.last / {EACH} * 2, t.at,
       (lpad(to_hex((extract(epoch FROM t.at) * 1000)::bigint), 12, '0') || '7' || substr(h.hash, 1, 3)
        || '8' || substr(h.hash, 4, 15))::uuid,
       h.hash::uuid::text, reverse(h.hash)::uuid
FROM grown_account g
CROSS JOIN LATERAL generate_series(ceil(%(since)s::float8 * g.last + g.phase)::int,
                                   ceil(%(until)s::float8 * g.last + g.phase)::int - 1) AS seq
CROSS JOIN LATERAL (
    SELECT %(ends)s::timestamptz - (1 - (seq - g.phase) / g.last) * %(period)s::interval AS at
) AS t
CROSS JOIN LATERAL (SELECT md5(format('%%s %%s', g.account, seq)) AS hash) AS h
ORDER BY t.at
"""

# The parameters of a body's format: id, instant, request id, subject, number of the entry.
ACTIVITIES = f"""
INSERT INTO activity (id, program, customer, occurred_at, recorded_at, action, category, type, source, module,
                      actor_type, actor, outcome, event, points, subject, details, body)
SELECT g.activity, g.program, g.customer, g.at, g.at, s.action, s.category, s.type, s.source, s.module, s.actor_type,
       s.actor, s.outcome, s.event, CASE WHEN g.is_spending THEN -{SPENT} ELSE {POINTS} END,
       b.body ->> 'subject', b.body -> 'details', b.body
FROM grown g JOIN grown_sample s USING (is_spending)
CROSS JOIN LATERAL (
    SELECT format(
        s.body, g.activity, to_char(g.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), g.request_id,
        g.name || CASE WHEN g.is_spending THEN '/accounts/points' ELSE '/transactions/' || g.transaction_id END, g.seq
    )::json AS body OFFSET 0
) AS b
ORDER BY g.at
"""

TRANSACTIONS = f"""
INSERT INTO transaction (program, transaction_id, account, amount_minor, currency_code, points, lot, settings_version,
                         occurred_at, recorded_at, decided, accepts_at, activity)
SELECT program, transaction_id, account, {AMOUNT_MINOR}, 'USD', {POINTS}, earned, 1, at, at, 'ACCEPTED', at, activity
FROM grown WHERE NOT is_spending ORDER BY at
"""

# Usable to the end of the month in which they are a year old.
LOTS = f"""
INSERT INTO lot (account, number, program, state, points, remaining, activates_at, expires_at, settings_version,
                 issued_at, transaction_id, activity)
SELECT account, earned, program, CASE WHEN earned <= depleted THEN 'DEPLETED' ELSE 'ACTIVE' END, {POINTS},
       CASE WHEN earned <= depleted THEN 0 ELSE {POINTS} END, at,
       (date_trunc('month', at AT TIME ZONE 'Europe/Prague') + interval '13 months') AT TIME ZONE 'Europe/Prague', 1,
       at, transaction_id, activity
FROM grown WHERE NOT is_spending ORDER BY at
"""

ENTRIES = f"""
INSERT INTO entry (account, seq, program, kind, amount, active_after, held_after, debt_after, occurred_at, recorded_at,
                   transaction_id, lot, activity)
SELECT account, seq, program, CASE WHEN is_spending THEN 'SPEND' ELSE 'EARN' END,
       CASE WHEN is_spending THEN -{SPENT} ELSE {POINTS} END, earned * {POINTS} - spent * {SPENT}, 0, 0, at, at,
       CASE WHEN NOT is_spending THEN transaction_id END, CASE WHEN NOT is_spending THEN earned END, activity
FROM grown ORDER BY at
"""

SPLITS = f"""
INSERT INTO split (account, seq, lot, program, ordinal, amount)
SELECT account, seq, spent * 2 - 1 + ordinal, program, ordinal, -{POINTS} FROM grown, generate_series(0, 1) AS ordinal
WHERE is_spending
"""

SPENDINGS = f"""
INSERT INTO spending (account, seq, program, points, spent_at, reference, activity)
SELECT g.account, g.seq, g.program, {SPENT}, g.at, s.reference, g.activity
FROM grown g JOIN grown_sample s USING (is_spending) WHERE g.is_spending ORDER BY g.at
"""

# Kept answers are pruned after RETENTION.
REQUESTS = """
INSERT INTO request (caller, method, request_id, content_hash, response, recorded_at)
SELECT s.caller, s.method, g.request_id, sha256(convert_to(g.transaction_id, 'UTF8')),
       replace(s.response, s.id::text, g.activity::text), g.at
FROM grown g JOIN grown_sample s USING (is_spending)
WHERE g.at > %(ends)s::timestamptz - %(retention)s::interval ORDER BY g.at
"""

SUMS = f"""
UPDATE account a
SET active = s.earned * {POINTS} - s.spent * {SPENT}, earned = s.earned * {POINTS}, spent = s.spent * {SPENT},
    version = s.last, lots = s.earned, entries = s.last,
    due_at = (SELECT min(expires_at) FROM lot WHERE lot.account = a.id AND state = 'ACTIVE')
FROM (SELECT account, last, last - last / {EACH} AS earned, last / {EACH} AS spent FROM grown_account) AS s
WHERE a.id = s.account
"""
