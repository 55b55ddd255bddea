"""Programs."""

from typing import Any

from fealty.v1 import programs_pb2 as pb
from rules.calendar import Rounding
from rules.programs import Card, EarnRate, ExpiryPolicy, Settings
from rules.refusals import UpdateMaskInvalid
from server.convert import names
from server.convert.requests import instant, timestamp, timestamp_or_none
from storage.programs.commands import AdvanceTestClock, CreateProgram, UpdateProgram
from storage.programs.queries import Program

_ROUNDINGS = {
    pb.EXPIRY_ROUNDING_UNSPECIFIED: Rounding.DAY,
    pb.EXPIRY_ROUNDING_END_OF_MONTH: Rounding.MONTH,
    pb.EXPIRY_ROUNDING_END_OF_QUARTER: Rounding.QUARTER,
    pb.EXPIRY_ROUNDING_END_OF_HALF_YEAR: Rounding.HALF_YEAR,
    pb.EXPIRY_ROUNDING_END_OF_YEAR: Rounding.YEAR,
}
_ROUNDING_NUMBERS = {rounding: number for number, rounding in _ROUNDINGS.items()}


def create(request: pb.CreateProgramRequest) -> CreateProgram:
    """The command in a request."""
    program = request.program
    settings = Settings(program.display_name, program.time_zone, tuple(_card(card) for card in program.cards))
    return CreateProgram(request.program_id, settings, instant(program, "test_clock_time"))


def update(request: pb.UpdateProgramRequest) -> UpdateProgram:
    """The command in a request. Raises UpdateMaskInvalid."""
    program = request.program
    given: dict[str, Any] = {
        "display_name": program.display_name,
        "time_zone": program.time_zone,
        "cards": tuple(_card(card) for card in program.cards),
    }
    paths = list(request.update_mask.paths) or [name for name, value in given.items() if value]
    for path in paths:
        # Each of the three must stay filled: a program without a name, a zone or a card means nothing.
        if not given.get(path):
            raise UpdateMaskInvalid(path=path)
    return UpdateProgram(names.program_id(program.name), program.etag, {path: given[path] for path in paths})


def advance(request: pb.AdvanceTestClockRequest) -> AdvanceTestClock:
    """The command in a request."""
    to = instant(request, "to_time")
    assert to is not None
    return AdvanceTestClock(names.program_id(request.name), to)


def message(program: Program) -> pb.Program:
    """A program as the contract shows it."""
    return pb.Program(
        name=program.name,
        display_name=program.settings.display_name,
        time_zone=program.settings.time_zone,
        cards=[_card_message(card) for card in program.settings.cards],
        settings_version=program.version,
        etag=program.etag,
        create_time=timestamp(program.created_at),
        update_time=timestamp(program.updated_at),
        test_clock_time=timestamp_or_none(program.test_clock_at),
    )


def _card(card: pb.Card) -> Card:
    rate = card.earn_rate
    policy = card.expiry_policy
    return Card(
        card.card_id,
        card.display_name,
        card.decimals,
        EarnRate(rate.points, rate.per_amount_minor, rate.currency_code, rate.whole_steps),
        card.pending_days,
        ExpiryPolicy(policy.months, _ROUNDINGS[policy.rounding]) if card.HasField("expiry_policy") else None,
    )


def _card_message(card: Card) -> pb.Card:
    rate = card.earn_rate
    shown = pb.Card(
        card_id=card.card_id,
        display_name=card.display_name,
        decimals=card.decimals,
        earn_rate=pb.EarnRate(
            points=rate.points,
            per_amount_minor=rate.per_amount_minor,
            currency_code=rate.currency_code,
            whole_steps=rate.whole_steps,
        ),
        pending_days=card.pending_days,
    )
    if card.expiry_policy is not None:
        shown.expiry_policy.months = card.expiry_policy.months
        shown.expiry_policy.rounding = _ROUNDING_NUMBERS[card.expiry_policy.rounding]
    return shown
