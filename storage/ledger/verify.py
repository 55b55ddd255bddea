"""The conservation check: recomputes every account from its lots and entries, and compares.

active    = what is left of its active lots     = the sum of its entries
pending   = what its pending lots hold
held      = what its open holds pin
debt      = what its debts still ask for
earned + moved = spent + expired + revoked + active
each lot  : given minus taken = left; never more taken than given
each entry: the sum of its allocations = its amount; active after = active before + amount; no number missing
due       = not later than the next instant at which time alone changes anything
coupons   : uses and what is reserved = redemptions that stand and reservations; balances = what these left
stocks    : what is taken of their slots = the same; never more than there is

The rules stand in storage/ledger/verifying/; `rebuild` there goes through the books once more, in Python.
"""

from typing import NamedTuple

from storage.engine.database import Connection, patient
from storage.ledger.verifying import accounts, acts, coupons, lots

# Enough to see the kind of a fault; a fault shows in thousands of accounts at once.
FAULTS_SHOWN = 20


class Totals(NamedTuple):
    """Sums over accounts, in units. `issued` is all that was ever earned, pending points included. And how many coupons
    and redemptions of them there are."""

    accounts: int
    transactions: int
    issued: int
    pending: int
    active: int
    spent: int
    expired: int
    revoked: int
    held: int
    debt: int
    coupons: int = 0
    redemptions: int = 0


class Verdict(NamedTuple):
    """The totals, how many checks failed, and sentences about the first FAULTS_SHOWN."""

    totals: Totals
    faults: int
    shown: list[str]

    @property
    def holds(self) -> bool:
        """Whether every account, coupon and stock adds up."""
        return self.faults == 0


def verify(connection: Connection, program: int | None = None) -> Verdict:
    """Checks all books, or those of one program, as one snapshot."""
    with patient(connection), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        counted = connection.execute(_TOTALS, {"program": program}).fetchone()
        assert counted is not None
        faults = 0
        shown: list[str] = []
        for noun, rules in _RULES.items():
            for rule, query in rules.items():
                for found, detail in connection.execute(query, {"program": program}):
                    faults += 1
                    if len(shown) < FAULTS_SHOWN:
                        shown.append(f"{noun} {found}: {rule}: {detail}")
    return Verdict(Totals(*(int(figure) for figure in counted)), faults, shown)


_TOTALS = """
SELECT count(*), (SELECT count(*) FROM transaction t WHERE %(program)s::int IS NULL OR t.program = %(program)s),
       coalesce(sum(earned + pending), 0), coalesce(sum(pending), 0), coalesce(sum(active), 0),
       coalesce(sum(spent), 0), coalesce(sum(expired), 0), coalesce(sum(revoked), 0), coalesce(sum(held), 0),
       coalesce(sum(debt), 0),
       (SELECT count(*) FROM coupon c WHERE %(program)s::int IS NULL OR c.program = %(program)s),
       (SELECT count(*) FROM redemption r WHERE %(program)s::int IS NULL OR r.program = %(program)s)
FROM account WHERE %(program)s::int IS NULL OR program = %(program)s
"""

_OF_PROGRAM = "(%(program)s::int IS NULL OR {alias}.program = %(program)s)"

# By what a rule finds at fault.
_RULES = {
    noun: {
        rule: query.format(**{alias: _OF_PROGRAM.format(alias=alias) for alias in "acehlmrst"})
        for rule, query in rules.items()
    }
    for noun, rules in {
        "account": {**accounts.RULES, **lots.RULES, **acts.RULES},
        "coupon": coupons.COUPONS,
        "redemption": coupons.REDEMPTIONS,
        "claim": coupons.CLAIMS,
        "stock": coupons.STOCKS,
    }.items()
}
