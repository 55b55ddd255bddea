"""Sends the mails that were planned.

At least once, never zero: killed between the server's answer and its record, a worker leaves a mail that is sent again,
with the same Message-ID and the same bytes, so that servers and mailboxes can drop the second. What is the mail
server's fault counts as no try of a mail: they all wait until it is back.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from rules.passes.refusals import AddressRefused, CustomerUnsubscribed
from storage.engine.unit import Unit
from storage.mail import commands as mails
from storage.mail import stops
from storage.mail.commands import Letter
from storage.mail.records import MailTemplate
from workers.external import ExternalActor
from workers.failures import NotNow, name
from workers.gate import Gate
from workers.limits import (
    MAIL_ATTEMPTS_MAX,
    MAIL_BEGUN_MAX,
    MAIL_LIMIT_S,
    MAIL_RETRY_MAX,
    MAIL_RETRY_MIN,
    MAIL_UNSET_PAUSE,
)
from workers.mail.cards import CardEnded, CardMail, Cards
from workers.mail.message import write
from workers.mail.secrets import Over, Secrets
from workers.mail.settings import is_address
from workers.mail.transport import MailServerAway, RecipientRefused, Transport

# What a mail fails with whose customer has no address, or none that mail could be sent to.
NO_ADDRESS = "NoAddress"


class Begun(NamedTuple):
    """A mail that is to be sent; `card` is what it brings, where it brings one, and `words` what a template is filled
    with otherwise."""

    letter: Letter
    card: CardMail | None
    words: Mapping[str, str | int]


def send_mail(
    transport: Transport | None,
    cards: Cards | None = None,
    secrets: Secrets | None = None,
    limit_s: float = MAIL_LIMIT_S,
) -> ExternalActor[Begun, str]:
    """The actor that sends over `transport`; without one, mails wait. `cards` writes those that bring one, `secrets`
    has the codes and tokens of others. What its act answers is the name of why the address was refused for good, empty
    where the mail was taken."""
    sending = _Sending(transport, cards, secrets, limit_s)
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
    def __init__(
        self, transport: Transport | None, cards: Cards | None, secrets: Secrets | None, limit_s: float
    ) -> None:
        self._transport = transport
        self._cards = cards
        self._secrets = secrets
        self._gate = Gate("mail server", limit_s)

    def load(self, unit: Unit, args: Mapping[str, Any]) -> Begun | None:
        if self._transport is None:
            self._gate.shut("FEALTY_MAIL_URL is not set")
            raise NotNow(MAIL_UNSET_PAUSE)
        self._gate.check()
        letter = mails.begin(unit, UUID(args["mail"]))
        if letter is None:
            return None
        if not is_address(letter.address):
            mails.fail(unit, letter.id, NO_ADDRESS)
            return None
        try:
            if letter.template is MailTemplate.PASS:
                assert self._cards is not None, "workers are built with them"
                return Begun(letter, self._cards.load(unit, letter), {})
            if letter.customer is None:
                assert self._secrets is not None, "workers are built with them"
                return Begun(letter, None, self._secrets.words(unit, letter))
            return Begun(letter, None, letter.arguments)
        except (AddressRefused, CustomerUnsubscribed, CardEnded, Over) as error:
            mails.fail(unit, letter.id, name(error))
            return None

    def act(self, begun: Begun, deadline: float) -> str:
        letter, transport = begun.letter, self._transport
        assert transport is not None, "load refused"
        if begun.card is not None:
            assert self._cards is not None, "they loaded it"
            message = self._cards.write(letter, begun.card, transport.sender)
        else:
            message = write(
                letter.id, letter.created_at, letter.template, begun.words, transport.sender, letter.address
            )
        try:
            transport.send(message, letter.address, deadline)
        except MailServerAway as away:
            raise self._gate.shut(str(away)) from None
        except RecipientRefused as error:
            self._gate.open()
            # What somebody sends by hand to see whether mail arrives stops no other mails.
            if begun.card is None:
                raise
            return name(error)
        except Exception:
            self._gate.open()  # it was there to say so
            raise
        self._gate.open()
        return ""


def _record(unit: Unit, args: Mapping[str, Any], begun: Begun, refused: str) -> None:
    letter, card, _ = begun
    if not refused:
        mails.succeed(unit, letter.id)
        return
    assert card is not None, "others fail as they are"
    assert letter.customer is not None, "cards are customers'"
    stops.refuse(unit, letter.customer, card.address_hash, refused)
    mails.fail(unit, letter.id, refused)


def _give_up(unit: Unit, args: Mapping[str, Any], error: str) -> None:
    mails.fail(unit, UUID(args["mail"]), error)
