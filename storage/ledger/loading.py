"""Second step of a group: what it names is locked, as far as that can be had, and read. Nothing is decided yet."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import json

from rules.accounts import UNITS_MAX, Account
from rules.draft import LotsNotAtHand
from rules.refusals import Refusal
from storage.engine import nouns
from storage.engine.nouns import Noun
from storage.engine.requests import REQUEST
from storage.engine.session import Session, Statement
from storage.engine.workspace import Workspace
from storage.ledger.addresses import AccountKey, Address, Holder, TransactionName, Unopened
from storage.ledger.commands import Command
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Numbered, Reads
from storage.ledger.nouns import ACCOUNT, TRANSACTION, LotsAsked, load_lots, pinned
from storage.ledger.records import ACCOUNTS, SPENDINGS, TRANSACTIONS, LoadedPurchase
from storage.ledger.resolving import Resolved, find_keys, open_accounts
from storage.programs.queries import PROGRAM_STATES, ProgramCache, ProgramState

_VERSIONS = Statement(
    "SELECT json_agg(json_build_array(id, version)) FROM account"
    " WHERE id = ANY(ARRAY(SELECT json_array_elements_text($1)::bigint))",
    ["json"],
)


class Loaded:
    """What a group knows once it is loaded: for those who must say which lots they need.

    `passed_over` are accounts, and things of other nouns, that were to be locked and that somebody else has in hand.
    """

    def __init__(
        self,
        workspace: Workspace,
        programs: ProgramCache,
        reads: Reads,
        resolved: Resolved,
        keys: Mapping[Address, AccountKey | Refusal],
    ) -> None:
        self.workspace = workspace
        self.programs = programs
        self.resolved = resolved
        self.keys = keys
        self.passed_over: set[Any] = set()
        self.locked: frozenset[int] = frozenset()
        # Accounts that were opened for this group, by internal id; those that nothing happens to are not kept.
        self.opened: Sequence[int] = ()
        # The accounts that can be worked with.
        self.accounts = {address: key for address, key in keys.items() if isinstance(key, AccountKey)}
        self._recorded = reads.recorded

    def key(self, address: Address) -> AccountKey | None:
        """Where an account is; None where there is none."""
        return self.accounts.get(address)

    def program(self, program: int) -> ProgramState:
        """A program that was found."""
        found = self.workspace.get(PROGRAM_STATES, (program,))
        assert found is not None
        return found

    def spending_lots(self, address: Address) -> Iterable[int]:
        """The lots of all spendings of an account that were asked for."""
        key = self.key(address)
        for spending in self.workspace.within(SPENDINGS, (key.account,)).values() if key else ():
            yield from (lot for lot, _ in spending.allocations)

    def purchase(self, name: TransactionName) -> tuple[Address, LoadedPurchase] | None:
        """A purchase that stands in the books, and its account."""
        address = self.resolved.names.get(name)
        if not isinstance(address, Address) or (key := self.key(address)) is None:
            return None
        known = self.workspace.get(TRANSACTIONS, (key.program, name.transaction_id))
        return (address, known) if known is not None and known.account == key.account else None

    def recording(self, name: TransactionName) -> list[Address]:
        """The accounts for which this group may record a purchase."""
        return [address for address in self._recorded.get(name, ()) if self.key(address) is not None]

    def locked_by(self, commands: Iterable[Command]) -> set[Any]:
        """What some commands lock, to be compared with `passed_over`."""
        reads = reads_of(commands)
        addresses = self.resolved.addresses(reads)
        locked: set[Any] = {key.account for address in addresses if (key := self.key(address)) is not None}
        return locked.union(*({(noun, key) for key in keys} for noun, keys in reads.others.items() if noun.lock))

    async def accounts_in_hand(
        self, session: Session, needed: LotsNeeded, in_full: bool = False
    ) -> dict[int, LockedAccount]:
        """All accounts, by internal id, with the lots that are needed of them, and those that time has changed.

        Unless `in_full`, points that an account does not have are not looked for. Where this group gives them to it
        first, LotsNotAtHand is raised when they are taken; so it is here, where an account that is not locked changed
        between the two readings.
        """
        asked, cut = self._lots(needed, in_full)
        await load_lots(session, self.workspace, asked)
        at_hand = {account for account, *_ in asked}
        if unlocked := sorted(account for account in at_hand - self.locked if account > 0):
            await self._check_unchanged(session, unlocked)
        return {
            key.account: LockedAccount(
                self.workspace,
                key,
                address,
                self.program(key.program),
                self.programs.sliding(key.program, address.card),
                key.account in at_hand,
                key.account in cut,
            )
            for address, key in self.accounts.items()
        }

    async def _check_unchanged(self, session: Session, accounts: Sequence[int]) -> None:
        found = dict(json.decode(await session.run(_VERSIONS, [json.encode(accounts)])))
        for number in accounts:
            account = self.workspace.get(ACCOUNTS, (number,))
            if account is None or account.version != found[number]:
                raise LotsNotAtHand

    def _lots(self, needed: LotsNeeded, in_full: bool) -> tuple[list[LotsAsked], set[int]]:
        asked: list[LotsAsked] = []
        cut = set()
        for address, key in self.accounts.items():
            account, now = self.workspace.get(ACCOUNTS, (key.account,)), self.program(key.program).now
            assert account is not None
            if address in needed.demands or account.is_due(now):
                named = pinned(self.workspace, key.account).union(needed.lots.get(address, ()))
                points_max = UNITS_MAX if in_full else account.active + account.pending
                asked.append((key.account, now, needed.demand(address, points_max), sorted(named)))
                if not in_full and needed.is_cut(address, points_max):
                    cut.add(key.account)
        return asked, cut


async def lock_and_load(
    session: Session,
    programs: ProgramCache,
    commands: Sequence[Command],
    reads: Reads,
    resolved: Resolved,
    patience_ms: int | None = None,
) -> Loaded:
    """Begins the transaction of some commands: what they name is locked, where that can be had at once or in
    `patience_ms`, and all that is known of it read. What somebody only wants to know about is not locked, and opened
    only in thought."""
    is_mixed = any(command.context.validate_only for command in commands)
    locking = reads_of(command for command in commands if not command.context.validate_only) if is_mixed else reads
    changing = resolved.addresses(locking) if is_mixed else resolved.keys.keys()
    found, opened = dict(resolved.keys), None
    if lacking := [address for address in changing if isinstance(found[address], Unopened)]:
        opened = await open_accounts(session, lacking, waits=patience_ms is not None)
        found.update(await find_keys(session, lacking))
    keys, thought = _in_thought(found)
    loaded = Loaded(Workspace(datetime.min), programs, reads, resolved, keys)
    loaded.opened = opened or ()
    locked = sorted({key.account for address in changing if (key := loaded.key(address)) and key.account > 0})
    locks: dict[Noun, Any] = {ACCOUNT: locked} if locked else {}
    locks.update((noun, list(wanted)) for noun, wanted in locking.others.items() if noun.lock and wanted)
    asked = _asked(loaded, commands, reads)
    _, passed_over = await nouns.load(session, asked, locks, patience_ms, opened is None, loaded.workspace)
    for account, state in thought.items():
        loaded.workspace.load(ACCOUNTS, (account,), Account(state=state))
    if thought:
        # Who would change an account that could not be opened waits for whoever has its customer in hand.
        unopened = (loaded.key(address) for address in changing)
        loaded.passed_over.update(key.account for key in unopened if key and key.account < 0)
    loaded.passed_over.update(passed_over.pop(ACCOUNT, ()))
    loaded.locked = frozenset(locked)
    loaded.passed_over.update((noun, tuple(key)) for noun, keys in passed_over.items() for key in keys)
    return loaded


def reads_of(commands: Iterable[Command]) -> Reads:
    """What some commands read."""
    reads = Reads()
    for command in commands:
        command.reads(reads)
        if program := command.context.program:
            # What is under approval there is read with it.
            reads.program(program)
    return reads


def _in_thought(
    found: Mapping[Address, AccountKey | Unopened | Refusal],
) -> tuple[dict[Address, AccountKey | Refusal], dict[int, Any]]:
    """Accounts that are not there, by numbers below 0, which no account has, and their states."""
    keys: dict[Address, AccountKey | Refusal] = {}
    states: dict[int, Any] = {}
    for address, key in found.items():
        if isinstance(key, Unopened):
            account = -1 - len(states)
            states[account] = key.state
            keys[address] = key.key(account)
        else:
            keys[address] = key
    return keys, states


def _asked(loaded: Loaded, commands: Sequence[Command], reads: Reads) -> dict[Noun, Any]:
    keys, resolved, programs = loaded.accounts, loaded.resolved, loaded.programs
    holders = [holder for holder in resolved.customers.values() if isinstance(holder, Holder)]
    transactions = [
        (next(keys[address].program for address in recorded if address in keys), name.transaction_id)
        for name, recorded in reads.recorded.items()
        if any(address in keys for address in recorded)
    ]
    paid = []
    for name, address in resolved.names.items():
        if isinstance(address, Address) and address in keys:
            transactions.append((keys[address].program, name.transaction_id))
            paid.append((keys[address].account, name.transaction_id))

    def numbers(named: Iterable[Numbered]) -> list[tuple[int, int]]:
        return [(keys[one.address].account, one.number) for one in named if one.address in keys]

    accounts = {
        "accounts": [key.account for key in keys.values()],
        "holds": numbers(reads.holds),
        "spendings": numbers(reads.spendings),
        "paid": paid,
        "shortfalls": numbers(reads.shortfalls),
    }
    in_force = {key.program for key in keys.values()} | {holder.program for holder in holders}
    in_force.update(resolved.programs)
    asked: dict[Noun, Any] = {
        programs.noun: programs.asked(in_force),
        REQUEST: [command.context.request.key for command in commands],
        ACCOUNT: accounts,
    }
    if transactions:
        asked[TRANSACTION] = transactions
    asked.update((noun, list(wanted)) for noun, wanted in reads.others.items())
    return asked
