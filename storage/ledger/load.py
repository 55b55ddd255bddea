"""Reads what a group of commands needs to know, with its accounts locked."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from rules.ledger import Account, Lot, LotState
from storage.engine.database import Connection
from storage.engine.requests import Request
from storage.engine.session import Session, Statement
from storage.ledger.addresses import Address, Place
from storage.programs.queries import Clock, Clocks

STATES = {state.value: state for state in LotState}


class Known(NamedTuple):
    """A transaction that is in the books already, and what became of its points."""

    account: int
    amount_minor: int
    currency_code: str
    lines: list[list[Any]] | None
    points: int
    occurred_at: datetime
    activity: str
    lot_state: str | None
    activates_at: datetime | None
    expires_at: datetime | None


class Loaded(NamedTuple):
    """What is known at `now`, the database's clock: accounts by internal id, clocks of programs, kept answers by the
    key of their request, transactions by program and transaction id."""

    now: datetime
    accounts: dict[int, Account]
    clocks: dict[int, Clock]
    answers: dict[tuple[str, str, str], tuple[str, str]]
    transactions: dict[tuple[int, str], Known]


def lock_group(
    session: Session,
    clocks: Clocks,
    places: Iterable[Place],
    requests: Iterable[Request],
    transactions: Sequence[tuple[int, str]],
) -> Loaded:
    """Begins a transaction, locks the accounts in the order of their ids, so that two groups never wait for each other
    in a ring, and answers what is known then."""
    found = list(places)
    wanted = {
        "accounts": [place.account for place in found],
        "programs": clocks.wanted({place.program for place in found}),
        "requests": [request.key for request in requests],
        "transactions": transactions,
    }
    return _loaded(session.run(_LOCK_GROUP, [to_json(wanted)], begin=True), clocks)


def read_accounts(session: Session, clocks: Clocks, places: Iterable[Place]) -> Loaded:
    """The accounts as they stand, not locked, and the clocks of their programs."""
    found = list(places)
    programs = clocks.wanted({place.program for place in found})
    parameters = [to_json([place.account for place in found]), to_json(programs)]
    return _loaded(session.run(_READ, parameters), clocks)


def clock(session: Session, clocks: Clocks, program: int) -> Clock | None:
    """The clock of one program."""
    parameters = [b"[]", to_json(clocks.wanted([program]))]
    return _loaded(session.run(_READ, parameters), clocks).clocks.get(program)


def _loaded(text: bytes, clocks: Clocks) -> Loaded:
    body = from_json(text)
    now = datetime.fromisoformat(body["now"])
    return Loaded(
        now,
        {row[0]: Account._make([*row[1:11], _instant(row[11])]) for row in body["accounts"] or ()},
        clocks.read(body["clocks"] or (), now),
        {tuple(row[:3]): (row[3], row[4]) for row in body.get("answers") or ()},
        {(int(row[0]), row[1]): _known(*row[2:]) for row in body.get("transactions") or ()},
    )


def _known(account: int, amount: int, currency: str, lines: Any, points: int, occurred_at: str, *rest: Any) -> Known:
    activity, state, activates_at, expires_at = rest
    at = datetime.fromisoformat(occurred_at)
    return Known(
        account, amount, currency, lines, points, at, activity, state, _instant(activates_at), _instant(expires_at)
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def lock_due(connection: Connection, program: int, now: datetime, limit: int) -> dict[Place, tuple[str, Account]]:
    """Up to `limit` accounts of a program in which something fell due, with their resource names; locked.

    Accounts that somebody else has in hand are passed over: whoever writes to them settles them.
    """
    rows = connection.execute(_LOCK_DUE, (program, now, limit), prepare=True)
    return {
        Place(account, program, customer): (Address(program_id, customer_id, card).name, Account(*figures))
        for account, customer, program_id, customer_id, card, *figures in rows
    }


def open_lots(connection: Connection, wanted: Sequence[int]) -> dict[int, dict[int, Lot]]:
    """The open lots of each account, by number. Ask after the accounts are locked."""
    found: dict[int, dict[int, Lot]] = {account: {} for account in wanted}
    for account, number, state, *rest in connection.execute(_OPEN_LOTS, (wanted,), prepare=True):
        found[account][number] = Lot(number, STATES[state], *rest)
    return found


_ACCOUNT = "a.pending, a.active, a.held, a.debt, a.earned, a.spent, a.expired, a.version, a.lots, a.entries, a.due_at"

_LOCK_GROUP = Statement("SELECT load_group($1)", ["json"])

_READ = Statement(
    f"""
SELECT json_build_object(
    'now', clock_timestamp(),
    'clocks', (
        SELECT json_agg(json_build_array(p.id, p.version, p.test_clock_at,
                                         CASE WHEN p.version = (k ->> 1)::integer THEN NULL ELSE p.settings END))
        FROM json_array_elements($2) AS k
        CROSS JOIN LATERAL (SELECT * FROM program WHERE id = (k ->> 0)::integer OFFSET 0) AS p
    ),
    'accounts', (
        SELECT json_agg(json_build_array(a.id, {_ACCOUNT}))
        FROM account a WHERE a.id = ANY(ARRAY(SELECT json_array_elements_text($1)::bigint))
    )
)""",  # noqa: S608
    ["json", "json"],
)

_LOCK_DUE = f"""
SELECT a.id, a.customer, p.program_id, c.customer_id, a.card_id, {_ACCOUNT}
FROM account a JOIN customer c ON c.id = a.customer JOIN program p ON p.id = a.program
WHERE a.program = %s AND a.due_at <= %s ORDER BY a.due_at, a.id LIMIT %s FOR UPDATE OF a SKIP LOCKED
"""  # noqa: S608

_OPEN_LOTS = """
SELECT account, number, state, points, remaining, activates_at, expires_at, policy_version, transaction_id
FROM lot WHERE account = ANY(%s) AND state IN ('PENDING', 'ACTIVE')
"""
