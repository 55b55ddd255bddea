"""Third step of a group: its commands are decided, one after the other, in memory; then all of it is written."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import json

from rules.accounts import AccountState
from rules.activity import Change
from rules.archiving import check_act
from rules.draft import Draft, LotsNotAtHand
from rules.programs import Settings
from rules.refusals import DeadlinePassed, GroupRefused, Refusal, TransactionNotFound
from rules.states import ALLOWED, Act
from storage.activity.commands import Scope, record
from storage.engine import requests, stands
from storage.engine.commands import CommandContext
from storage.engine.nouns import PassedOver
from storage.engine.requests import REQUESTS, Answer
from storage.engine.session import Session, Statement
from storage.engine.stands import STANDS
from storage.ledger import addresses
from storage.ledger.addresses import AccountKey, Address, CustomerName, Holder, TransactionName
from storage.ledger.commands import AllOrNothing, Command
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.records import ACCOUNTS, TRANSACTIONS, LoadedPurchase
from storage.programs.queries import ProgramState, SettingsUnread

Outcome = Answer[Any] | Exception
Result = TypeVar("Result")

# Commands decided before the loop may go on with other things: some 2 ms.
BREATH = 16


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


class Group:
    """What the commands of one transaction decide with, and what they have decided so far."""

    def __init__(self, session: Session, loaded: Loaded, accounts: Mapping[int, LockedAccount]) -> None:
        self.workspace = loaded.workspace
        self.now = loaded.workspace.now
        self._session = session
        self._loaded = loaded
        self._accounts = accounts
        self._programs = loaded.programs
        # Of programs in which something is under approval.
        self._stands = loaded.workspace.within(STANDS, ())
        self._read: dict[tuple[Statement, tuple[bytes, ...]], Any] = {}
        self._decided_so_far = 0

    async def outcome(self, command: Command, in_bundle: bool = False) -> Outcome:
        """Decides one command. What a rare one needs besides is read on the way. What is only asked about is taken
        back, unless it is `in_bundle`, whose others build on it."""
        self._decided_so_far += 1
        if self._decided_so_far % BREATH == 0:
            await self._session.breathe()
        while True:
            mark = self.workspace.mark()
            try:
                return self._decided(command, mark, in_bundle)
            except SettingsUnread as unread:
                self.workspace.return_to(mark)
                await self._programs.learn(self._session, unread)
            except Unread as unread:
                self.workspace.return_to(mark)
                asked = (unread.statement, unread.parameters)
                self._read[asked] = await self._session.run(*asked)

    def _decided(self, command: Command, mark: int, in_bundle: bool) -> Outcome:
        context = command.context
        try:
            if kept := self.workspace.get(REQUESTS, context.request.key):
                return requests.replay(context.request, kept, command.answers())
            if context.deadline < time.monotonic():
                raise DeadlinePassed
            if self._stands:
                stands.check(self._stands.get(context.program), context)
            answer = command.decide(self)
        except Refusal as refusal:
            self.workspace.return_to(mark)
            return refusal
        except (LotsNotAtHand, SettingsUnread, Unread, PassedOver):
            raise
        except Exception as error:
            self.workspace.return_to(mark)
            raise CommandFailed({0: error}) from error
        if context.validate_only:
            if not in_bundle:
                self.workspace.return_to(mark)
            return answer._replace(activity=None)
        if not answer.replayed:
            requests.keep(self.workspace, context.request, answer)
        return answer

    async def ask(self, decide: "Callable[[Group], Result]") -> Result | Refusal:
        """What is decided where nothing is to be done, or its refusal; all that it changed is taken back."""
        while True:
            mark = self.workspace.mark()
            try:
                return decide(self)
            except Refusal as refusal:
                return refusal
            except Unread as unread:
                asked = (unread.statement, unread.parameters)
                self._read[asked] = await self._session.run(*asked)
            finally:
                self.workspace.return_to(mark)

    async def outcomes(self, together: AllOrNothing) -> list[Outcome]:
        """Decides commands of which all are done, or none: where one is refused, the others hear by which."""
        mark = self.workspace.mark()
        is_asked = all(command.context.validate_only for command in together.commands)
        outcomes: list[Outcome] = []
        for number, command in enumerate(together.commands):
            outcome = await self.outcome(command, in_bundle=is_asked)
            if isinstance(outcome, Exception):
                self.workspace.return_to(mark)
                others = GroupRefused(item=number, reason=type(outcome).__name__, why=outcome)
                refused: list[Outcome] = [others] * len(together.commands)
                return [*refused[:number], outcome, *refused[number + 1 :]]
            outcomes.append(outcome)
        if is_asked:
            self.workspace.return_to(mark)
        return outcomes

    async def commit(self) -> dict[Address, AccountKey]:
        """Writes all that was decided, and commits it, in one round trip. Answers the accounts that are new."""
        used = {account for account in self._loaded.opened if self.workspace.is_written(ACCOUNTS, (account,))}
        for account in set(self._loaded.opened) - used:
            self.workspace.add(ACCOUNTS.removed, {"id": account})
        await self.workspace.flush(self._session, commit=True)
        return {address: key for address, key in self._loaded.accounts.items() if key.account in used} if used else {}

    def account(self, address: Address, act: Act) -> LockedAccount:
        """An account, for an act of that kind. Raises why there is none, and what the states of its customer, its
        program and its card have against it."""
        key = self._loaded.keys[address]
        if isinstance(key, Refusal):
            raise key
        found = self._accounts[key.account]
        state = found.account.state
        if act not in ALLOWED[state]:
            if state is AccountState.MERGED:
                target = self.read(addresses.MERGED_INTO, key.customer)
                raise addresses.merged(address.program, address.customer, target.decode())
            raise addresses.why_not(address.owner, state)
        check_act(found.program.settings, found.card, act, address.program)
        return found

    def address(self, name: TransactionName) -> Address:
        """The account of a purchase. Raises why there is none."""
        address = self._loaded.resolved.names[name]
        if isinstance(address, Refusal):
            raise address
        return address

    def holder(self, name: CustomerName, event_type: str) -> Holder:
        """A customer to whom something happens. Raises why there is none, and that it was closed."""
        holder = self._loaded.resolved.customers[name, event_type]
        if isinstance(holder, Refusal):
            raise holder
        # Its accounts say so too, where it has any.
        if Act.PUT_RIGHT not in ALLOWED[holder.state]:
            raise addresses.why_not(name, holder.state)
        return holder

    def program(self, program: int) -> ProgramState:
        """A program that was found."""
        return self._loaded.program(program)

    def known_purchase(self, address: Address, transaction_id: str) -> LoadedPurchase | None:
        """A purchase of an account's program, as this group has left it so far."""
        key = self._loaded.key(address)
        return self.workspace.get(TRANSACTIONS, (key.program, transaction_id)) if key is not None else None

    def purchase(self, name: TransactionName, act: Act) -> tuple[LockedAccount, LoadedPurchase]:
        """A purchase and its account, for an act of that kind. Raises why there is none, and what `account` raises."""
        key = self.account(self.address(name), act).key
        known = self.workspace.get(TRANSACTIONS, (key.program, name.transaction_id))
        locked = self._accounts.get(known.account) if known is not None else None
        if known is None or locked is None or locked.key.customer != key.customer:
            raise TransactionNotFound(transaction=name.transaction_id)
        if known.lot is not None and not (locked.is_at_hand and known.lot in locked.lots):
            raise LotsNotAtHand
        return locked, known

    def customer_of(self, account: int) -> str:
        """The resource name of whoever holds an account. Raises Unread."""
        for address, key in self._loaded.accounts.items():
            if key.account == account:
                return address.customer_name
        program, customer = json.decode(self.read(_HOLDER, account))
        return CustomerName(program, customer).name

    def keep_purchase(self, program: int, known: LoadedPurchase) -> None:
        """Takes over a purchase as it stands now."""
        key = (program, known.purchase.transaction_id)
        self.workspace.put(TRANSACTIONS, key, known, {"activity": known.activity})

    def settings(self, program: int, version: int) -> Settings:
        """The settings of one version. Raises SettingsUnread."""
        return self._programs.version(program, version)

    def read(self, statement: Statement, *parameters: object) -> Any:
        """What only a rare command asks, with its accounts locked; asked before it changes anything. Raises Unread."""
        asked = (statement, tuple(str(parameter).encode() for parameter in parameters))
        if asked not in self._read:
            raise Unread(*asked)
        return self._read[asked]

    def book(
        self,
        context: CommandContext,
        locked: LockedAccount,
        draft: Draft,
        subject: str,
        occurred_at: datetime,
        details: Mapping[str, Any],
        points: int | None = None,
    ) -> str:
        """Records an act on one account, and takes over its draft; answers the id of its activity."""
        activity = self.record(
            context, locked.scope, subject, occurred_at, details, points, changes=locked.changes(draft)
        )
        locked.apply(draft, activity)
        return activity

    def record(
        self,
        context: CommandContext,
        scope: Scope,
        subject: str,
        occurred_at: datetime,
        details: Mapping[str, Any],
        points: int | None = None,
        event: str = "",
        changes: Sequence[Change] = (),
    ) -> str:
        """Records an act of a caller, as an event of the customer's history; answers the id of its activity."""
        return record(
            self.workspace,
            context.origin,
            subject,
            scope,
            occurred_at,
            changes=changes,
            details=context.reason.added_to(details),
            request_id=context.request.request_id,
            event=event or context.origin.kind.action,
            points=points,
            note=context.reason.note,
        )


_HOLDER = Statement(
    """
SELECT json_build_array(p.program_id, c.customer_id)
FROM account a JOIN customer c ON c.id = a.customer JOIN program p ON p.id = c.program WHERE a.id = $1
""",
    ["bigint"],
)
