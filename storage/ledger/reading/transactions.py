"""Purchases and their refunds, as they stand."""

from datetime import datetime
from typing import Any, NamedTuple

from rules.accounts import LotState
from rules.programs import RefundPolicy
from rules.refunds import Claimed
from rules.refusals import Refusal, TransactionNotFound
from rules.transactions import Purchase, TransactionState
from storage.engine.database import Connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.ledger.addresses import AccountKey, Address, CustomerName, TransactionName
from storage.ledger.nouns import FUNCTIONS
from storage.ledger.reading import accounts
from storage.ledger.records import TRANSACTIONS
from storage.ledger.resolving import find_transactions


class Listed(NamedTuple):
    """A purchase, the card it earned on, the number and the term of its lot in the account that has it now."""

    card: str
    purchase: Purchase
    state: TransactionState
    lot: int | None
    activates_at: datetime | None
    expires_at: datetime | None
    recorded_at: datetime
    activity: str


class RefundRead(NamedTuple):
    """A refund as it was done. `lines` are (number from 1, amount), as they were asked for; 0 for all of a line."""

    number: int
    amount_minor: int
    lines: tuple[tuple[int, int], ...]
    points: int
    claimed: Claimed
    restored: int
    policy: RefundPolicy
    occurred_at: datetime
    recorded_at: datetime
    activity: str


def get(books: Connection, name: TransactionName) -> Listed:
    """One purchase. Raises ProgramNotFound, CustomerNotFound, CustomerMerged, TransactionNotFound."""
    with accounts.snapshot(books):
        address, key = _find(books, name)
        program = accounts.program_state(books, key.program)
        asked = {"program": key.program, "transaction_id": name.transaction_id, "now": program.now}
        row = books.execute(_GET, asked, prepare=True).fetchone()
        assert row is not None
        [listed] = _listed(books, CustomerName(address.program, address.customer), [row])
        return listed


def page(
    books: Connection, name: CustomerName, state: str, card: str, after: tuple[datetime, str] | None, size: int
) -> list[Listed]:
    """Up to `size` purchases of a customer, newest first, from the first after (occurred_at, activity).

    Where equal, what was recorded last comes first. An empty `state` or `card` means any. Raises ProgramNotFound,
    CustomerNotFound, CustomerMerged, CardNotFound.
    """
    with accounts.snapshot(books):
        holder = accounts.holder(books, name)
        program = accounts.program_state(books, holder.program)
        if card:
            program.settings.card(card, name.program)
        at, activity = after or (None, _NO_ACTIVITY)
        asked = {
            "customer": holder.customer,
            "card": card,
            "state": state,
            "now": program.now,
            "at": at,
            "activity": activity,
            "size": size,
        }
        return _listed(books, name, books.execute(_PAGE, asked, prepare=True).fetchall())


def refunds(books: Connection, name: TransactionName) -> list[RefundRead]:
    """The refunds of a purchase, in their order. Raises as `get` does."""
    _, key = _find(books, name)
    rows = books.execute(_REFUNDS, (key.program, name.transaction_id), prepare=True)
    return [
        RefundRead(
            number,
            amount_minor,
            tuple((line, amount) for line, amount in lines or ()),
            points,
            Claimed(*claimed),
            restored,
            RefundPolicy(policy),
            occurred_at,
            recorded_at,
            activity,
        )
        for number, amount_minor, lines, points, *claimed, restored, policy, occurred_at, recorded_at, activity in rows
    ]


def _find(books: Connection, name: TransactionName) -> tuple[Address, AccountKey]:
    address = blocking(find_transactions(session(books), [name]))[name]
    if isinstance(address, Refusal):
        raise address
    key = accounts.find(books, address)
    if not key.account:
        raise TransactionNotFound(transaction=name.transaction_id)
    return address, key


def _listed(books: Connection, name: CustomerName, rows: list[tuple[Any, ...]]) -> list[Listed]:
    """Purchases out of their rows. Where an expiry slides and time has something to do first, it is done first."""
    readings: dict[str, accounts.Reading] = {}
    found = []
    for card, lot, activates_at, expires_at, version, slides_later, recorded_at, activity, state, columns in rows:
        if slides_later:
            if card not in readings:
                readings[card] = accounts.read(books, Address(name.program, name.customer, card))
            draft = readings[card].draft
            is_pending = lot in draft.lots and draft.lots[lot].state is LotState.PENDING
            expires_at = None if is_pending else draft.sliding_expiries.get(version, expires_at)
        found.append(
            Listed(
                card,
                TRANSACTIONS.read(columns),
                TransactionState(state),
                lot,
                activates_at,
                expires_at,
                recorded_at,
                activity,
            )
        )
    return found


# Where a page begins that follows none: before all that can be.
_NO_ACTIVITY = "00000000-0000-0000-0000-000000000000"

# As Purchase.state has it.
_STATE = """
CASE WHEN t.decided = 'REJECTED' THEN 'REJECTED'
     WHEN t.refunds > 0 AND t.refunded_minor = t.amount_minor THEN 'REFUNDED'
     WHEN t.refunds > 0 THEN 'PARTIALLY_REFUNDED'
     WHEN t.decided = 'PENDING' AND (t.accepts_at IS NULL OR t.accepts_at > %(now)s::timestamptz) THEN 'PENDING'
     ELSE 'ACCEPTED' END
"""

_COLUMNS = f"""
a.card_id, l.number, l.activates_at,
CASE WHEN NOT l.slides THEN l.expires_at WHEN l.state <> 'PENDING' THEN s.expires_at END,
l.settings_version, l.slides AND a.due_at <= %(now)s::timestamptz, t.recorded_at, t.activity::text, {_STATE},
{TRANSACTIONS.as_json("t")}
"""

# OFFSET 0: the keys lead.
_LOT = f"""
LEFT JOIN LATERAL {FUNCTIONS["own_lot"]}(t.account, t.origin_account, t.lot, t.transaction_id) AS l ON true
LEFT JOIN LATERAL (
    SELECT expires_at FROM sliding_expiry WHERE account = l.account AND settings_version = l.settings_version OFFSET 0
) AS s ON true
"""  # noqa: S608

_GET = f"""
SELECT {_COLUMNS} FROM transaction t JOIN account a ON a.id = t.account {_LOT}
WHERE t.program = %(program)s AND t.transaction_id = %(transaction_id)s
"""  # noqa: S608

_PAGE = f"""
SELECT {_COLUMNS} FROM account a
CROSS JOIN LATERAL (
    SELECT t.* FROM transaction t
    WHERE t.account = a.id AND (%(state)s::text = '' OR {_STATE} = %(state)s::text)
      AND (t.occurred_at, t.activity) < (coalesce(%(at)s::timestamptz, 'infinity'), %(activity)s::uuid)
    ORDER BY t.occurred_at DESC, t.activity DESC LIMIT %(size)s
) AS t {_LOT}
WHERE a.customer = %(customer)s AND (%(card)s::text = '' OR a.card_id = %(card)s::text)
ORDER BY t.occurred_at DESC, t.activity DESC LIMIT %(size)s
"""  # noqa: S608

_REFUNDS = """
SELECT number, amount_minor, lines, points, pending, own_lot, other_lots, debt, shortfall, restored, policy,
       occurred_at, recorded_at, activity::text
FROM refund WHERE program = %s AND transaction_id = %s ORDER BY number
"""
