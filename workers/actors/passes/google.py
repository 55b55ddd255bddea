"""Sends cards to Google, which shows them on phones: one object a card, its class first.

At least once: what is sent is all that the card says, so twice is as good as once. One worker at a time is at a card,
and Google is asked 20 times a second by all workers together: a task that has to wait for its turn keeps no thread.
Where an operator has to set something right, pushes of that issuer are stopped, and one is let through now and then.
"""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from rules.passes.filling import shows_code
from storage.engine.unit import Unit
from storage.passes import google as known
from storage.passes import google_pushes as google
from storage.passes import halts
from storage.passes.contents import Card, contents
from storage.passes.google import Sent
from storage.passes.google_pushes import Stand
from storage.passes.halts import Platform
from storage.passes.marking import note_ahead
from storage.passes.pushing import GOOGLE, GOOGLE_QUEUE
from wallet.accounts import Accounts
from wallet.failures import AccountMissing, WalletError
from wallet.google.account import GoogleAccount
from wallet.google.answers import GoogleAway, NotPermitted, Rejected, TooManyRequests
from wallet.google.budget import Rung, decide
from wallet.google.cards import things
from wallet.google.classes import NoLogo
from wallet.google.client import GoogleClient
from workers.codes import WorkerSeals
from workers.external import ExternalActor
from workers.failures import NotNow
from workers.gate import Gate
from workers.limits import (
    PROBE_EVERY,
    PUSH_ATTEMPTS_MAX,
    PUSH_BEGUN_MAX,
    PUSH_BUSY_PAUSE,
    PUSH_LIMIT_S,
    PUSH_RETRY_MAX,
    PUSH_RETRY_MIN,
    PUSH_TURN_MAX,
    PUSH_TURN_MIN,
    PUSH_UNSET_PAUSE,
    RECORD_LIMIT_S,
)
from workers.outage import Outage

log = structlog.get_logger()


class Begun(NamedTuple):
    """What is to be sent: the card with those of its coupons that Google has, and the version of its class there. From
    `turn_at`, of time.monotonic, on."""

    stand: Stand
    account: GoogleAccount
    card: Card
    linked: tuple[str, ...]
    class_version: int
    turn_at: float
    is_probe: bool


class Done(NamedTuple):
    """What came of it: it was taken; or Google refuses it with a word; or all pushes of the issuer are to stop."""

    sent: Sent | None
    answer: str = ""
    halt: str = ""


def push_google(
    accounts: Accounts,
    clients: Mapping[str, GoogleClient],
    passes_url: str,
    seals: WorkerSeals,
    limit_s: float = PUSH_LIMIT_S,
) -> ExternalActor[Begun, Done]:
    """The actor that sends with these accounts, each by its client, by the issuer's id."""
    sending = _Sending(accounts, clients, passes_url, seals, limit_s)
    return ExternalActor(
        name=GOOGLE,
        queue=GOOGLE_QUEUE,
        load=sending.load,
        act=sending.act,
        record=sending.record,
        act_limit_s=limit_s,
        begun_max=PUSH_BEGUN_MAX,
        attempts_max=PUSH_ATTEMPTS_MAX,
        retry_min=PUSH_RETRY_MIN,
        retry_max=PUSH_RETRY_MAX,
        given_up=_give_up,
    )


class _Sending:
    def __init__(
        self,
        accounts: Accounts,
        clients: Mapping[str, GoogleClient],
        passes_url: str,
        seals: WorkerSeals,
        limit_s: float,
    ) -> None:
        self._accounts = accounts
        self._clients = clients
        self._passes_url = passes_url
        self._seals = seals
        self._mine_for = timedelta(seconds=limit_s + RECORD_LIMIT_S)
        self._unset = Outage("what Google's cards are made with")
        self._unknown: set[str] = set()
        self._gates = {issuer: Gate("Google Wallet", limit_s) for issuer in clients}

    def load(self, unit: Unit, args: Mapping[str, Any]) -> Begun | None:
        stand = google.find(unit.connection, UUID(args["pass"]))
        account = self._account(stand) if stand is not None else None
        if stand is None or account is None:
            return None
        if stand.sent_by not in ("", account.issuer):
            # Of the issuer that its design names now, Google has nothing.
            stand = stand._replace(is_sent=False, revision=0)
        again = bool(args.get("again"))
        if not again and _is_needless(stand):
            return None
        self._gates[account.issuer].check()
        if not google.is_turn_near(unit.connection):
            raise _far(unit, args, stand)
        is_probe = _is_probe(unit, account.issuer)
        if not google.begin(unit, stand, account.issuer, unit.now + self._mine_for):
            raise NotNow(PUSH_BUSY_PAUSE)
        card = self._card(unit, stand.id)
        if not again and stand.is_sent and stand.digest == card.digest:
            google.skip(unit, stand, card.revision)
            return None
        return self._in_turn(unit, args, Begun(stand, account, card, (), 0, time.monotonic(), is_probe))

    def act(self, begun: Begun, deadline: float) -> Done:
        time.sleep(max(begun.turn_at - time.monotonic(), 0.0))
        gate = self._gates[begun.account.issuer]
        try:
            done = self._send(begun, deadline)
        except GoogleAway as away:
            raise gate.shut(str(away)) from None
        except TooManyRequests as many:
            waits = gate.shut("it wants fewer requests")
            raise NotNow(max(waits.after, many.after or timedelta(0)), waits.why) from None
        gate.open()
        return done

    def record(self, unit: Unit, args: Mapping[str, Any], begun: Begun, done: Done) -> None:
        stand, issuer = begun.stand, begun.account.issuer
        asks = bool(args.get("asks"))
        if done.halt:
            google.release(unit, stand.id)
            halts.begin(unit, Platform.GOOGLE, issuer, done.halt, PROBE_EVERY)
            of = (stand.program, stand.customer, stand.id)
            # One that is to learn who has the card stands for others, and none for it.
            google.plan_again(unit, *of, "halt-asks" if asks else "halt", unit.now + PROBE_EVERY, asks)
            return
        if begun.is_probe and (halt := halts.end(unit, Platform.GOOGLE, issuer)) is not None:
            log.info("pushes go on", topic=issuer, stopped_for=halt.reason)
        if done.sent is None:
            known.fail(unit.connection, stand.id, done.answer)
        else:
            known.succeed(unit, stand, done.sent, asks)

    def _in_turn(self, unit: Unit, args: Mapping[str, Any], begun: Begun) -> Begun:
        stand, card, issuer = begun.stand, begun.card, begun.account.issuer
        if card.is_ahead:
            note_ahead(unit.connection, [stand.id])
        linked = tuple(google.there(unit.connection, issuer, card.content.linked))
        version = google.class_version(unit.connection, card.known.template, issuer)
        turn = google.pace(unit.connection, 1 + (version < card.known.version))
        if turn is None:
            raise _far(unit, args, stand)
        turn_at = time.monotonic() + (turn - unit.now).total_seconds()
        return begun._replace(linked=linked, class_version=version, turn_at=turn_at)

    def _send(self, begun: Begun, deadline: float) -> Done:
        stand, account, card, now = begun.stand, begun.account, begun.card, datetime.now(UTC)
        decision = decide(Rung.read(stand.notified), card.content, now)
        with_class = begun.class_version < card.known.version
        try:
            put = things(
                card.content, card.design, card.known.program_id, card.known.template_id, account.issuer,
                self._passes_url, now, begun.linked, ZoneInfo(stand.time_zone), decision.rings and stand.is_sent,
            )  # fmt: skip
            class_ = put.class_thing(bool(begun.class_version))
            came = self._clients[account.issuer].upsert(put.object_thing(stand.is_sent), class_, with_class, deadline)
        except NoLogo as fault:
            log.error("card cannot be shown by Google", template=card.known.template_name, advice=str(fault.__doc__))
            return Done(None, "NoLogo")
        except Rejected as refused:
            log.error("card refused by Google", template=card.known.template_name, reason=refused.reason)
            return Done(None, f"{refused.status} {refused.reason}")
        except NotPermitted as refused:
            log.error("pushes stopped", topic=account.issuer, reason=refused.reason, advice=str(refused))
            return Done(None, halt=refused.reason)
        version = card.known.version if came.has_class else 0
        kept = decision.after.kept()
        of = (account.issuer, card.known.template, card.revision, card.digest)
        return Done(Sent(*of, came.was_inserted, came.has_users, kept, version))

    def _account(self, stand: Stand) -> GoogleAccount | None:
        """Who sends it; None where nobody does here, and nobody did: this installation shows no cards by Google, or
        the template names an account that it never had."""
        if not self._accounts.google_accounts and not stand.sent_by:
            return None
        try:
            account = self._accounts.google(stand.issuer)
        except WalletError as error:
            if isinstance(error, AccountMissing) and not stand.sent_by:
                if stand.issuer not in self._unknown:
                    self._unknown.add(stand.issuer)
                    log.warning("cards not sent to Google", reason=str(error), advice="ask `fealty wallet doctor`")
                return None
            self._unset.noticed(str(error))
            raise NotNow(PUSH_UNSET_PAUSE, "NoAccount") from None
        if not self._passes_url:
            self._unset.noticed("FEALTY_PASSES_URL is not set: cards name it, for their images")
            raise NotNow(PUSH_UNSET_PAUSE, "NoAccount")
        self._unset.over()
        return account

    def _card(self, unit: Unit, id: UUID) -> Card:
        card = contents(unit.connection, [id], None)[id]
        # Codes are for cards that say them, and the file of keys for workers that need it.
        return contents(unit.connection, [id], self._seals.of(unit))[id] if shows_code(card.design) else card


def _is_needless(stand: Stand) -> bool:
    """Whether Google has what the task was planned for: a newer one was sent, or nobody has the card any more."""
    is_old = stand.is_sent and 0 < stand.newest <= stand.revision
    return is_old or (stand.is_removed and not stand.is_erased)


def _far(unit: Unit, args: Mapping[str, Any], stand: Stand) -> NotNow:
    """Google is asked as often as may be, and for some seconds to come: what changed just now looks again soon, and
    what somebody waits for; what has waited for long waits on. So a purchase, or a link, comes before the cards of a
    template that was changed an hour ago."""
    waited = unit.now - stand.changed_at if stand.changed_at and "revision" in args else PUSH_TURN_MIN
    pause = min(max(waited / 4, PUSH_TURN_MIN), PUSH_TURN_MAX)
    return NotNow(pause * (0.5 + random.random()))  # noqa: S311 - so that not all look again at once


def _is_probe(unit: Unit, issuer: str) -> bool:
    """Whether this push is to find out if a halt is over; raises NotNow where there is one and this is none."""
    halt = halts.find(unit.connection, Platform.GOOGLE, issuer)
    if halt is None:
        return False
    if halts.take_probe(unit, Platform.GOOGLE, issuer, PROBE_EVERY):
        return True
    left = max(halt.probe_at - unit.now, timedelta(0))
    raise NotNow(left + PROBE_EVERY * random.random())  # noqa: S311 - so that not always the same one is the probe


def _give_up(unit: Unit, args: Mapping[str, Any], error: str) -> None:
    known.give_up(unit.connection, UUID(args["pass"]), error)
