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
from storage.engine.requests import REQUESTS, Answer
from storage.engine.session import Session, Statement
from storage.engine.unit import Plan
from storage.ledger import addresses, load, rows
from storage.ledger.addresses import NOWHERE, Address, Addresses, CustomerName, Holder, Place, TransactionName
from storage.ledger.commands import AllOrNothing, Asked, Command
from storage.ledger.load import Known, Loaded
from storage.ledger.standing import Standing
from storage.ledger.wanted import Hand, Numbered, Wanted
from storage.programs.queries import Clock, Clocks, SettingsUnread

Outcome = Answer[Any] | Exception

# Commands decided before the loop may go on with other things: some 2 ms.
BREATH = 16


class Found(NamedTuple):
    """Where everything is that a group names; found before anything is locked, and true for ever but for merges.

    A purchase that is to be recorded by the group, and is nowhere else, is at the first account that it may be of.
    """

    places: Mapping[Address, Place | Refusal]
    names: Mapping[TransactionName, Address | Refusal]
    customers: Mapping[tuple[CustomerName, str], Holder | Refusal]

    @property
    def accounts(self) -> dict[Address, Place]:
        """The accounts that are there."""
        return {
            address: place
            for address, place in self.places.items()
            if isinstance(place, Place) and place.account != NOWHERE
        }

    @property
    def unopened(self) -> set[int]:
        """NOWHERE, where an account could not be opened: somebody else has a row in hand that it refers to."""
        return {NOWHERE} & {place.account for place in self.places.values() if isinstance(place, Place)}


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
    places = await where.find(session, wanted.addresses)
    for key, holder in customers.items():
        if isinstance(holder, Holder):
            customers[key] = holder._replace(accounts=(*holder.accounts, *_opened(key[0], holder, places)))
    return Found(places, names, customers)


def _opened(name: CustomerName, holder: Holder, places: Mapping[Address, Place | Refusal]) -> Iterable[Address]:
    """Accounts of a customer that were opened for this group."""
    for address, place in places.items():
        if (address.program, address.customer) == name and isinstance(place, Place) and address not in holder.accounts:
            yield address


class Group:
    """What one transaction knows and does. `open_group` makes it."""

    def __init__(
        self,
        session: Session,
        clocks: Clocks,
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
        self._standings: dict[int, Standing] = {}
        self._decided_so_far = 0

    async def bring(self, commands: Iterable[Command]) -> None:
        """Brings to hand the lots that commands need, and all accounts with them."""
        hand = Hand()
        for command in commands:
            command.hand(self, hand)
        places = self.found.accounts
        lots = await load.lots_at_hand(self._session, self._lots(hand, places))
        for address, place in places.items():
            self._standings[place.account] = Standing(
                place,
                address,
                self.clocks[place.program],
                self._loaded,
                lots.get(place.account),
                self._versions.sliding(place.program, address.card),
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
            asked = command.asked
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
        standings = {number: standing.mark() for number, standing in self._standings.items()}
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
        for standing in self._standings.values():
            if standing.is_changed:
                standing.write(self.unit)
        for key, made_by in self._changed.items():
            known = self._known[key]
            place = self._standings[known.account].place
            rows.transaction(self.unit, place, known.purchase, known.origin_account, made_by)
        await self.unit.flush(self._session, commit=True)

    def standing(self, address: Address, even_blocked: bool = False) -> Standing:
        """An account. Raises why there is none, that its customer was merged, and unless `even_blocked`, that it is
        suspended."""
        place = self.found.places[address]
        if isinstance(place, Refusal):
            raise place
        standing = self._standings[place.account]
        if standing.is_blocked and not (even_blocked and standing.account.state is AccountState.SUSPENDED):
            raise addresses.why_blocked(address, self.read(addresses.MERGED_INTO, place.customer))
        return standing

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

    def clock(self, program: int) -> Clock:
        """The clock of a program. Raises nothing: a program that was found has one."""
        return self.clocks[program]

    def known(self, program: int, transaction_id: str) -> Known | None:
        """A purchase, as this group has left it so far."""
        return self._known.get((program, transaction_id))

    def purchase(self, name: TransactionName) -> tuple[Standing, Known]:
        """A purchase and its account, also of a customer that is suspended. Raises why there is none."""
        place = self.standing(self.address(name), even_blocked=True).place
        known = self._known.get((place.program, name.transaction_id))
        standing = self._standings.get(known.account) if known is not None else None
        if known is None or standing is None or standing.place.customer != place.customer:
            raise TransactionNotFound(transaction=name.transaction_id)
        if known.lot is not None and not (standing.is_at_hand and known.lot in standing.lots):
            raise LotsNotAtHand
        return standing, known

    def keep_purchase(self, program: int, known: Known, is_new: bool = False) -> None:
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
        asked: Asked,
        scope: Scope,
        subject: str,
        occurred_at: datetime,
        details: Mapping[str, Any],
        points: int | None = None,
        event: str = "",
    ) -> str:
        """Records an act of a caller, as an event of the customer's history; answers the id of its activity."""
        reason = asked.reason
        if reason.code:
            details = {**details, "reason_code": reason.code}
        if reason.acting_user:
            details = {**details, "admin": reason.acting_user}
        return record(
            self.unit,
            asked.origin,
            subject,
            scope,
            occurred_at,
            details=details,
            request_id=asked.request.request_id,
            event=event or asked.origin.kind.action,
            points=points,
            note=reason.note,
        )

    def _lots(self, hand: Hand, places: Mapping[Address, Place]) -> list[tuple[int, datetime, int, list[int]]]:
        wanted = []
        for address, place in places.items():
            now = self.clocks[place.program].now
            if address in hand.demands or self._loaded.accounts[place.account].is_due(now):
                named = set(hand.lots.get(address, ()))
                for hold in self._loaded.holds.get(place.account, {}).values():
                    named.update(lot for lot, _ in hold.pins)
                wanted.append((place.account, now, hand.demands.get(address, 0), sorted(named)))
        return wanted

    def place(self, address: Address) -> Place | None:
        """Where an account is; None where there is none."""
        place = self.found.places.get(address)
        return place if isinstance(place, Place) else None

    def spending_lots(self, address: Address) -> Iterable[int]:
        """The lots of all spendings of an account that were asked for."""
        place = self.place(address)
        for spending in self._loaded.spendings.get(place.account, {}).values() if place else ():
            yield from (lot for lot, _ in spending.allocations)

    def purchase_in_books(self, name: TransactionName) -> tuple[Address, Known] | None:
        """A purchase as it was loaded, for those who must know which lots they need."""
        address = self.found.names.get(name)
        if not isinstance(address, Address) or (place := self.place(address)) is None:
            return None
        known = self._known.get((place.program, name.transaction_id))
        return (address, known) if known is not None and known.account == place.account else None

    def recording(self, name: TransactionName) -> list[Address]:
        """The accounts for which this group may record a purchase."""
        return [address for address in self._recorded.get(name, ()) if self.place(address) is not None]


async def open_group(
    session: Session,
    clocks: Clocks,
    commands: Sequence[Command],
    wanted: Wanted,
    found: Found,
    patience_ms: int | None = None,
) -> Group:
    """Begins the transaction of some commands: accounts locked, where that can be had at once or in `patience_ms`, and
    all that is known of them read. Those of which somebody only wants to know what would happen are not locked."""
    places = found.accounts
    accounts = {place.account for place in places.values()}
    locked = accounts
    if any(command.asked.validate_only for command in commands):
        locked = accounts_of((command for command in commands if not command.asked.validate_only), found)
    asked = _question(commands, wanted, found, places, sorted(locked), sorted(accounts - locked))
    holders = [holder for holder in found.customers.values() if isinstance(holder, Holder)]
    programs = {place.program for place in places.values()} | {holder.program for holder in holders}
    loaded = await load.lock_group(session, clocks, asked, programs, patience_ms=patience_ms)
    return Group(session, clocks, wanted, found, loaded, (locked | found.unopened) - loaded.locked)


def accounts_of(commands: Iterable[Command], found: Found) -> set[int]:
    """The accounts that commands name, by whatever name."""
    wanted = Wanted()
    for command in commands:
        command.wants(wanted)
    named = set(wanted.addresses)
    named.update(at for name in wanted.names if isinstance(at := found.names[name], Address))
    for key in wanted.customers:
        if isinstance(holder := found.customers[key], Holder):
            named.update(holder.accounts)
            if holder.gives_to is not None:
                named.add(holder.gives_to)
    return {place.account for address in named if isinstance(place := found.places.get(address), Place)}


def _question(
    commands: Sequence[Command],
    wanted: Wanted,
    found: Found,
    places: Mapping[Address, Place],
    locked: Sequence[int],
    looked_at: Sequence[int],
) -> dict[str, Any]:
    transactions = [
        (next(places[address].program for address in recorded if address in places), name.transaction_id)
        for name, recorded in wanted.recorded.items()
        if any(address in places for address in recorded)
    ]
    paid = []
    for name, address in found.names.items():
        if isinstance(address, Address) and address in places:
            transactions.append((places[address].program, name.transaction_id))
            paid.append((places[address].account, name.transaction_id))

    def numbers(named: Iterable[Numbered]) -> list[tuple[int, int]]:
        return [(places[one.address].account, one.number) for one in named if one.address in places]

    return load.question(
        locked,
        [command.asked.request for command in commands],
        transactions,
        looked_at,
        numbers(wanted.holds),
        numbers(wanted.spendings),
        paid,
        numbers(wanted.shortfalls),
    )
