"""Retention and legal holds."""

from typing import Any

from fealty.v1 import activity_pb2
from fealty.v1 import retention_pb2 as pb
from rules.retention import Effect
from server.call import Call
from server.convert import names
from server.convert.requests import context, receipt, timestamp, timestamp_or_none
from server.policy import word
from storage.engine.requests import Answer
from storage.ledger.addresses import CustomerName
from storage.retention.commands import LiftLegalHold, PlaceLegalHold, UpdateRetention
from storage.retention.queries import LegalHold, Retention, Rule

_CATEGORIES: dict[str, Any] = {
    name.removeprefix("ACTIVITY_CATEGORY_"): category for name, category in activity_pb2.ActivityCategory.items()
}
_EFFECTS: dict[Effect, Any] = {
    Effect(name.removeprefix("ACTIVITY_EFFECT_")): effect for name, effect in pb.ActivityEffect.items() if effect
}


def update_retention(call: Call, message: pb.UpdateRetentionRequest) -> UpdateRetention:
    """The command in a request."""
    rules = tuple(
        Rule(
            word(activity_pb2.ActivityCategory, rule.category, "ACTIVITY_CATEGORY_"),
            Effect(word(pb.ActivityEffect, rule.effect, "ACTIVITY_EFFECT_")),
            rule.days,
        )
        for rule in message.rules
    )
    return UpdateRetention(names.program_id(message.name), message.etag, rules, context(call, message))


def updated(command: UpdateRetention, answer: Answer[Retention]) -> pb.UpdateRetentionResponse:
    """What is answered to it."""
    return pb.UpdateRetentionResponse(retention=message(answer.value), receipt=receipt(answer))


def place_legal_hold(call: Call, message: pb.PlaceLegalHoldRequest) -> PlaceLegalHold:
    """The command in a request."""
    _, program, *customer = message.parent.split("/")
    return PlaceLegalHold(CustomerName(program, customer[1] if customer else ""), context(call, message))


def placed(command: PlaceLegalHold, answer: Answer[LegalHold]) -> pb.PlaceLegalHoldResponse:
    """What is answered to it."""
    response = pb.PlaceLegalHoldResponse(legal_hold=hold(answer.value), receipt=receipt(answer))
    if command.context.validate_only:
        response.legal_hold.ClearField("name")
        response.legal_hold.ClearField("activity")
    return response


def lift_legal_hold(call: Call, message: pb.LiftLegalHoldRequest) -> LiftLegalHold:
    """The command in a request."""
    return LiftLegalHold(message.name, context(call, message))


def lifted(command: LiftLegalHold, answer: Answer[LegalHold]) -> pb.LiftLegalHoldResponse:
    """What is answered to it."""
    response = pb.LiftLegalHoldResponse(legal_hold=hold(answer.value), receipt=receipt(answer))
    if command.context.validate_only:
        response.legal_hold.ClearField("lift_activity")
    return response


def message(found: Retention) -> pb.Retention:
    """What holds in a program, as the contract shows it."""
    rules = [
        pb.RetentionRule(
            category=_CATEGORIES[rule.category],
            effect=_EFFECTS[rule.effect],
            days=rule.days,
        )
        for rule in found.rules
    ]
    update_time = timestamp_or_none(found.updated_at)
    return pb.Retention(name=found.name, rules=rules, etag=found.etag, update_time=update_time)


def hold(found: LegalHold) -> pb.LegalHold:
    """A hold as the contract shows it."""
    return pb.LegalHold(
        name=found.name,
        subject=found.subject,
        reason_code=found.reason_code,
        create_time=timestamp(found.placed_at),
        lift_time=timestamp_or_none(found.lifted_at),
        activity=names.activity(found.activity),
        lift_activity=names.activity(found.lift_activity),
    )
