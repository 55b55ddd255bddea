"""What happened to lots, shortfalls and between accounts where no entry tells of it, or not all: rows of their own.

The log records each act too, but answers are made from rows: bodies of the log may be dropped one day.
"""

from datetime import datetime
from enum import StrEnum

from rules.accounts import EntryKind
from rules.draft import Draft
from storage.engine.workspace import Workspace
from storage.ledger.records import CANCELLATIONS, MOVEMENTS, WRITE_OFFS


class MovementKind(StrEnum):
    """Why points went from one account to another."""

    TRANSFER = "TRANSFER"
    MERGE = "MERGE"
    UNMERGE = "UNMERGE"


_WENT = (EntryKind.TRANSFER_OUT, EntryKind.MERGE_OUT)
_CAME = (EntryKind.TRANSFER_IN, EntryKind.MERGE_IN)


def cancelled(workspace: Workspace, account: int, draft: Draft, at: datetime, activity: str) -> None:
    """Plans the rows of what an act took back of the pending lots of an account."""
    for lot, points in draft.cancellations.items():
        row = {"account": account, "lot": lot, "points": points, "occurred_at": at, "activity": activity}
        workspace.add(CANCELLATIONS.made, row)


def written_off(workspace: Workspace, account: int, shortfall: int, points: int, at: datetime, activity: str) -> None:
    """Plans the row of what was given up of a shortfall."""
    row = {"account": account, "shortfall": shortfall, "points": points, "occurred_at": at, "activity": activity}
    workspace.add(WRITE_OFFS.made, row)


def moved(workspace: Workspace, kind: MovementKind, source: int, giving: Draft, target: int, getting: Draft) -> None:
    """Plans the row that joins the entries of points that an act moved between two accounts, where it moved any."""
    went = [entry.seq for entry in giving.entries if entry.kind in _WENT]
    came = [entry.seq for entry in getting.entries if entry.kind in _CAME]
    for source_seq, target_seq in zip(went, came, strict=True):
        row = {"source": source, "source_seq": source_seq, "target": target, "target_seq": target_seq, "kind": kind}
        workspace.add(MOVEMENTS.made, row)
