"""Every command to the ledger, with what a test does not care about filled in."""

import hashlib
import math
import secrets
from datetime import datetime
from itertools import count
from typing import Any
from uuid import uuid4

from rules.access import ActorType, Role, in_role
from rules.activity import Kind, Origin
from rules.refunds import RollbackPolicy
from rules.transactions import Line
from storage.activity.commands import Outcome
from storage.coupons.acts.giving import FreshCode
from storage.engine.commands import NO_REASON, CommandContext, Reason
from storage.engine.requests import Request
from storage.ledger.acts.activities import RecordActivity
from storage.ledger.acts.adjustments import AdjustPoints, ChangeLot
from storage.ledger.acts.events import RecordEvent
from storage.ledger.acts.holds import CaptureHold, CreateHold, ReleaseHold
from storage.ledger.acts.refunds import RefundTransaction, WriteOffShortfall
from storage.ledger.acts.spendings import RollBackSpending, SpendPoints
from storage.ledger.acts.transactions import DecideTransaction, RecordTransaction, UpdateTransaction
from storage.ledger.acts.transfers import TransferPoints
from storage.ledger.addresses import Address, CustomerName, TransactionName
from storage.rewards.acts import CancelClaim, ClaimReward
from storage.rewards.claims import ClaimRead

CALLER = in_role("caller_1", "till", Role.ADMINISTRATOR)
ORIGIN = Origin(ActorType.SERVICE, CALLER.id, "API", Kind("act.done", "ORDERS", "ORDER"), "/Service/Method", "10.0.0.1")


def request(content: object, request_id: str = "", caller: str = CALLER.id, method: str = "Method") -> Request:
    """A request for `content`, with an id of its own unless one is given."""
    digest = hashlib.sha256(repr(content).encode()).hexdigest()
    return Request(caller, method, request_id or str(uuid4()), digest)


def asked(
    content: object,
    request_id: str = "",
    validate_only: bool = False,
    deadline: float = math.inf,
    reason: Reason = NO_REASON,
    action: str = ORIGIN.kind.action,
) -> CommandContext:
    """How a command for `content` is asked for."""
    key = request((content, validate_only), request_id)
    origin = ORIGIN._replace(kind=ORIGIN.kind._replace(action=action))
    return CommandContext(CALLER, key, origin, validate_only, deadline, reason)


def made_up_code() -> FreshCode:
    """What stands for a code under seal; no two are the same."""
    sealed = secrets.token_hex(28)
    return FreshCode(sealed, sealed[-4:].upper())


class Asking:
    """Commands about the customers of one program. What is left over of the arguments says how one is asked for."""

    def __init__(self, program: str) -> None:
        self.program_id = program
        self._numbers = count(1)

    def address(self, name: str = "ada", card: str = "plain") -> Address:
        """An account."""
        return Address(self.program_id, name, card)

    def named(self, transaction_id: str, name: str = "ada") -> TransactionName:
        """A purchase."""
        return TransactionName(self.program_id, name, transaction_id)

    def purchase(
        self,
        points: int = 100,
        name: str = "ada",
        card: str = "plain",
        transaction_id: str = "",
        occurred_at: datetime | None = None,
        lines: tuple[Line, ...] = (),
        program: str = "",
        currency: str = "EUR",
        **how: Any,
    ) -> RecordTransaction:
        """A purchase that earns `points` units."""
        address = Address(program or self.program_id, name, card)
        what = (address, transaction_id or f"t-{next(self._numbers)}", points, currency, occurred_at, lines)
        return RecordTransaction(*what, asked(what, **how))

    def correction(
        self,
        transaction_id: str,
        amount_minor: int,
        name: str = "ada",
        lines: tuple[Line, ...] = (),
        currency: str = "EUR",
        **how: Any,
    ) -> UpdateTransaction:
        """Another amount for a purchase."""
        what = (self.named(transaction_id, name), amount_minor, currency, lines)
        return UpdateTransaction(*what, asked(what, **how))

    def decision(self, transaction_id: str, accept: bool, name: str = "ada", **how: Any) -> DecideTransaction:
        """A purchase accepted or rejected."""
        what = (self.named(transaction_id, name), accept)
        return DecideTransaction(*what, asked(what, **how))

    def refund(
        self,
        transaction_id: str,
        amount_minor: int | None = None,
        name: str = "ada",
        lines: tuple[tuple[int, int], ...] = (),
        **how: Any,
    ) -> RefundTransaction:
        """A refund of all that is left, of an amount or of lines."""
        what = (self.named(transaction_id, name), amount_minor, lines)
        return RefundTransaction(*what, asked(what, **how))

    def write_off(
        self, number: int = 1, points: int = 0, name: str = "ada", card: str = "plain", **how: Any
    ) -> WriteOffShortfall:
        """A shortfall given up."""
        what = (self.address(name, card), number, points)
        return WriteOffShortfall(*what, asked(what, **how))

    def spending(
        self,
        points: int = 100,
        name: str = "ada",
        card: str = "plain",
        reference: str = "",
        pays_for: str | None = None,
        **how: Any,
    ) -> SpendPoints:
        """A spending of `points` units."""
        what = (self.address(name, card), points, reference, pays_for)
        return SpendPoints(*what, asked(what, **how))

    def claim(
        self,
        reward: str = "mug",
        name: str = "ada",
        card: str = "plain",
        reference: str = "",
        template: str = "",
        **how: Any,
    ) -> ClaimReward:
        """A reward of the catalogue, for its price; with a pass of a template."""
        what = (self.address(name, card), reward, reference)
        return ClaimReward(*what, made_up_code(), asked((*what, template), **how), template)

    def cancelling(self, claim: ClaimRead, **how: Any) -> CancelClaim:
        """A claim taken back."""
        what = (claim.account, claim.name)
        return CancelClaim(*what, asked(what, **how))

    def rollback(
        self,
        seq: int,
        points: int = 0,
        name: str = "ada",
        card: str = "plain",
        policy: RollbackPolicy = RollbackPolicy.KEEP_ORIGINAL_EXPIRY,
        until: datetime | None = None,
        grace_days: int = 0,
        **how: Any,
    ) -> RollBackSpending:
        """A spending given back."""
        what = (self.address(name, card), seq, points, policy, until, grace_days)
        return RollBackSpending(*what, asked(what, **how))

    def hold(
        self,
        points: int = 100,
        name: str = "ada",
        card: str = "plain",
        ttl_s: int = 0,
        reference: str = "",
        pays_for: str | None = None,
        **how: Any,
    ) -> CreateHold:
        """Points set aside."""
        what = (self.address(name, card), points, ttl_s, reference, pays_for)
        return CreateHold(*what, asked(what, **how))

    def capture(
        self, number: int = 1, points: int = 0, name: str = "ada", card: str = "plain", **how: Any
    ) -> CaptureHold:
        """A hold spent."""
        what = (self.address(name, card), number, points)
        return CaptureHold(*what, asked(what, **how))

    def release(self, number: int = 1, name: str = "ada", card: str = "plain", **how: Any) -> ReleaseHold:
        """A hold let go."""
        what = (self.address(name, card), number)
        return ReleaseHold(*what, asked(what, **how))

    def adjustment(self, points: int, name: str = "ada", card: str = "plain", **how: Any) -> AdjustPoints:
        """Points added or taken away by hand."""
        what = (self.address(name, card), points)
        return AdjustPoints(*what, asked(what, **how))

    def lot(self, number: int, activate: bool, name: str = "ada", card: str = "plain", **how: Any) -> ChangeLot:
        """A pending lot activated or cancelled by hand."""
        what = (self.address(name, card), number, activate)
        return ChangeLot(*what, asked(what, **how))

    def transfer(
        self,
        points: int,
        name: str = "ada",
        to: str = "ben",
        card: str = "plain",
        to_card: str = "",
        to_program: str = "",
        **how: Any,
    ) -> TransferPoints:
        """Points given to another customer."""
        target = Address(to_program or self.program_id, to, to_card or card)
        what = (self.address(name, card), target, points)
        return TransferPoints(*what, asked(what, **how))

    def event(
        self,
        event_type: str,
        name: str = "ada",
        properties: tuple[tuple[str, str], ...] = (),
        occurred_at: datetime | None = None,
        about: str | None = None,
        gives_to: str = "",
        points: int | None = None,
        **how: Any,
    ) -> RecordEvent:
        """Something that happened to a customer; `gives_to` is a card."""
        address = self.address(name, gives_to) if gives_to else None
        what = (CustomerName(self.program_id, name), event_type, properties, occurred_at, about, address, points)
        return RecordEvent(*what, asked(what, **how))

    def activity(
        self,
        action: str = "booking.created",
        name: str = "ada",
        occurred_at: datetime | None = None,
        related: str = "bookings/4711",
        **how: Any,
    ) -> RecordActivity:
        """Something that happened elsewhere; to nobody where the name is empty."""
        named = CustomerName(self.program_id, name)
        what = (named, occurred_at, Outcome.SUCCEEDED, related, (("room", "12"),), (("nights", 3),))
        return RecordActivity(*what, asked(what, action=action, **how))
