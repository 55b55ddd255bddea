"""The conservation check: recomputes every account from its lots and entries, and compares.

active    = what is left of its active lots     = the sum of its entries
pending   = what its pending lots hold
earned    = spent + expired + active
each lot  : given minus taken = left; never more taken than given
each entry: the sum of its allocations = its amount; active after = active before + amount; no number missing
due       = not later than the next instant at which time alone changes a lot
"""

from typing import NamedTuple

from storage.engine.database import Connection

# Enough to see the kind of a fault; a fault shows in thousands of accounts at once.
FAULTS_SHOWN = 20


class Totals(NamedTuple):
    """Sums over accounts, in units. `issued` is all that was ever earned, pending points included."""

    accounts: int
    transactions: int
    issued: int
    pending: int
    active: int
    spent: int
    expired: int


class Verdict(NamedTuple):
    """The totals, how many checks failed, and sentences about the first FAULTS_SHOWN."""

    totals: Totals
    faults: int
    shown: list[str]

    @property
    def holds(self) -> bool:
        """Whether every account adds up."""
        return self.faults == 0


def verify(connection: Connection, program: int | None = None) -> Verdict:
    """Checks all accounts, or those of one program, as one snapshot."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        counted = connection.execute(_TOTALS, {"program": program}).fetchone()
        assert counted is not None
        faults = 0
        shown: list[str] = []
        for rule, query in _RULES.items():
            for account, detail in connection.execute(query, {"program": program}):
                faults += 1
                if len(shown) < FAULTS_SHOWN:
                    shown.append(f"account {account}: {rule}: {detail}")
    return Verdict(Totals(*(int(figure) for figure in counted)), faults, shown)


_TOTALS = """
SELECT count(*), (SELECT count(*) FROM transaction t WHERE %(program)s::int IS NULL OR t.program = %(program)s),
       coalesce(sum(earned + pending), 0), coalesce(sum(pending), 0), coalesce(sum(active), 0),
       coalesce(sum(spent), 0), coalesce(sum(expired), 0)
FROM account WHERE %(program)s::int IS NULL OR program = %(program)s
"""

_OF_PROGRAM = "(%(program)s::int IS NULL OR {alias}.program = %(program)s)"

_RULES = {
    "active and pending are what its lots hold": """
        SELECT a.id, format('active %%s, lots %%s; pending %%s, lots %%s', a.active, l.active, a.pending, l.pending)
        FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(remaining) FILTER (WHERE state = 'ACTIVE'), 0) AS active,
                   coalesce(sum(remaining) FILTER (WHERE state = 'PENDING'), 0) AS pending
            FROM lot WHERE lot.account = a.id
        ) AS l
        WHERE (a.active <> l.active OR a.pending <> l.pending) AND {a}""",
    "its lots are all there, and what time does to them is due in time": """
        SELECT a.id, format('lots %%s, found %%s; due %%s, lots due %%s', a.lots, l.found, a.due_at, l.due_at)
        FROM account a CROSS JOIN LATERAL (
            SELECT count(*) AS found, coalesce(max(number), 0) AS last,
                   min(CASE state WHEN 'PENDING' THEN activates_at WHEN 'ACTIVE' THEN expires_at END) AS due_at
            FROM lot WHERE lot.account = a.id
        ) AS l
        WHERE ((a.lots, a.lots) IS DISTINCT FROM (l.found, l.last) OR coalesce(a.due_at, 'infinity') > l.due_at)
              AND {a}""",
    "each lot and each entry is of an account that exists": """
        SELECT l.account, format('%%s lots and entries', count(*)) FROM (
            SELECT account, program FROM lot UNION ALL SELECT account, program FROM entry
        ) AS l WHERE NOT EXISTS (SELECT FROM account WHERE account.id = l.account) AND {l} GROUP BY l.account""",
    "earned is spent, expired and active": """
        SELECT a.id, format('earned %%s, spent %%s, expired %%s, active %%s', earned, spent, expired, active)
        FROM account a WHERE earned <> spent + expired + active AND {a}""",
    "active, earned, spent and expired are the sums of its entries": """
        SELECT a.id, format('active %%s, entries %%s', a.active, e.amount)
        FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS amount, count(*) AS entries, coalesce(max(seq), 0) AS last,
                   coalesce(sum(amount) FILTER (WHERE kind IN ('EARN', 'ACTIVATION')), 0) AS earned,
                   coalesce(-sum(amount) FILTER (WHERE kind = 'SPEND'), 0) AS spent,
                   coalesce(-sum(amount) FILTER (WHERE kind = 'EXPIRY'), 0) AS expired
            FROM entry WHERE entry.account = a.id
        ) AS e
        WHERE (a.active, a.earned, a.spent, a.expired, a.entries, a.entries)
              IS DISTINCT FROM (e.amount, e.earned, e.spent, e.expired, e.entries, e.last) AND {a}""",
    "each entry follows from the one before": """
        SELECT e.account, format('entry %%s: active %%s after %%s, amount %%s', e.seq, e.active, e.before, e.amount)
        FROM (SELECT account, program, seq, active, amount,
                     coalesce(lag(active) OVER (PARTITION BY account ORDER BY seq), 0) AS before FROM entry) AS e
        WHERE e.active <> e.before + e.amount AND {e}""",
    "each entry is the sum of its allocations": """
        SELECT e.account, format('entry %%s: amount %%s, allocations %%s', e.seq, e.amount, a.amount)
        FROM entry e CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS amount FROM allocation
            WHERE allocation.account = e.account AND allocation.seq = e.seq
        ) AS a WHERE e.amount <> a.amount AND {e}""",
    "each lot has left what it was given and not taken": """
        SELECT l.account, format('lot %%s (%%s): left %%s, allocations %%s', l.number, l.state, l.remaining, a.amount)
        FROM lot l LEFT JOIN (
            SELECT account, lot, sum(amount) AS amount, sum(amount) FILTER (WHERE amount > 0) AS given
            FROM allocation GROUP BY account, lot
        ) AS a ON a.account = l.account AND a.lot = l.number
        WHERE CASE l.state WHEN 'PENDING' THEN a.amount IS NOT NULL OR l.remaining <> l.points
                           ELSE a.amount IS DISTINCT FROM l.remaining OR a.given IS DISTINCT FROM l.points END
              AND {l}""",
    "each lot is in the state that its figures say": """
        SELECT l.account, format('lot %%s is %%s with %%s left', l.number, l.state, l.remaining)
        FROM lot l WHERE (l.remaining = 0) <> (l.state IN ('DEPLETED', 'EXPIRED', 'CANCELLED')) AND {l}""",
    "each purchase earned what its lot was given": """
        SELECT t.account, format('transaction of %%s points, lot %%s of %%s', t.points, t.lot, l.points)
        FROM transaction t LEFT JOIN lot l ON l.account = t.account AND l.number = t.lot
        WHERE t.points <> coalesce(l.points, 0) AND {t}""",
    "each lot is of a purchase that exists": """
        SELECT l.account, format('lot %%s of transaction %%s', l.number, l.transaction_id) FROM lot l
        WHERE NOT EXISTS (
            SELECT FROM transaction t WHERE t.program = l.program AND t.transaction_id = l.transaction_id
        ) AND l.transaction_id IS NOT NULL AND {l}""",
}
_RULES = {
    rule: query.format(**{alias: _OF_PROGRAM.format(alias=alias) for alias in "aelt"}) for rule, query in _RULES.items()
}
