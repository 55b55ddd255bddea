"""A group of commands in one transaction: what it knows, and what it does for each."""

import time
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple

from rules.accounts import AccountState
from rules.draft import LotsNotAtHand
from rules.programs import Settings
from rules.refusals import DeadlinePassed, GroupRefused, Refusal, TransactionNotFound
from storage.activity.commands import Scope, record
from storage.engine import requests
from storage.engine.commands import CommandContext
from storage.engine.requests import REQUESTS, Answer
from storage.engine.session import Session, Statement
from storage.engine.unit import Plan
from storage.ledger import addresses, load, rows
from storage.ledger.addresses import NOWHERE, AccountKey, Address, Addresses, CustomerName, Holder, TransactionName
from storage.ledger.commands import AllOrNothing, Command
from storage.ledger.load import Loaded, LoadedPurchase
from storage.ledger.locked_account import LockedAccount
from storage.ledger.wanted import Hand, Numbered, Wanted
from storage.programs.queries import ProgramCache, ProgramState, SettingsUnread

Outcome = Answer[Any] | Exception

# Commands decided before the loop may go on with other things: some 2 ms.
BREATH = 16


class Found(NamedTuple):
    """Where everything is that a group names; found before anything is locked, and true for ever but for merges.

    A purchase that is to be recorded by the group, and is nowhere else, is at the first account that it may be of.
    """

    keys: Mapping[Address, AccountKey | Refusal]
    names: Mapping[TransactionName, Address | Refusal]
    customers: Mapping[tuple[CustomerName, str], Holder | Refusal]

    @property
    def accounts(self) -> dict[Address, AccountKey]:
        """The accounts that are there."""
        return {
            address: key for address, key in self.keys.items() if isinstance(key, AccountKey) and key.account != NOWHERE
        }

    @property
    def unopened(self) -> set[int]:
        """NOWHERE, where an account could not be opened: somebody else has a row in hand that it refers to."""
        return {NOWHERE} & {key.account for key in self.keys.values() if isinstance(key, AccountKey)}


class CommandFailed(Exception):
    """Commands failed that should have been decided or refused; `errors` by their numbers."""

    def __init__(self, errors: Mapping[int, Exception]) -> None:
        super().__init__(*errors.values())
        self.errors = errors


class Unread(Exception):
    """A rare command asks for what was not read with the rest: `Group.outcome` reads it, and has it decide again."""

    def __init__(self, statement: Statement, parameters: tuple[bytes, ...]) -> None:
        super().__init__(statement, parameters)
        self.statement = statement
        self.parameters = parameters


async def find(session: Session, where: Addresses, wanted: Wanted) -> Found:
    """Finds it: two queries more where purchases or customers are named, none where all accounts are remembered."""
    names = await addresses.transactions(session, wanted.names)
    for name, found in names.items():
        if isinstance(found, TransactionNotFound) and name in wanted.recorded:
            names[name] = wanted.recorded[name][0]
    customers = await addresses.customers(session, wanted.customers)
    for address in names.values():
        if isinstance(address, Address):
            wanted.account(address)
    for holder in customers.values():
        if isinstance(holder, Holder):
            for address in holder.accounts:
                wanted.account(address)
            if holder.gives_to is not None:
                wanted.account(holder.gives_to)
    keys = await where.find(session, wanted.addresses)
    for key, holder in customers.items():
        if isinstance(holder, Holder):
            customers[key] = holder._replace(accounts=(*holder.accounts, *_opened(key[0], holder, keys)))
    return Found(keys, names, customers)


def _opened(name: CustomerName, holder: Holder, keys: Mapping[Address, AccountKey | Refusal]) -> Iterable[Address]:
    """Accounts of a customer that were opened for this group."""
    for address, key in keys.items():
        if (
            (address.program, address.customer) == name
            and isinstance(key, AccountKey)
            and address not in holder.accounts
        ):
            yield address


class Group:
    """What one transaction knows and does. `open_group` makes it."""

    def __init__(
        self,
        session: Session,
        clocks: ProgramCache,
        wanted: Wanted,
        found: Found,
        loaded: Loaded,
        taken: Set[int],
    ) -> None:
        self.found = found
        # Accounts that were to be locked, and that somebody else has in hand.
        self.taken = taken
        self._session = session
        self._recorded = wanted.recorded
        self._versions = clocks
        self._read: dict[tuple[Statement, tuple[bytes, ...]], Any] = {}
        self.clocks = loaded.clocks
        self.unit = Plan(loaded.now)
        self._kept = loaded.answers
        self._known = loaded.purchases
        self._changed: dict[tuple[int, str], str | None] = {}
        self._loaded = loaded
        self._standings: dict[int, LockedAccount] = {}
        self._decided_so_far = 0

    async def bring(self, commands: Iterable[Command]) -> None:
        """Brings to hand the lots that commands need, and all accounts with them."""
        hand = Hand()
        for command in commands:
            command.hand(self, hand)
        keys = self.found.accounts
        lots = await load.lots_at_hand(self._session, self._lots(hand, keys))
        for address, key in keys.items():
            self._standings[key.account] = LockedAccount(
                key,
                address,
                self.clocks[key.program],
                self._loaded,
                lots.get(key.account),
                self._versions.sliding(key.program, address.card),
            )

    async def outcome(self, command: Command) -> Outcome:
        """Decides one command. What a rare one needs besides is read on the way."""
        self._decided_so_far += 1
        if self._decided_so_far % BREATH == 0:
            await self._session.breathe()
        while True:
            try:
                return self._decided(command)
            except SettingsUnread as unread:
                await self._versions.learn(self._session, unread)
            except Unread as unread:
                asked = (unread.statement, unread.parameters)
                self._read[asked] = await self._session.run(*asked)

    def _decided(self, command: Command) -> Outcome:
        try:
            asked = command.context
            if kept := self._kept.get(asked.request.key):
                return requests.replay(asked.request, kept, command.answers())
            if asked.deadline < time.monotonic():
                raise DeadlinePassed
            answer = command.decide(self)
        except Refusal as refusal:
            return refusal
        except (LotsNotAtHand, SettingsUnread, Unread):
            raise
        except Exception as error:
            raise CommandFailed({0: error}) from error
        if asked.validate_only:
            return answer._replace(activity=None)
        if not answer.replayed:
            row = requests.row(asked.request, answer)
            self.unit.add(REQUESTS, row)
            self._kept[asked.request.key] = (asked.request.content_hash, row["response"])
        return answer

    async def outcomes(self, together: AllOrNothing) -> list[Outcome]:
        """Decides commands of which all are done, or none: where one is refused, the others hear by which."""
        standings = {number: locked.mark() for number, locked in self._standings.items()}
        kept, known, changed, written = dict(self._kept), dict(self._known), dict(self._changed), self.unit.mark()
        outcomes: list[Outcome] = []
        for number, command in enumerate(together.commands):
            outcome = await self.outcome(command)
            if isinstance(outcome, Exception):
                for account, mark in standings.items():
                    self._standings[account].return_to(mark)
                self._kept, self._known, self._changed = kept, known, changed
                self.unit.return_to(written)
                refused: list[Outcome] = [GroupRefused(item=number, reason=str(outcome))] * len(together.commands)
                return [*refused[:number], outcome, *refused[number + 1 :]]
            outcomes.append(outcome)
        return outcomes

    async def commit(self) -> None:
        """Writes all that was decided, and commits it, in one round trip."""
        for locked in self._standings.values():
            if locked.is_changed:
                locked.write(self.unit)
        for name, made_by in self._changed.items():
            known = self._known[name]
            key = self._standings[known.account].key
            rows.transaction(self.unit, key, known.purchase, known.origin_account, made_by)
        await self.unit.flush(self._session, commit=True)

    def locked(self, address: Address, even_blocked: bool = False) -> LockedAccount:
        """An account. Raises why there is none, that its customer was merged, and unless `even_blocked`, that it is
        suspended."""
        key = self.found.keys[address]
        if isinstance(key, Refusal):
            raise key
        locked = self._standings[key.account]
        if locked.is_blocked and not (even_blocked and locked.account.state is AccountState.SUSPENDED):
            raise addresses.why_blocked(address, self.read(addresses.MERGED_INTO, key.customer))
        return locked

    def address(self, name: TransactionName) -> Address:
        """The account of a purchase. Raises why there is none."""
        address = self.found.names[name]
        if isinstance(address, Refusal):
            raise address
        return address

    def holder(self, name: CustomerName, event_type: str) -> Holder:
        """A customer. Raises why there is none."""
        holder = self.found.customers[name, event_type]
        if isinstance(holder, Refusal):
            raise holder
        return holder

    def clock(self, program: int) -> ProgramState:
        """The clock of a program. Raises nothing: a program that was found has one."""
        return self.clocks[program]

    def known(self, program: int, transaction_id: str) -> LoadedPurchase | None:
        """A purchase, as this group has left it so far."""
        return self._known.get((program, transaction_id))

    def purchase(self, name: TransactionName) -> tuple[LockedAccount, LoadedPurchase]:
        """A purchase and its account, also of a customer that is suspended. Raises why there is none."""
        key = self.locked(self.address(name), even_blocked=True).key
        known = self._known.get((key.program, name.transaction_id))
        locked = self._standings.get(known.account) if known is not None else None
        if known is None or locked is None or locked.key.customer != key.customer:
            raise TransactionNotFound(transaction=name.transaction_id)
        if known.lot is not None and not (locked.is_at_hand and known.lot in locked.lots):
            raise LotsNotAtHand
        return locked, known

    def keep_purchase(self, program: int, known: LoadedPurchase, is_new: bool = False) -> None:
        """Takes over a purchase as it stands now."""
        key = (program, known.purchase.transaction_id)
        self._known[key] = known
        if key not in self._changed:
            self._changed[key] = known.activity if is_new else None

    def settings(self, program: int, version: int) -> Settings:
        """The settings of one version. Raises SettingsUnread."""
        return self._versions.version(program, version)

    def read(self, statement: Statement, *parameters: object) -> Any:
        """What only a rare command asks, with its accounts locked; asked before it changes anything. Raises Unread."""
        asked = (statement, tuple(str(parameter).encode() for parameter in parameters))
        if asked not in self._read:
            raise Unread(*asked)
        return self._read[asked]

    def record(
        self,
        context: CommandContext,
        scope: Scope,
        subject: str,
        occurred_at: datetime,
        details: Mapping[str, Any],
        points: int | None = None,
        event: str = "",
    ) -> str:
        """Records an act of a caller, as an event of the customer's history; answers the id of its activity."""
        reason = context.reason
        if reason.code:
            details = {**details, "reason_code": reason.code}
        if reason.acting_user:
            details = {**details, "admin": reason.acting_user}
        return record(
            self.unit,
            context.origin,
            subject,
            scope,
            occurred_at,
            details=details,
            request_id=context.request.request_id,
            event=event or context.origin.kind.action,
            points=points,
            note=reason.note,
        )

    def _lots(self, hand: Hand, keys: Mapping[Address, AccountKey]) -> list[tuple[int, datetime, int, list[int]]]:
        wanted = []
        for address, key in keys.items():
            now = self.clocks[key.program].now
            if address in hand.demands or self._loaded.accounts[key.account].is_due(now):
                named = set(hand.lots.get(address, ()))
                for hold in self._loaded.holds.get(key.account, {}).values():
                    named.update(lot for lot, _ in hold.pins)
                wanted.append((key.account, now, hand.demands.get(address, 0), sorted(named)))
        return wanted

    def key(self, address: Address) -> AccountKey | None:
        """Where an account is; None where there is none."""
        key = self.found.keys.get(address)
        return key if isinstance(key, AccountKey) else None

    def spending_lots(self, address: Address) -> Iterable[int]:
        """The lots of all spendings of an account that were asked for."""
        key = self.key(address)
        for spending in self._loaded.spendings.get(key.account, {}).values() if key else ():
            yield from (lot for lot, _ in spending.allocations)

    def purchase_in_books(self, name: TransactionName) -> tuple[Address, LoadedPurchase] | None:
        """A purchase as it was loaded, for those who must know which lots they need."""
        address = self.found.names.get(name)
        if not isinstance(address, Address) or (key := self.key(address)) is None:
            return None
        known = self._known.get((key.program, name.transaction_id))
        return (address, known) if known is not None and known.account == key.account else None

    def recording(self, name: TransactionName) -> list[Address]:
        """The accounts for which this group may record a purchase."""
        return [address for address in self._recorded.get(name, ()) if self.key(address) is not None]


async def open_group(
    session: Session,
    clocks: ProgramCache,
    commands: Sequence[Command],
    wanted: Wanted,
    found: Found,
    patience_ms: int | None = None,
) -> Group:
    """Begins the transaction of some commands: accounts locked, where that can be had at once or in `patience_ms`, and
    all that is known of them read. Those of which somebody only wants to know what would happen are not locked."""
    keys = found.accounts
    accounts = {key.account for key in keys.values()}
    locked = accounts
    if any(command.context.validate_only for command in commands):
        locked = accounts_of((command for command in commands if not command.context.validate_only), found)
    asked = _question(commands, wanted, found, keys, sorted(locked), sorted(accounts - locked))
    holders = [holder for holder in found.customers.values() if isinstance(holder, Holder)]
    programs = {key.program for key in keys.values()} | {holder.program for holder in holders}
    loaded = await load.lock_group(session, clocks, asked, programs, patience_ms=patience_ms)
    return Group(session, clocks, wanted, found, loaded, (locked | found.unopened) - loaded.locked)


def accounts_of(commands: Iterable[Command], found: Found) -> set[int]:
    """The accounts that commands name, by whatever name."""
    wanted = Wanted()
    for command in commands:
        command.wants(wanted)
    named = set(wanted.addresses)
    named.update(at for name in wanted.names if isinstance(at := found.names[name], Address))
    for named_customer in wanted.customers:
        if isinstance(holder := found.customers[named_customer], Holder):
            named.update(holder.accounts)
            if holder.gives_to is not None:
                named.add(holder.gives_to)
    return {key.account for address in named if isinstance(key := found.keys.get(address), AccountKey)}


def _question(
    commands: Sequence[Command],
    wanted: Wanted,
    found: Found,
    keys: Mapping[Address, AccountKey],
    locked: Sequence[int],
    looked_at: Sequence[int],
) -> dict[str, Any]:
    transactions = [
        (next(keys[address].program for address in recorded if address in keys), name.transaction_id)
        for name, recorded in wanted.recorded.items()
        if any(address in keys for address in recorded)
    ]
    paid = []
    for name, address in found.names.items():
        if isinstance(address, Address) and address in keys:
            transactions.append((keys[address].program, name.transaction_id))
            paid.append((keys[address].account, name.transaction_id))

    def numbers(named: Iterable[Numbered]) -> list[tuple[int, int]]:
        return [(keys[one.address].account, one.number) for one in named if one.address in keys]

    return load.question(
        locked,
        [command.context.request for command in commands],
        transactions,
        looked_at,
        numbers(wanted.holds),
        numbers(wanted.spendings),
        paid,
        numbers(wanted.shortfalls),
    )
