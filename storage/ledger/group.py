"""A group of commands in one transaction: what it knows, and what it decides for each."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from rules import ledger
from rules.ledger import Act
from rules.refusals import DeadlinePassed, DuplicateTransaction, OccursInFuture, Refusal
from storage.activity.commands import record
from storage.engine import requests
from storage.engine.database import Connection
from storage.engine.requests import REQUESTS, Answer
from storage.engine.session import session
from storage.engine.unit import Unit
from storage.ledger import load
from storage.ledger.addresses import Address, Place
from storage.ledger.commands import Command, Outcome, Recorded, RecordTransaction, SpendPoints, Spent, balance
from storage.ledger.load import Known
from storage.ledger.standing import Standing
from storage.ledger.tables import TRANSACTIONS
from storage.programs.queries import Clocks

Value = TypeVar("Value", Recorded, Spent)

# How far a till's clock may run ahead of the program's.
CLOCK_SKEW = timedelta(minutes=10)


class Group:
    """What one transaction knows and does."""

    def __init__(
        self,
        connection: Connection,
        clocks: Clocks,
        commands: Sequence[Command],
        places: dict[Address, Place | Refusal],
    ) -> None:
        self.places = places
        names = {place: address.name for address, place in places.items() if isinstance(place, Place)}
        found = list(names)
        transactions = self._transactions(commands)
        asked = [command.request for command in commands]
        loaded = load.lock_group(session(connection), clocks, found, asked, transactions)
        accounts, self.clocks = loaded.accounts, loaded.clocks
        self.kept, self.known = loaded.answers, loaded.transactions
        wanted = self._lots_wanted(commands, found, accounts)
        lots = load.open_lots(connection, wanted) if wanted else {}
        self.unit = Unit(connection, loaded.now)
        self.standings = {
            place: Standing(
                place, names[place], self.clocks[place.program], accounts[place.account], lots.get(place.account)
            )
            for place in found
        }

    def outcome(self, command: Command) -> Outcome | Exception:
        """Decides one command."""
        try:
            place = self.places[command.address]
            if isinstance(place, Refusal):
                raise place
            if kept := self.kept.get(command.request.key):
                return _replay(command, kept)
            if command.deadline < time.monotonic():
                raise DeadlinePassed
            standing = self.standings[place]
            if isinstance(command, RecordTransaction):
                return self._record(command, standing)
            return self._spend(command, standing)
        except Refusal as refusal:
            return refusal

    def commit(self) -> None:
        """Writes all that was decided, and commits it, in one round trip."""
        for standing in self.standings.values():
            if standing.is_changed:
                standing.write(self.unit)
        self.unit.write(commit=True)

    def _record(self, command: RecordTransaction, standing: Standing) -> Answer[Recorded]:
        clock = standing.clock
        card = clock.settings.card(command.address.card, command.address.program)
        known = self.known.get((clock.program, command.transaction_id))
        if known is not None:
            return self._again(command, standing, known, card.decimals)
        occurred_at = command.occurred_at or clock.now
        if occurred_at > clock.now + CLOCK_SKEW:
            raise OccursInFuture(now=clock.now.isoformat())
        points = card.earn_rate.earned(command.amount_minor, command.currency_code)
        term = clock.settings.term(card, occurred_at)
        time_passed = standing.settled()
        act = Act(time_passed.account)
        if points:
            act = ledger.earn(act.account, points, term, clock.version, clock.now, command.transaction_id)
        pending = bool(points) and term.activates_at > clock.now
        recorded = Recorded(
            points,
            pending,
            occurred_at,
            term.activates_at if points else None,
            term.expires_at if points else None,
            balance(act.account, card.decimals, clock.now),
        )
        if command.validate_only:
            return Answer(recorded, None)
        standing.pass_time(self.unit, time_passed)
        name = f"{command.address.customer_name}/transactions/{command.transaction_id}"
        details = {"amount_minor": command.amount_minor, "currency": command.currency_code, "points": points}
        activity = self._recorded(command, standing, name, occurred_at, details)
        standing.apply(self.unit, act, activity)
        row: dict[str, Any] = {
            "program": clock.program,
            "transaction_id": command.transaction_id,
            "account": standing.place.account,
            "amount_minor": command.amount_minor,
            "currency_code": command.currency_code,
            "lines": [list(line) for line in command.lines] or None,
            "points": points,
            "lot": act.account.lots if points else None,
            "policy_version": clock.version,
            "occurred_at": occurred_at,
            "activity": activity,
        }
        self.unit.add(TRANSACTIONS, row)
        self.known[clock.program, command.transaction_id] = Known(
            standing.place.account,
            command.amount_minor,
            command.currency_code,
            row["lines"],
            points,
            occurred_at,
            activity,
            "PENDING" if pending else "ACTIVE",
            recorded.activates_at,
            recorded.expires_at,
        )
        return self._keep(command, Answer(recorded, activity))

    def _again(self, command: RecordTransaction, standing: Standing, known: Known, decimals: int) -> Answer[Recorded]:
        same = (known.account, known.amount_minor, known.currency_code, known.lines or []) == (
            standing.place.account,
            command.amount_minor,
            command.currency_code,
            [list(line) for line in command.lines],
        )
        if not same or command.occurred_at not in (None, known.occurred_at):
            raise DuplicateTransaction(transaction=command.transaction_id)
        account = standing.settled().account
        pending = known.lot_state == "PENDING" and (known.activates_at or standing.clock.now) > standing.clock.now
        recorded = Recorded(
            known.points,
            pending,
            known.occurred_at,
            known.activates_at,
            known.expires_at,
            balance(account, decimals, standing.clock.now),
        )
        return Answer(recorded, known.activity, replayed=True)

    def _spend(self, command: SpendPoints, standing: Standing) -> Answer[Spent]:
        clock = standing.clock
        card = clock.settings.card(command.address.card, command.address.program)
        time_passed = standing.settled()
        lots = dict(standing.lots or {})
        lots.update((lot.number, lot) for lot in time_passed.lots)
        act = ledger.spend(time_passed.account, lots.values(), command.points, clock.now)
        spent = Spent(act.postings[0], self.unit.now, balance(act.account, card.decimals, clock.now))
        if command.validate_only:
            return Answer(spent, None)
        standing.pass_time(self.unit, time_passed)
        details = {"amount": -command.points, "entry": act.postings[0].seq, "reference": command.reference}
        activity = self._recorded(command, standing, command.address.name, clock.now, details)
        standing.apply(self.unit, act, activity)
        return self._keep(command, Answer(spent, activity))

    def _recorded(
        self, command: Command, standing: Standing, subject: str, occurred_at: datetime, details: dict[str, Any]
    ) -> str:
        request_id = command.request.request_id
        return record(
            self.unit, command.origin, subject, standing.scope, occurred_at, details=details, request_id=request_id
        )

    def _keep(self, command: Command, answer: Answer[Value]) -> Answer[Value]:
        row = requests.row(command.request, answer)
        self.unit.add(REQUESTS, row)
        self.kept[command.request.key] = (command.request.content_hash, row["response"])
        return answer

    def _transactions(self, commands: Sequence[Command]) -> list[tuple[int, str]]:
        return [
            (place.program, command.transaction_id)
            for command in commands
            if isinstance(command, RecordTransaction) and isinstance(place := self.places[command.address], Place)
        ]

    def _lots_wanted(
        self, commands: Sequence[Command], found: Sequence[Place], accounts: dict[int, ledger.Account]
    ) -> list[int]:
        spending = {self.places[command.address] for command in commands if isinstance(command, SpendPoints)}
        return [
            place.account
            for place in found
            if place in spending or accounts[place.account].is_due(self.clocks[place.program].now)
        ]


def _replay(command: Command, kept: tuple[str, str]) -> Outcome:
    if isinstance(command, RecordTransaction):
        return requests.replay(command.request, kept, Recorded)
    return requests.replay(command.request, kept, Spent)
