"""What the books keep of each thing: a new row, or the columns that can change of one that was there."""

from datetime import datetime
from typing import Any

from rules.accounts import Hold, Lot, Shortfall
from rules.refunds import Spending
from rules.transactions import Purchase, TransactionState
from storage.engine.sets import RowSet
from storage.engine.unit import Plan
from storage.ledger.addresses import AccountKey
from storage.ledger.tables import (
    CHANGED_HOLDS,
    CHANGED_LOTS,
    CHANGED_SHORTFALLS,
    CHANGED_SLIDING_EXPIRIES,
    CHANGED_SPENDINGS,
    CHANGED_TRANSACTIONS,
    NEW_HOLDS,
    NEW_LOTS,
    NEW_SHORTFALLS,
    NEW_SLIDING_EXPIRIES,
    NEW_SPENDINGS,
    NEW_TRANSACTIONS,
    PINS,
)


def lot(unit: Plan, key: AccountKey, lot: Lot, made_by: str | None) -> None:
    """A lot; `made_by` is the activity that made it, None where it was there before."""
    row: dict[str, Any] = {
        "account": key.account,
        "number": lot.number,
        "state": lot.state,
        "remaining": lot.remaining,
        "held": lot.held,
        "cancelled": lot.cancelled,
        "activates_at": lot.activates_at,
        "expires_at": lot.expires_at,
        "awaits": lot.awaits,
    }
    if made_by is None:
        unit.add(CHANGED_LOTS, row)
        return
    row["program"] = key.program
    row["points"] = lot.points
    row["slides"] = lot.slides
    row["settings_version"] = lot.settings_version
    row["issued_at"] = lot.issued_at
    row["transaction_id"] = lot.transaction_id
    row["origin"] = lot.origin
    row["origin_account"] = lot.origin_account
    row["activity"] = made_by
    unit.add(NEW_LOTS, row)


def hold(unit: Plan, key: AccountKey, hold: Hold, made_by: str | None) -> None:
    """A hold, with its pins where it is new."""
    row: dict[str, Any] = {
        "account": key.account,
        "number": hold.number,
        "state": hold.state,
        "captured": hold.captured,
        "ended_at": hold.ended_at,
        "entry": hold.entry,
    }
    if made_by is None:
        unit.add(CHANGED_HOLDS, row)
        return
    row["program"] = key.program
    row["points"] = hold.points
    row["expires_at"] = hold.expires_at
    row["created_at"] = hold.created_at
    row["reference"] = hold.reference
    row["transaction_id"] = hold.transaction_id
    row["activity"] = made_by
    unit.add(NEW_HOLDS, row)
    for number, (lot, points) in enumerate(hold.pins):
        unit.add(PINS, {"account": key.account, "hold": hold.number, "lot": lot, "ordinal": number, "points": points})


def shortfall(unit: Plan, key: AccountKey, shortfall: Shortfall, made_by: str | None) -> None:
    """A shortfall."""
    row: dict[str, Any] = {
        "account": key.account,
        "number": shortfall.number,
        "remaining": shortfall.remaining,
        "written_off": shortfall.written_off,
        "ended_at": shortfall.ended_at,
    }
    if made_by is None:
        unit.add(CHANGED_SHORTFALLS, row)
        return
    row["program"] = key.program
    row["kind"] = shortfall.kind
    row["points"] = shortfall.points
    row["created_at"] = shortfall.created_at
    row["transaction_id"] = shortfall.transaction_id
    row["activity"] = made_by
    unit.add(NEW_SHORTFALLS, row)


def spending(unit: Plan, key: AccountKey, spending: Spending, reference: str, made_by: str | None) -> None:
    """A spending."""
    row: dict[str, Any] = {
        "account": key.account,
        "seq": spending.seq,
        "rolled_back": spending.rolled_back,
        "restored": spending.restored,
    }
    if made_by is None:
        unit.add(CHANGED_SPENDINGS, row)
        return
    row["program"] = key.program
    row["points"] = spending.points
    row["spent_at"] = spending.spent_at
    row["transaction_id"] = spending.transaction_id
    row["reference"] = reference
    row["activity"] = made_by
    unit.add(NEW_SPENDINGS, row)


# A purchase of which a group knows no more than that its pending lot was decided.
_DECISIONS = RowSet(
    "transaction",
    {"program": "integer", "transaction_id": "text", "account": "bigint", "decided": "text"},
    keys=("program", "transaction_id", "account"),
)


def decision(unit: Plan, key: AccountKey, transaction_id: str, decided: TransactionState) -> None:
    """What somebody decided about a purchase of an account."""
    named = {"program": key.program, "transaction_id": transaction_id, "account": key.account}
    unit.add(_DECISIONS, {**named, "decided": decided})


def slide(unit: Plan, key: AccountKey, version: int, expires_at: datetime, is_new: bool) -> None:
    """The expiry of a group of sliding lots."""
    row = {"account": key.account, "settings_version": version, "expires_at": expires_at}
    unit.add(NEW_SLIDING_EXPIRIES if is_new else CHANGED_SLIDING_EXPIRIES, row)


def transaction(
    unit: Plan, key: AccountKey, purchase: Purchase, origin_account: int | None, made_by: str | None
) -> None:
    """A purchase. `origin_account` is where its lot was made, where that is another than it is now."""
    row: dict[str, Any] = {
        "program": key.program,
        "transaction_id": purchase.transaction_id,
        "amount_minor": purchase.amount_minor,
        "currency_code": purchase.currency_code,
        "lines": purchase.lines or None,
        "points": purchase.points,
        "lot": purchase.lot,
        "decided": purchase.decided,
        "accepts_at": purchase.accepts_at,
        "refunds": purchase.refunds,
        "refunded_minor": purchase.refunded_minor,
        "refunded_points": purchase.refunded_points,
        "refunded_lines": purchase.refunded_lines or None,
    }
    if made_by is None:
        unit.add(CHANGED_TRANSACTIONS, {**row, "origin_account": origin_account})
        return
    row["account"] = key.account
    row["settings_version"] = purchase.settings_version
    row["occurred_at"] = purchase.occurred_at
    row["activity"] = made_by
    unit.add(NEW_TRANSACTIONS, row)
