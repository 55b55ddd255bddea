"""The conservation check: recomputes every account from its lots and entries, and compares.

active    = what is left of its active lots     = the sum of its entries
pending   = what its pending lots hold
held      = what its open holds pin
debt      = what its debts still ask for
earned + moved = spent + expired + revoked + active
each lot  : given minus taken = left; never more taken than given
each entry: the sum of its allocations = its amount; active after = active before + amount; no number missing
due       = not later than the next instant at which time alone changes anything

The rules stand in storage/ledger/verifying/; `rebuild` there goes through the books once more, in Python.
"""

from typing import NamedTuple

from storage.engine.database import Connection, patient
from storage.ledger.verifying import accounts, acts, lots

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
    revoked: int
    held: int
    debt: int


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
    with patient(connection), connection.transaction():
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
       coalesce(sum(spent), 0), coalesce(sum(expired), 0), coalesce(sum(revoked), 0), coalesce(sum(held), 0),
       coalesce(sum(debt), 0)
FROM account WHERE %(program)s::int IS NULL OR program = %(program)s
"""

_OF_PROGRAM = "(%(program)s::int IS NULL OR {alias}.program = %(program)s)"

_RULES = {
    rule: query.format(**{alias: _OF_PROGRAM.format(alias=alias) for alias in "aehlrst"})
    for rule, query in {**accounts.RULES, **lots.RULES, **acts.RULES}.items()
}
