"""Purchases, as they stand."""

from datetime import datetime
from typing import Any, NamedTuple

from rules.accounts import LotState
from rules.refusals import ProgramNotFound, Refusal, TransactionNotFound
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


def get(books: Connection, name: TransactionName) -> Listed:
    """One purchase. Raises ProgramNotFound, CustomerNotFound, CustomerMerged, TransactionNotFound."""
    with accounts.snapshot(books):
        address, key = find(books, name)
        return _one(books, CustomerName(address.program, address.customer), key.program, name.transaction_id)


def lookup(books: Connection, program: str, transaction_id: str) -> tuple[CustomerName, Listed]:
    """The purchase of that id, with its source, and whose it is now. Raises ProgramNotFound, TransactionNotFound."""
    with accounts.snapshot(books):
        found = books.execute(_WHOSE, (transaction_id, program), prepare=True).fetchone()
        if found is None:
            raise ProgramNotFound(program=program)
        key, customer = found
        if customer is None:
            raise TransactionNotFound(transaction=transaction_id)
        name = CustomerName(program, customer)
        return name, _one(books, name, key, transaction_id)


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


def find(books: Connection, name: TransactionName) -> tuple[Address, AccountKey]:
    """The account of a purchase. Raises as `get` does."""
    address = blocking(find_transactions(session(books), [name]))[name]
    if isinstance(address, Refusal):
        raise address
    key = accounts.find(books, address)
    if not key.account:
        raise TransactionNotFound(transaction=name.transaction_id)
    return address, key


def _one(books: Connection, name: CustomerName, program: int, transaction_id: str) -> Listed:
    asked = {"program": program, "transaction_id": transaction_id, "now": accounts.program_state(books, program).now}
    [listed] = _listed(books, name, books.execute(_GET, asked, prepare=True).fetchall())
    return listed


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

_WHOSE = """
SELECT p.id, c.customer_id FROM program p LEFT JOIN LATERAL (
    SELECT customer.customer_id FROM transaction t
    JOIN account ON account.id = t.account JOIN customer ON customer.id = account.customer
    WHERE t.program = p.id AND t.transaction_id = %s OFFSET 0
) AS c ON true
WHERE p.program_id = %s
"""

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
