"""Sends the mails that were planned.

At least once, never zero: killed between the server's answer and its record, a worker leaves a mail that is sent again,
with the same Message-ID and the same bytes, so that servers and mailboxes can drop the second. What is the mail
server's fault counts as no try of a mail: they all wait until it is back.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from storage.engine.unit import Unit
from storage.mail import commands as mails
from storage.mail.commands import Letter
from workers.external import ExternalActor
from workers.failures import NotNow
from workers.gate import Gate
from workers.limits import (
    MAIL_ATTEMPTS_MAX,
    MAIL_BEGUN_MAX,
    MAIL_LIMIT_S,
    MAIL_RETRY_MAX,
    MAIL_RETRY_MIN,
    MAIL_UNSET_PAUSE,
)
from workers.mail.message import write
from workers.mail.settings import is_address
from workers.mail.transport import MailServerAway, Transport

# What a mail fails with whose customer has no address, or none that mail could be sent to.
NO_ADDRESS = "NoAddress"


def send_mail(transport: Transport | None, limit_s: float = MAIL_LIMIT_S) -> ExternalActor[Letter, None]:
    """The actor that sends over `transport`; without one, mails wait."""
    sending = _Sending(transport, limit_s)
    return ExternalActor(
        name=mails.ACTOR,
        queue=mails.QUEUE,
        load=sending.load,
        act=sending.act,
        record=_record,
        act_limit_s=limit_s,
        begun_max=MAIL_BEGUN_MAX,
        attempts_max=MAIL_ATTEMPTS_MAX,
        retry_min=MAIL_RETRY_MIN,
        retry_max=MAIL_RETRY_MAX,
        given_up=_give_up,
    )


class _Sending:
    def __init__(self, transport: Transport | None, limit_s: float) -> None:
        self._transport = transport
        self._gate = Gate("mail server", limit_s)

    def load(self, unit: Unit, args: Mapping[str, Any]) -> Letter | None:
        if self._transport is None:
            self._gate.shut("FEALTY_MAIL_URL is not set")
            raise NotNow(MAIL_UNSET_PAUSE)
        self._gate.check()
        letter = mails.begin(unit, UUID(args["mail"]))
        if letter is not None and not is_address(letter.address):
            mails.fail(unit, letter.id, NO_ADDRESS)
            return None
        return letter

    def act(self, letter: Letter, deadline: float) -> None:
        assert self._transport is not None, "load refused"
        message = write(
            letter.id, letter.created_at, letter.template, letter.arguments, self._transport.sender, letter.address
        )
        try:
            self._transport.send(message, letter.address, deadline)
        except MailServerAway as away:
            raise self._gate.shut(str(away)) from None
        except Exception:
            self._gate.open()  # it was there to say so
            raise
        self._gate.open()


def _record(unit: Unit, args: Mapping[str, Any], letter: Letter, done: None) -> None:
    mails.succeed(unit, letter.id)


def _give_up(unit: Unit, args: Mapping[str, Any], error: str) -> None:
    mails.fail(unit, UUID(args["mail"]), error)
