"""Events of a customer."""

from collections.abc import Mapping
from typing import Any

from fealty.v1 import events_pb2 as pb
from rules import sentences
from rules.cards import CardKind
from rules.sentences import CardNoun, Nouns
from server.call import Call
from server.convert import names
from server.convert.activities import fill_values, source_number
from server.convert.balances import fill_balance
from server.convert.requests import context, fill_receipt, instant, set_instant
from server.errors import RequestInvalid
from storage.engine.requests import Answer
from storage.ledger.acts.events import EventRecorded, RecordEvent
from storage.ledger.reading.events import EventRead


def record_event(call: Call, message: pb.RecordEventRequest) -> RecordEvent:
    """The command in a request. Raises RequestInvalid where it names what is another customer's."""
    name = names.customer(message.parent)
    about = gives_to = None
    if message.transaction:
        transaction = names.transaction(message.transaction)
        if (transaction.program, transaction.customer) != name:
            raise RequestInvalid([("transaction", "must be a purchase of the customer of the event")])
        about = transaction.transaction_id
    if message.account:
        gives_to = names.address(message.account)
        if (gives_to.program, gives_to.customer) != name:
            raise RequestInvalid([("account", "must be an account of the customer of the event")])
    how = context(call, message)
    if message.HasField("reason") and not call.whence.source:
        # Whoever gives a reason adds it by hand.
        how = how._replace(origin=how.origin._replace(source="PLATFORM"))
    return RecordEvent(
        name,
        message.event_type,
        tuple(sorted(message.properties.items())),
        instant(message, "occur_time"),
        about,
        gives_to,
        message.points if message.HasField("points") else None,
        how,
    )


def event_recorded(command: RecordEvent, answer: Answer[EventRecorded]) -> pb.RecordEventResponse:
    """What is answered to it."""
    value = answer.value
    response = pb.RecordEventResponse()
    shown = response.event
    shown.name = names.activity(answer.activity)
    shown.event_type = value.event_type
    shown.points = value.points
    set_instant(shown.occur_time, value.occurred_at)
    set_instant(shown.record_time, value.recorded_at)
    shown.source = source_number(command.context.origin.source)
    shown.admin = command.context.reason.acting_user
    shown.subject = command.name.name
    details = _details(command, value)
    fill_values(shown.details, details)
    # What the list of events will say of it, without a look at the program.
    nouns = Nouns(event_types={value.event_type: value.called} if value.called else {})
    if value.balance is not None:
        card_id = names.address(value.account).card
        # What an earlier version kept of its answer has no more of the card than its decimals.
        card = value.card or CardNoun(card_id, CardKind.POINTS, value.balance.decimals, is_only=False)
        nouns = nouns._replace(cards={card_id: card})
    language = command.context.language
    shown.description = sentences.event("event.recorded", shown.subject, details, nouns, language)
    if value.balance is not None and value.account:
        fill_balance(response.balance, names.address(value.account), value.balance)
    fill_receipt(response.receipt, answer)
    return response


def fill(shown: pb.Event, found: EventRead, nouns: Nouns, language: str) -> None:
    """An event of the history, told with what its program calls things, in a `language` that its reader accepts."""
    shown.name = names.activity(found.id)
    shown.event_type = found.event_type
    shown.points = found.points
    set_instant(shown.occur_time, found.occurred_at)
    set_instant(shown.record_time, found.recorded_at)
    shown.source = source_number(found.source)
    shown.admin = found.admin
    shown.subject = found.subject
    fill_values(shown.details, found.details or {})
    shown.description = sentences.event(found.action, found.subject, found.details, nouns, language)


def _details(command: RecordEvent, value: EventRecorded) -> Mapping[str, Any]:
    """What its record says of it."""
    details: dict[str, Any] = {"event_type": value.event_type, "properties": dict(command.properties)}
    if command.about is not None:
        details["transaction"] = command.about
    if value.points:
        details |= {"points": value.points, "account": value.account}
    return command.context.reason.added_to(details)
