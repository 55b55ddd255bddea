"""Tells phones of Apple's that a pass changed: all that have it, by one task.

At least once: to be told twice costs a phone a question. What Apple answers is kept for each phone; a phone is only
forgotten where Apple says so and other phones are reached (rules/passes/breaking.py). Where nothing would arrive, for a
certificate that ended, say, pushes of that pass type are stopped for all workers, and one is let through now and then.
"""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog

from rules.passes import breaking
from rules.passes.breaking import Verdict
from storage.engine.unit import Unit
from storage.passes import apple_pushes, halts, pushing
from storage.passes.apple_pushes import Phone, Pushed, Update
from storage.passes.halts import Platform
from wallet.accounts import Accounts
from wallet.apple.answers import Answer, BadToken, Done, Gone, Later, Misconfigured, OurFault
from wallet.apple.apns import ApnsAway, ApnsTransport
from wallet.apple.certificates import AppleAccount, load_account
from wallet.failures import AccountInvalid, WalletError
from workers.actors.passes.recent_answers import RecentAnswers
from workers.external import ExternalActor
from workers.failures import NotNow
from workers.gate import Gate
from workers.limits import (
    DOUBLINGS_MAX,
    PROBE_EVERY,
    PUSH_ATTEMPTS_MAX,
    PUSH_BEGUN_MAX,
    PUSH_LIMIT_S,
    PUSH_ONE_LIMIT_S,
    PUSH_RETRY_MAX,
    PUSH_RETRY_MIN,
    PUSH_TRIES_MAX,
    PUSH_UNSET_PAUSE,
)
from workers.outage import Outage
from workers.wallet import WorkerWalletKeys

log = structlog.get_logger()


class Begun(NamedTuple):
    """What is to be pushed with which account; `tokens` are those of its phones, opened."""

    update: Update
    account: AppleAccount
    tokens: tuple[str, ...]
    is_probe: bool


class Lost(NamedTuple):
    """A phone that is to be forgotten, unless it registered again since."""

    phone: Phone
    since: datetime
    answer: str


class Told(NamedTuple):
    """What came of it. `later` are devices to be asked again, after `after` at least; `halt` is why none is to be
    pushed to any more, `is_reached` whether any was."""

    pushes: tuple[Pushed, ...]
    gone: tuple[Lost, ...]
    later: tuple[int, ...]
    after: timedelta
    halt: str
    is_reached: bool


def push_apple(
    accounts: Accounts, transport: ApnsTransport, keys: WorkerWalletKeys, limit_s: float = PUSH_LIMIT_S
) -> ExternalActor[Begun, Told]:
    """The actor that pushes with these accounts over `transport`."""
    pushes = _Pushing(accounts, transport, keys, limit_s)
    return ExternalActor(
        name=pushing.APPLE,
        queue=pushing.QUEUE,
        load=pushes.load,
        act=pushes.act,
        record=pushes.record,
        act_limit_s=limit_s,
        begun_max=PUSH_BEGUN_MAX,
        attempts_max=PUSH_ATTEMPTS_MAX,
        retry_min=PUSH_RETRY_MIN,
        retry_max=PUSH_RETRY_MAX,
    )


class _Pushing:
    def __init__(self, accounts: Accounts, transport: ApnsTransport, keys: WorkerWalletKeys, limit_s: float) -> None:
        self._accounts = accounts
        self._transport = transport
        self._keys = keys
        self._unset = Outage("account of Apple's")
        self._gates = {one.pass_type: Gate("Apple's push service", limit_s) for one in accounts.apple_accounts}
        self._known = {one.pass_type: RecentAnswers() for one in accounts.apple_accounts}

    def load(self, unit: Unit, args: Mapping[str, Any]) -> Begun | None:
        update = apple_pushes.load(unit.connection, UUID(args["pass"]), args.get("revision"), args.get("devices"))
        if update is None:
            return None
        account = self._account(update.pass_type)
        self._gates[account.pass_type].check()
        is_probe = self._is_probe(unit, account.pass_type)
        keys = self._keys.of(unit)
        tokens = tuple(keys.open_push_token(phone.push_token) for phone in update.phones)
        return Begun(update, account, tokens, is_probe)

    def act(self, begun: Begun, deadline: float) -> Told:
        account, gate = begun.account, self._gates[begun.account.pass_type]
        call = _Call(self._known[account.pass_type], begun.update.customer)
        waiting = list(zip(begun.update.phones, begun.tokens, strict=True))
        while waiting and not call.halt and time.monotonic() < deadline - PUSH_ONE_LIMIT_S:
            phone, token = waiting[0]
            push_id, asked_at = uuid4(), datetime.now(UTC)
            try:
                answer = self._transport.send(token, account.pass_type, str(push_id), deadline)
            except ApnsAway as away:
                if _has_ended(account):
                    call.halt = breaking.EXPIRED
                    break
                not_now = gate.shut(str(away))
                if not call.pushes:
                    raise not_now from None
                call.after = max(call.after, not_now.after)
                break
            gate.open()
            del waiting[0]
            call.take(phone, push_id, asked_at, answer)
            if begun.is_probe and not call.is_reached:
                break
        call.later += [phone.device for phone, _ in waiting]
        return call.told()

    def record(self, unit: Unit, args: Mapping[str, Any], begun: Begun, told: Told) -> None:
        topic, update = begun.account.pass_type, begun.update
        apple_pushes.note(unit, update, told.pushes)
        apple_pushes.hold_passes(unit, [lost.phone for lost in told.gone])
        for phone, since, answer in told.gone:
            apple_pushes.forget(unit, phone, since, answer)
        if told.halt:
            self._halt(unit, topic, told.halt)
        elif begun.is_probe and told.is_reached and (halt := halts.end(unit, Platform.APPLE, topic)) is not None:
            log.info("pushes go on", topic=topic, stopped_for=halt.reason)
        self._again(unit, args, update, told)

    def _account(self, pass_type: str) -> AppleAccount:
        try:
            account = self._accounts.apple(pass_type)
        except WalletError as error:
            # No other process is known to have it; this one says once that it does not.
            self._unset.noticed(str(error))
            raise NotNow(PUSH_UNSET_PAUSE, "NoAccount") from None
        self._unset.over()
        return account

    def _is_probe(self, unit: Unit, topic: str) -> bool:
        """Whether this push is to find out if a halt is over; raises NotNow where there is one and this is none."""
        halt = halts.find(unit.connection, Platform.APPLE, topic)
        if halt is None:
            return False
        # What was answered before it says nothing about what is answered behind it.
        self._known[topic].forget_all()
        if halts.take_probe(unit, Platform.APPLE, topic, PROBE_EVERY):
            return True
        left = max(halt.probe_at - unit.now, timedelta(0))
        raise NotNow(left + PROBE_EVERY * random.random())  # noqa: S311 - so that not always the same one is the probe

    def _halt(self, unit: Unit, topic: str, reason: str) -> None:
        self._known[topic].forget_all()
        if halts.begin(unit, Platform.APPLE, topic, reason, PROBE_EVERY):
            log.error("pushes stopped", topic=topic, reason=reason, advice=breaking.advice(reason))

    def _again(self, unit: Unit, args: Mapping[str, Any], update: Update, told: Told) -> None:
        if not told.later:
            return
        # What a halt keeps waiting has not failed.
        tries = int(args.get("tries", 0)) + (0 if told.halt else 1)
        if tries > PUSH_TRIES_MAX:
            log.warning("push given up", task_of=str(update.id), devices=len(told.later))
            return
        pause = min(PUSH_RETRY_MIN * (1 << min(max(tries - 1, 0), DOUBLINGS_MAX)), PUSH_RETRY_MAX)
        pause = max(pause * random.uniform(1, 1.5), told.after)  # noqa: S311 - not all of them at once
        apple_pushes.plan_push(unit, update, told.later, tries, unit.now + pause)


def _has_ended(account: AppleAccount) -> bool:
    """Whether the certificate has ended that pushes show: that of the files, which may have been replaced since."""
    now = datetime.now(UTC)
    if account.expires_at > now:
        return False
    try:
        return load_account(account.folder, account.key_password, now).expires_at <= now
    except AccountInvalid:
        return True


class _Call:
    """The answers of one task, as they come."""

    def __init__(self, known: RecentAnswers, customer: int) -> None:
        self._known = known
        self._customer = customer
        self.pushes: list[Pushed] = []
        self.gone: list[Lost] = []
        self.later: list[int] = []
        self.after = timedelta(0)
        self.halt = ""
        self.is_reached = False

    def take(self, phone: Phone, push_id: UUID, asked_at: datetime, answer: Answer) -> None:
        """What follows from one answer."""
        said = f"{answer.status} {answer.reason}".strip()
        # When it was sent: a phone is quicker than the answer at times.
        taken_at = asked_at if isinstance(answer.outcome, Done) else None
        self.pushes.append(Pushed(phone, push_id, said, taken_at))
        match answer.outcome:
            case Done():
                self.is_reached = True
                self._known.note(self._customer, True)
            case Gone(since):
                self.is_reached = True
                self._known.note(self._customer, True)
                self.gone.append(Lost(phone, since or asked_at, said))
            case BadToken(reason):
                self._unknown(phone, asked_at, said, reason)
            case Misconfigured(reason):
                self.halt = reason
                self.later.append(phone.device)
            case Later(_, after, _):
                self.after = max(self.after, after or timedelta(0))
                self.later.append(phone.device)
            case OurFault(reason):
                log.error("push refused: it is not formed as Apple wants it", reason=reason, push_id=str(push_id))

    def told(self) -> Told:
        """All of it."""
        return Told(tuple(self.pushes), tuple(self.gone), tuple(self.later), self.after, self.halt, self.is_reached)

    def _unknown(self, phone: Phone, asked_at: datetime, said: str, reason: str) -> None:
        match self._known.note(self._customer, False):
            case Verdict.FORGET:
                self.gone.append(Lost(phone, asked_at, said))
            case Verdict.WAIT:
                self.later.append(phone.device)
            case Verdict.HALT:
                self.halt = breaking.UNKNOWN_PHONES if reason == "BadDeviceToken" else reason
                self.later.append(phone.device)
