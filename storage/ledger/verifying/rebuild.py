"""The second opinion: goes through purchases and entries once more, in Python, and works out what they must come to.

Each purchase is earned anew from its amount, its lines and the settings it was earned under; each account's figures
are folded from its entries alone, one after the other. What differs is told like any other fault. Rows are streamed:
the books may be larger than memory.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from rules.accounts import EntryKind
from rules.refusals import Refusal
from rules.transactions import Line, earned
from storage.engine.database import Connection, patient
from storage.engine.session import session
from storage.ledger.reading.figures import figure
from storage.programs.queries import BlockingProgramCache

# Rows that travel at once: some megabytes.
STREAMED_ROWS = 5_000
# As many sentences as `verify` shows, for the same reason.
FAULTS_SHOWN = 20


class Rebuilt(NamedTuple):
    """How many purchases and accounts were gone through, how many differ, and sentences about the first of them."""

    transactions: int
    accounts: int
    faults: int
    shown: list[str]

    @property
    def holds(self) -> bool:
        """Whether all came to the same again."""
        return self.faults == 0


class _Fault(NamedTuple):
    account: int
    rule: str
    detail: str


def rebuild(connection: Connection, program: int | None = None) -> Rebuilt:
    """Rebuilds all accounts, or those of one program, as one snapshot."""
    counted = {"transactions": 0, "accounts": 0}
    faults = 0
    shown: list[str] = []
    with patient(connection), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        for found in (_purchases(connection, program, counted), _accounts(connection, program, counted)):
            for fault in found:
                faults += 1
                if len(shown) < FAULTS_SHOWN:
                    shown.append(f"account {fault.account}: {fault.rule}: {fault.detail}")
    return Rebuilt(counted["transactions"], counted["accounts"], faults, shown)


def _purchases(connection: Connection, program: int | None, counted: dict[str, int]) -> Iterator[_Fault]:
    programs = BlockingProgramCache(session(connection))
    rule = "a purchase is earned anew as it was earned"
    for account, of, card_id, name, amount_minor, currency, lines, points, version in _stream(
        connection, "purchases", _PURCHASES, program
    ):
        counted["transactions"] += 1
        try:
            card = programs.version(of, version).card(card_id, str(of))
            anew = earned(card.earn_rate, amount_minor, currency, [Line(*line) for line in lines or ()])
        except Refusal as refusal:
            yield _Fault(account, rule, f"transaction {name}: {refusal}")
            continue
        if anew != points:
            yield _Fault(account, rule, f"transaction {name} earned {points}, and now {anew}")


def _accounts(connection: Connection, program: int | None, counted: dict[str, int]) -> Iterator[_Fault]:
    """Accounts and their entries travel side by side, both by account: neither is ever all in memory."""
    entries = _stream(connection, "entries", _ENTRIES, program)
    entry = next(entries, None)
    for account, *kept in _stream(connection, "accounts", _ACCOUNTS, program):
        counted["accounts"] += 1
        figures = dict.fromkeys(_FIGURES, 0)
        while entry is not None and entry[0] < account:
            yield _Fault(entry[0], "an entry is of an account", f"entry {entry[1]}")
            entry = next(entries, None)
        while entry is not None and entry[0] == account:
            _, seq, kind, amount, active = entry
            figures["entries"] += 1
            name, sign = figure(EntryKind(kind), amount)
            figures[name] += sign * amount
            figures["active"] += amount
            if (seq, active) != (figures["entries"], figures["active"]):
                detail = f"entry {seq}: active {active}, and now entry {figures['entries']}: {figures['active']}"
                yield _Fault(account, "an entry follows from those before", detail)
            entry = next(entries, None)
        before = dict(zip(_FIGURES, kept, strict=True))
        differing = [name for name in _FIGURES if before[name] != figures[name]]
        if differing:
            detail = "; ".join(f"{name} {before[name]}, and now {figures[name]}" for name in differing)
            yield _Fault(account, "its figures follow from its entries", detail)
    while entry is not None:
        yield _Fault(entry[0], "an entry is of an account", f"entry {entry[1]}")
        entry = next(entries, None)


def _stream(connection: Connection, name: str, query: str, program: int | None) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name=name) as cursor:
        cursor.itersize = STREAMED_ROWS
        yield from cursor.execute(query.encode(), {"program": program})


_FIGURES = ("active", "earned", "spent", "expired", "revoked", "moved", "entries")

_PURCHASES = """
SELECT t.account, t.program, a.card_id, t.transaction_id, t.amount_minor, t.currency_code, t.lines, t.points,
       t.settings_version
FROM transaction t JOIN account a ON a.id = t.account
WHERE %(program)s::int IS NULL OR t.program = %(program)s
"""

_ENTRIES = """
SELECT account, seq, kind, amount, active_after FROM entry
WHERE %(program)s::int IS NULL OR program = %(program)s ORDER BY account, seq
"""

_ACCOUNTS = f"""
SELECT id, {", ".join(_FIGURES)} FROM account
WHERE %(program)s::int IS NULL OR program = %(program)s ORDER BY id
"""  # noqa: S608
