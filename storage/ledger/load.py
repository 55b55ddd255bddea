"""Reads what a group of commands needs to know, with its accounts locked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import json

from rules.accounts import Account, AccountState, Hold, HoldState, Lot, LotState, Shortfall, ShortfallKind
from rules.refunds import Spending
from rules.transactions import Line, Purchase, TransactionState
from storage.engine.functions import Functions
from storage.engine.requests import Request
from storage.engine.session import Session, Statement
from storage.ledger.addresses import AccountKey
from storage.programs.queries import ProgramCache, ProgramState

_LOT_STATES = {state.value: state for state in LotState}
_HOLD_STATES = {state.value: state for state in HoldState}
_ACCOUNT_STATES = {state.value: state for state in AccountState}
_DECIDED = {state.value: state for state in TransactionState}


class LoadedPurchase(NamedTuple):
    """A purchase that is in the books, by which account, with the number and term of its lot there.

    `origin_account` is where its lot was made, where that is another; `activity` recorded it.
    """

    purchase: Purchase
    account: int
    origin_account: int | None
    activity: str
    lot: int | None
    activates_at: datetime | None
    expires_at: datetime | None


class Loaded(NamedTuple):
    """What is known at `now`, the database's clock: accounts by internal id, and which of them are locked; clocks of
    programs; kept answers by the key of their request; purchases by program and id; holds, spendings, debts and slides
    by account and number."""

    now: datetime
    accounts: dict[int, Account]
    locked: frozenset[int]
    clocks: dict[int, ProgramState]
    answers: dict[tuple[str, str, str], tuple[str, str]]
    purchases: dict[tuple[int, str], LoadedPurchase]
    holds: dict[int, dict[int, Hold]]
    spendings: dict[int, dict[int, Spending]]
    shortfalls: dict[int, dict[int, Shortfall]]
    sliding_expiries: dict[int, dict[int, datetime]]


class LotsAtHand(NamedTuple):
    """Lots of an account by number, and the next instant at which time changes what is not among them."""

    lots: dict[int, Lot]
    rest_due_at: datetime | None


async def lock_group(
    session: Session,
    clocks: ProgramCache,
    wanted: Mapping[str, Any],
    programs: Iterable[int],
    begin: bool = True,
    patience_ms: int | None = None,
) -> Loaded:
    """Begins a transaction (unless the caller has), locks the accounts, and answers what is known then.

    Without `patience_ms`, accounts that somebody else has in hand are passed over, and answered as they stand. With
    it, each lock of the transaction is waited for that long; accounts are locked in the order of their ids, so that
    two groups never wait for each other in a ring. `wanted` is made by `question`.
    """
    asked = {**wanted, "programs": clocks.wanted(programs), "patience_ms": patience_ms}
    return _loaded(await session.run(_LOCK_GROUP, [json.encode(asked)], begin=begin), clocks)


def question(
    accounts: Sequence[int],
    requests: Iterable[Request],
    transactions: Sequence[tuple[int, str]],
    looked_at: Sequence[int] = (),
    holds: Sequence[tuple[int, int]] = (),
    spendings: Sequence[tuple[int, int]] = (),
    paid: Sequence[tuple[int, str]] = (),
    shortfalls: Sequence[tuple[int, int]] = (),
) -> dict[str, Any]:
    """What to ask for, by internal ids. `accounts` are to be locked, those `looked_at` are not. `paid` are purchases
    whose spendings are wanted, by the account that spent."""
    return {
        "accounts": accounts,
        "looked_at": looked_at,
        "requests": [request.key for request in requests],
        "transactions": transactions,
        "holds": holds,
        "spendings": spendings,
        "paid": paid,
        "shortfalls": shortfalls,
    }


async def read_accounts(session: Session, clocks: ProgramCache, keys: Iterable[AccountKey]) -> Loaded:
    """The accounts as they stand, not locked, and the clocks of their programs."""
    found = list(keys)
    programs = clocks.wanted({key.program for key in found})
    parameters = [json.encode([key.account for key in found]), json.encode(programs)]
    return _loaded(await session.run(_READ, parameters), clocks)


async def read_details(session: Session, loaded: Loaded, accounts: Sequence[int]) -> Loaded:
    """The same with the open holds, debts and slides of some accounts, for those who settle them in passing."""
    body = json.decode(await session.run(_DETAILS, [json.encode(accounts)]))
    return loaded._replace(
        holds=_holds(body["holds"]),
        shortfalls=_shortfalls(body["shortfalls"]),
        sliding_expiries=_sliding_expiries(body["sliding_expiries"]),
    )


async def clock(session: Session, clocks: ProgramCache, program: int) -> ProgramState | None:
    """The clock of one program."""
    parameters = [b"[]", json.encode(clocks.wanted([program]))]
    return _loaded(await session.run(_READ, parameters), clocks).clocks.get(program)


async def lots_at_hand(
    session: Session, wanted: Sequence[tuple[int, datetime, int, Sequence[int]]]
) -> dict[int, LotsAtHand]:
    """For each (account, instant, points, numbers): the lots that time changes by then, those that hold so many free
    points, and those of these numbers. Ask after the accounts are locked."""
    if not wanted:
        return {}
    found = {}
    for account, rest_due_at, rows in json.decode(await session.run(_LOTS, [json.encode(wanted)])):
        lots = [lot(row) for row in rows or ()]
        found[account] = LotsAtHand({one.number: one for one in lots}, _instant(rest_due_at))
    return found


def lot(row: Sequence[Any]) -> Lot:
    """A lot out of its row (LOT_COLUMNS) as JSON."""
    number, state, points, remaining, activates_at, expires_at, version, issued_at, *rest = row
    return Lot(
        number,
        _LOT_STATES[state],
        points,
        remaining,
        _instant(activates_at),
        _instant(expires_at),
        version,
        datetime.fromisoformat(issued_at),
        *rest,
    )


def _loaded(text: bytes, clocks: ProgramCache) -> Loaded:
    body = json.decode(text)
    now = datetime.fromisoformat(body["now"])
    return Loaded(
        now,
        {
            row[0]: Account._make([*row[1:16], _ACCOUNT_STATES[row[16]], _instant(row[17])])
            for row in body["accounts"] or ()
        },
        frozenset(body.get("locked") or ()),
        clocks.read(body["clocks"] or (), now),
        {tuple(row[:3]): (row[3], row[4]) for row in body.get("answers") or ()},
        {(int(row[0]), row[1]): _known(*row[1:]) for row in body.get("transactions") or ()},
        _holds(body.get("holds")),
        _by_account((row[0], row[1], _spending(*row[1:])) for row in body.get("spendings") or ()),
        _shortfalls(body.get("shortfalls")),
        _sliding_expiries(body.get("sliding_expiries")),
    )


def _holds(rows: Iterable[Any] | None) -> dict[int, dict[int, Hold]]:
    return _by_account((row[0], row[1], _hold(*row[1:])) for row in rows or ())


def _shortfalls(rows: Iterable[Any] | None) -> dict[int, dict[int, Shortfall]]:
    return _by_account((row[0], row[1], _shortfall(*row[1:])) for row in rows or ())


def _sliding_expiries(rows: Iterable[Any] | None) -> dict[int, dict[int, datetime]]:
    return _by_account((row[0], row[1], datetime.fromisoformat(row[2])) for row in rows or ())


def _by_account(rows: Iterable[tuple[int, int, Any]]) -> dict[int, dict[int, Any]]:
    found: dict[int, dict[int, Any]] = {}
    for account, number, value in rows:
        found.setdefault(account, {})[number] = value
    return found


def _known(
    transaction_id: str, account: int, origin_account: int | None, activity: str, amount: int, currency: str,
    lines: list[list[Any]] | None, points: int, lot: int | None, version: int, occurred_at: str, decided: str,
    accepts_at: str | None, refunds: int, refunded_minor: int, refunded_points: int, refunded_lines: list[int] | None,
    lot_now: int | None, activates_at: str | None, expires_at: str | None,
) -> LoadedPurchase:  # fmt: skip
    purchase = Purchase(
        transaction_id,
        amount,
        currency,
        tuple(Line(*line) for line in lines or ()),
        points,
        lot,
        version,
        datetime.fromisoformat(occurred_at),
        _DECIDED[decided],
        _instant(accepts_at),
        refunds,
        refunded_minor,
        refunded_points,
        tuple(refunded_lines or ()),
    )
    return LoadedPurchase(
        purchase, account, origin_account, activity, lot_now, _instant(activates_at), _instant(expires_at)
    )


def _hold(
    number: int, state: str, points: int, expires_at: str, created_at: str, pins: list[list[int]], captured: int,
    ended_at: str | None, entry: int | None, reference: str, transaction_id: str | None,
) -> Hold:  # fmt: skip
    return Hold(
        number,
        _HOLD_STATES[state],
        points,
        datetime.fromisoformat(expires_at),
        datetime.fromisoformat(created_at),
        tuple((lot, pinned) for lot, pinned in pins),
        captured,
        _instant(ended_at),
        entry,
        reference,
        transaction_id,
    )


def _spending(
    seq: int, points: int, rolled_back: int, restored: int, spent_at: str, allocations: list[list[int]],
    transaction_id: str | None,
) -> Spending:  # fmt: skip
    taken = tuple((lot, amount) for lot, amount in allocations)
    return Spending(seq, points, rolled_back, restored, datetime.fromisoformat(spent_at), taken, transaction_id)


def _shortfall(
    number: int, kind: str, points: int, remaining: int, created_at: str, transaction_id: str | None, written_off: int,
    ended_at: str | None,
) -> Shortfall:  # fmt: skip
    at = datetime.fromisoformat(created_at)
    return Shortfall(
        number, ShortfallKind(kind), points, remaining, at, transaction_id, written_off, _instant(ended_at)
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


LOT_COLUMNS = """
    l.number, l.state, l.points, l.remaining, l.activates_at, l.expires_at, l.settings_version, l.issued_at,
    l.transaction_id, l.held, l.cancelled, l.slides, l.awaits, l.origin, l.origin_account
"""

FUNCTIONS = Functions(Path(__file__).parent / "load.sql")

_LOCK_GROUP = Statement(f"SELECT {FUNCTIONS['load_group']}($1)", ["json"])

_READ = Statement(
    """
SELECT json_build_object(
    'now', clock_timestamp(),
    'clocks', (
        SELECT json_agg(json_build_array(p.id, p.version, p.test_clock_at,
                                         CASE WHEN p.version = (k ->> 1)::integer THEN NULL ELSE p.settings END))
        FROM json_array_elements($2) AS k
        CROSS JOIN LATERAL (SELECT * FROM program WHERE id = (k ->> 0)::integer OFFSET 0) AS p
    ),
    'accounts', (
        SELECT json_agg(json_build_array(
            a.id, a.pending, a.active, a.held, a.debt, a.earned, a.spent, a.expired, a.revoked, a.moved, a.version,
            a.lots, a.entries, a.holds, a.shortfalls, a.sliding_expiries, a.state, a.due_at
        ))
        FROM account a WHERE a.id = ANY(ARRAY(SELECT json_array_elements_text($1)::bigint))
    )
)""",
    ["json", "json"],
)

_DETAILS = Statement(
    """
WITH asked AS MATERIALIZED (SELECT ARRAY(SELECT json_array_elements_text($1)::bigint) AS accounts)
SELECT json_build_object(
    'holds', (
        SELECT json_agg(json_build_array(h.account, h.number, h.state, h.points, h.expires_at, h.created_at,
            (SELECT json_agg(json_build_array(pin.lot, pin.points) ORDER BY pin.ordinal) FROM pin
             WHERE pin.account = h.account AND pin.hold = h.number),
            h.captured, h.ended_at, h.entry, h.reference, h.transaction_id))
        FROM hold h WHERE h.account = ANY((SELECT accounts FROM asked)::bigint[]) AND h.state = 'ACTIVE'
    ),
    'shortfalls', (
        SELECT json_agg(json_build_array(account, number, kind, points, remaining, created_at, transaction_id,
                                         written_off, ended_at))
        FROM shortfall
        WHERE account = ANY((SELECT accounts FROM asked)::bigint[]) AND kind = 'DEBT' AND remaining > 0
    ),
    'sliding_expiries', (
        SELECT json_agg(json_build_array(account, settings_version, expires_at))
        FROM sliding_expiry WHERE account = ANY((SELECT accounts FROM asked)::bigint[])
    )
)""",
    ["json"],
)

_LOTS = Statement(
    f"""
SELECT coalesce(json_agg(json_build_array(w.account, {FUNCTIONS["due_after"]}(w.account, w.at), (
    SELECT json_agg(json_build_array({LOT_COLUMNS}))
    FROM {FUNCTIONS["lots_at_hand"]}(w.account, w.at, w.demand, w.named) l
))), '[]')
FROM json_array_elements($1) AS k
CROSS JOIN LATERAL (
    SELECT (k ->> 0)::bigint AS account, (k ->> 1)::timestamptz AS at, (k ->> 2)::bigint AS demand,
           ARRAY(SELECT json_array_elements_text(k -> 3)::integer) AS named OFFSET 0
) AS w
""",  # noqa: S608
    ["json"],
)
