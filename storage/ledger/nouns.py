"""What the ledger loads: accounts with what is open in them, purchases, and the lots that are needed; for groups, which
lock the accounts, and for those who only read."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Raw, json

from storage.engine import nouns
from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Record
from storage.engine.session import Session
from storage.engine.workspace import Workspace
from storage.ledger.addresses import AccountKey
from storage.ledger.records import (
    ACCOUNTS,
    COLUMNS,
    HOLDS,
    LOTS,
    REST_DUE,
    SHORTFALLS,
    SLIDING_EXPIRIES,
    SPENDINGS,
    TRANSACTIONS,
    LoadedPurchase,
)
from storage.programs.queries import PROGRAM_STATES, ProgramCache, ProgramState

FUNCTIONS = Functions(Path(__file__).parent / "load.sql", COLUMNS)

# What is asked of lots: (account, instant, free points that they must hold, numbers).
LotsAsked = tuple[int, datetime, int, Sequence[int]]


def _put_accounts(workspace: Workspace, rows: Raw) -> None:
    parts = _PARTS.decode(rows)
    for record, found in zip(_OF_ACCOUNTS, parts, strict=True):
        for *key, value in record.decode(found):
            workspace.load(record, tuple(key), value)


def _put_transactions(workspace: Workspace, rows: Raw) -> None:
    for program, transaction_id, purchase in _PURCHASES.decode(rows) or ():
        workspace.load(TRANSACTIONS, (program, transaction_id), purchase)


def _put_lots(workspace: Workspace, rows: Raw) -> None:
    lots, due = _PARTS.decode(rows)
    for account, number, lot in LOTS.decode(lots):
        workspace.load(LOTS, (account, number), lot)
    for account, due_at in _DUE.decode(due) or ():
        workspace.load(REST_DUE, (account,), due_at)


ACCOUNT = Noun("account", FUNCTIONS["load_account"], _put_accounts, FUNCTIONS["lock_account"])
TRANSACTION = Noun("transaction", FUNCTIONS["load_transaction"], _put_transactions)
LOT = Noun("lot", FUNCTIONS["load_lot"], _put_lots)

_OF_ACCOUNTS: Sequence[Record[Any]] = (ACCOUNTS, HOLDS, SPENDINGS, SHORTFALLS, SLIDING_EXPIRIES)
_PARTS = json.Decoder(list[Raw])
_PURCHASES = json.Decoder(list[tuple[int, str, LoadedPurchase]] | None)
_DUE = json.Decoder(list[tuple[int, datetime | None]] | None)


async def load_accounts(
    session: Session, programs: ProgramCache, keys: Iterable[AccountKey], workspace: Workspace | None = None
) -> Workspace:
    """Accounts as they stand, with what is open in them but their lots, and their programs."""
    found = list(keys)
    asked = {
        programs.noun: programs.asked({key.program for key in found}),
        ACCOUNT: {"accounts": [key.account for key in found]},
    }
    workspace, _ = await nouns.load(session, asked, workspace=workspace)
    return workspace


async def load_lots(session: Session, workspace: Workspace, asked: Sequence[LotsAsked]) -> None:
    """Takes the lots that time changes by an instant, those that hold so many free points, and those of some numbers.
    Ask after the accounts are locked."""
    if asked:
        await nouns.load(session, {LOT: asked}, workspace=workspace, keeps_now=True)


async def load_program(session: Session, programs: ProgramCache, program: int) -> ProgramState | None:
    """One program."""
    workspace, _ = await nouns.load(session, {programs.noun: programs.asked([program])})
    return workspace.get(PROGRAM_STATES, (program,))


def pinned(workspace: Workspace, account: int) -> set[int]:
    """The lots on which open holds of an account lie."""
    return {lot for hold in workspace.within(HOLDS, (account,)).values() for lot, _ in hold.pins}
