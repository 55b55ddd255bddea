"""Purchases that stand in the books: as their caller sees them, and what the acts about them have in common."""

from datetime import datetime, timedelta
from typing import NamedTuple

from rules import ledger
from rules.draft import Draft
from rules.refusals import OccursInFuture
from rules.transactions import Purchase, TransactionState
from storage.ledger.addresses import TransactionName
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded
from storage.ledger.records import LoadedPurchase

# How far a till's clock may run ahead of the program's.
CLOCK_SKEW = timedelta(minutes=10)


class Decided(NamedTuple):
    """A purchase as it stands, with the number and term of its lot."""

    card: str
    purchase: Purchase
    state: TransactionState
    lot: int | None
    activates_at: datetime | None
    expires_at: datetime | None
    balance: Balance


def activate(group: Group, locked: LockedAccount, draft: Draft, known: LoadedPurchase, at: datetime) -> LoadedPurchase:
    """Makes the lot of a purchase active at `at`; its expiry clock starts then, by the policy it was issued under."""
    assert known.lot is not None
    lot = draft.lots[known.lot]
    expires_at = usable_until(group, locked, lot.settings_version, at)
    ledger.activate(draft, lot.number, at, expires_at)
    return known._replace(activates_at=at, expires_at=expires_at)


def usable_until(group: Group, locked: LockedAccount, version: int, activated_at: datetime) -> datetime | None:
    """When points of a settings version that become active at an instant expire."""
    settings = group.settings(locked.program.id, version)
    card = settings.card(locked.address.card, locked.address.program)
    return settings.usable_until(card, activated_at)


def needs_own_lot(loaded: Loaded, lots: LotsNeeded, name: TransactionName) -> None:
    """Asks for the lot of a purchase; one that the group makes itself is at hand where the account is."""
    for address in loaded.recording(name):
        lots.account(address)
    found = loaded.purchase(name)
    if found is not None:
        # Also where it has none yet: a correction of this group may give it one.
        lots.account(found[0])
        if found[1].lot is not None:
            lots.lot(found[0], found[1].lot)


def seen(locked: LockedAccount, known: LoadedPurchase, draft: Draft) -> Decided:
    """A purchase as its caller sees it."""
    now = locked.program.now
    return Decided(
        locked.address.card,
        known.purchase,
        known.purchase.state(now),
        known.lot,
        known.activates_at,
        ends(known, draft),
        balance(draft.account, locked.card, now),
    )


def ends(known: LoadedPurchase, draft: Draft) -> datetime | None:
    """When the points of a purchase expire, with those that slide together where they do."""
    return known.expires_at or (
        draft.sliding_expiries.get(known.purchase.settings_version) if known.lot is not None else None
    )


def check_instant(occurred_at: datetime | None, now: datetime) -> datetime:
    """When it was, where the program's clock shows `now`. Raises OccursInFuture."""
    if occurred_at is not None and occurred_at > now + CLOCK_SKEW:
        raise OccursInFuture(now=now.isoformat())
    return occurred_at or now
