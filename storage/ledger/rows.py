"""What the books keep of each thing: a new row, or the columns that can change of one that was there."""

from datetime import datetime
from typing import Any

from rules.accounts import Hold, Lot, Shortfall
from rules.refunds import Spending
from rules.transactions import Purchase, TransactionState
from storage.engine.sets import RowSet
from storage.engine.unit import Plan
from storage.ledger.addresses import Place
from storage.ledger.tables import (
    CHANGED_HOLDS,
    CHANGED_LOTS,
    CHANGED_SHORTFALLS,
    CHANGED_SLIDES,
    CHANGED_SPENDINGS,
    CHANGED_TRANSACTIONS,
    NEW_HOLDS,
    NEW_LOTS,
    NEW_SHORTFALLS,
    NEW_SLIDES,
    NEW_SPENDINGS,
    NEW_TRANSACTIONS,
    PINS,
)


def lot(unit: Plan, place: Place, lot: Lot, made_by: str | None) -> None:
    """A lot; `made_by` is the activity that made it, None where it was there before."""
    row: dict[str, Any] = {
        "account": place.account,
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
    row["program"] = place.program
    row["points"] = lot.points
    row["slides"] = lot.slides
    row["policy_version"] = lot.policy_version
    row["issued_at"] = lot.issued_at
    row["transaction_id"] = lot.transaction_id
    row["origin"] = lot.origin
    row["origin_account"] = lot.origin_account
    row["activity"] = made_by
    unit.add(NEW_LOTS, row)


def hold(unit: Plan, place: Place, hold: Hold, made_by: str | None) -> None:
    """A hold, with its pins where it is new."""
    row: dict[str, Any] = {
        "account": place.account,
        "number": hold.number,
        "state": hold.state,
        "captured": hold.captured,
        "ended_at": hold.ended_at,
        "entry": hold.entry,
    }
    if made_by is None:
        unit.add(CHANGED_HOLDS, row)
        return
    row["program"] = place.program
    row["points"] = hold.points
    row["expires_at"] = hold.expires_at
    row["created_at"] = hold.created_at
    row["reference"] = hold.reference
    row["transaction_id"] = hold.transaction_id
    row["activity"] = made_by
    unit.add(NEW_HOLDS, row)
    for number, (lot, points) in enumerate(hold.pins):
        unit.add(PINS, {"account": place.account, "hold": hold.number, "lot": lot, "place": number, "points": points})


def shortfall(unit: Plan, place: Place, shortfall: Shortfall, made_by: str | None) -> None:
    """A shortfall."""
    row: dict[str, Any] = {
        "account": place.account,
        "number": shortfall.number,
        "remaining": shortfall.remaining,
        "written_off": shortfall.written_off,
        "ended_at": shortfall.ended_at,
    }
    if made_by is None:
        unit.add(CHANGED_SHORTFALLS, row)
        return
    row["program"] = place.program
    row["kind"] = shortfall.kind
    row["points"] = shortfall.points
    row["created_at"] = shortfall.created_at
    row["transaction_id"] = shortfall.transaction_id
    row["activity"] = made_by
    unit.add(NEW_SHORTFALLS, row)


def spending(unit: Plan, place: Place, spending: Spending, reference: str, made_by: str | None) -> None:
    """A spending."""
    row: dict[str, Any] = {
        "account": place.account,
        "seq": spending.seq,
        "rolled_back": spending.rolled_back,
        "restored": spending.restored,
    }
    if made_by is None:
        unit.add(CHANGED_SPENDINGS, row)
        return
    row["program"] = place.program
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


def decision(unit: Plan, place: Place, transaction_id: str, decided: TransactionState) -> None:
    """What somebody decided about a purchase of an account."""
    key = {"program": place.program, "transaction_id": transaction_id, "account": place.account}
    unit.add(_DECISIONS, {**key, "decided": decided})


def slide(unit: Plan, place: Place, version: int, expires_at: datetime, is_new: bool) -> None:
    """The expiry of a group of sliding lots."""
    row = {"account": place.account, "policy_version": version, "expires_at": expires_at}
    unit.add(NEW_SLIDES if is_new else CHANGED_SLIDES, row)


def transaction(unit: Plan, place: Place, purchase: Purchase, origin_account: int | None, made_by: str | None) -> None:
    """A purchase. `origin_account` is where its lot was made, where that is another than it is now."""
    row: dict[str, Any] = {
        "program": place.program,
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
    row["account"] = place.account
    row["policy_version"] = purchase.policy_version
    row["occurred_at"] = purchase.occurred_at
    row["activity"] = made_by
    unit.add(NEW_TRANSACTIONS, row)
