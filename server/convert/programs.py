"""Programs."""

from typing import Any

from fealty.v1 import programs_pb2 as pb
from rules.programs import EventType, Settings
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import cards, names
from server.convert.requests import context, given_fixed, instant, receipt, timestamp, timestamp_or_none
from server.policy import word
from storage.engine.requests import Answer
from storage.programs.archiving import ArchiveCard, ArchiveProgram
from storage.programs.commands import AdvanceTestClock, CreateProgram, UpdateProgram
from storage.programs.queries import Program

# A program without a name, a zone or a card means nothing; one without event types does.
_NEVER_EMPTY = {"display_name", "time_zone", "cards"}
# What an update may send back as it was read.
_FIXED = ("state", "settings_version", "test_clock_time", "create_time", "update_time", "partner")


def create_program(call: Call, message: pb.CreateProgramRequest) -> CreateProgram:
    """The command in a request. Raises SettingsInvalid."""
    program = message.program
    settings = Settings(
        program.display_name,
        program.time_zone,
        tuple(cards.card(card) for card in program.cards),
        tuple(_event_type(declared) for declared in program.event_types),
    )
    asked = context(call, message)
    partner = program.partner.removeprefix("partners/")
    return CreateProgram(message.program_id, settings, instant(program, "test_clock_time"), asked, partner)


def created(command: CreateProgram, answer: Answer[Program]) -> pb.CreateProgramResponse:
    """What is answered to it."""
    return pb.CreateProgramResponse(program=message(answer.value), receipt=receipt(answer))


def update_program(call: Call, message: pb.UpdateProgramRequest) -> UpdateProgram:
    """The command in a request. Raises UpdateMaskInvalid, SettingsInvalid."""
    program = message.program
    given: dict[str, Any] = {
        "display_name": program.display_name,
        "time_zone": program.time_zone,
        "cards": tuple(cards.card(card) for card in program.cards),
        "event_types": tuple(_event_type(declared) for declared in program.event_types),
    }
    paths = list(message.update_mask.paths) or [name for name, value in given.items() if value]
    for path in paths:
        if path not in given or (path in _NEVER_EMPTY and not given[path]):
            raise UpdateMaskInvalid(path=path)
    changes = {path: given[path] for path in paths}
    # A card whose state is left away agrees to the one it has.
    any_state = frozenset(card.card_id for card in program.cards if not card.state)
    # A mask says what is meant; without one, what is sent is.
    fixed = () if message.update_mask.paths else given_fixed(program, _FIXED)
    fixed = tuple((field, _state(value) if field == "state" else value) for field, value in fixed)
    name = names.program_id(program.name)
    return UpdateProgram(name, program.etag, changes, context(call, message), any_state, fixed)


def updated(command: UpdateProgram, answer: Answer[Program]) -> pb.UpdateProgramResponse:
    """What is answered to it."""
    return pb.UpdateProgramResponse(program=message(answer.value), receipt=receipt(answer))


def advance_test_clock(call: Call, message: pb.AdvanceTestClockRequest) -> AdvanceTestClock:
    """The command in a request."""
    to = instant(message, "to_time")
    assert to is not None
    return AdvanceTestClock(names.program_id(message.name), to, context(call, message))


def advanced(command: AdvanceTestClock, answer: Answer[Program]) -> pb.AdvanceTestClockResponse:
    """What is answered to it."""
    return pb.AdvanceTestClockResponse(program=message(answer.value), receipt=receipt(answer))


def archive_program(call: Call, message: pb.ArchiveProgramRequest) -> ArchiveProgram:
    """The command in a request."""
    return ArchiveProgram(names.program_id(message.name), message.etag, True, context(call, message))


def archived(command: ArchiveProgram, answer: Answer[Program]) -> pb.ArchiveProgramResponse:
    """What is answered to it."""
    return pb.ArchiveProgramResponse(program=message(answer.value), receipt=receipt(answer))


def unarchive_program(call: Call, message: pb.UnarchiveProgramRequest) -> ArchiveProgram:
    """The command in a request."""
    return ArchiveProgram(names.program_id(message.name), message.etag, False, context(call, message))


def unarchived(command: ArchiveProgram, answer: Answer[Program]) -> pb.UnarchiveProgramResponse:
    """What is answered to it."""
    return pb.UnarchiveProgramResponse(program=message(answer.value), receipt=receipt(answer))


def archive_card(call: Call, message: pb.ArchiveCardRequest) -> ArchiveCard:
    """The command in a request."""
    return ArchiveCard(*names.card(message.name), message.etag, True, context(call, message))


def card_archived(command: ArchiveCard, answer: Answer[Program]) -> pb.ArchiveCardResponse:
    """What is answered to it."""
    return pb.ArchiveCardResponse(program=message(answer.value), receipt=receipt(answer))


def unarchive_card(call: Call, message: pb.UnarchiveCardRequest) -> ArchiveCard:
    """The command in a request."""
    return ArchiveCard(*names.card(message.name), message.etag, False, context(call, message))


def card_unarchived(command: ArchiveCard, answer: Answer[Program]) -> pb.UnarchiveCardResponse:
    """What is answered to it."""
    return pb.UnarchiveCardResponse(program=message(answer.value), receipt=receipt(answer))


def message(program: Program) -> pb.Program:
    """A program as the contract shows it."""
    return pb.Program(
        name=program.name,
        display_name=program.settings.display_name,
        time_zone=program.settings.time_zone,
        cards=[cards.message(card) for card in program.settings.cards],
        event_types=[_event_type_message(declared) for declared in program.settings.event_types],
        settings_version=program.version,
        etag=program.etag,
        create_time=timestamp(program.created_at),
        update_time=timestamp(program.updated_at),
        test_clock_time=timestamp_or_none(program.test_clock_at),
        state=pb.PROGRAM_STATE_ARCHIVED if program.settings.archived else pb.PROGRAM_STATE_ACTIVE,
        partner=f"partners/{program.partner}" if program.partner else "",
    )


def _state(number: Any) -> str:
    return word(pb.ProgramState, number, "PROGRAM_STATE_")


def _event_type(given: pb.EventType) -> EventType:
    return EventType(given.event_type, given.display_name, given.points, given.card_id)


def _event_type_message(declared: EventType) -> pb.EventType:
    return pb.EventType(
        event_type=declared.event_type,
        display_name=declared.display_name,
        points=declared.points,
        card_id=declared.card_id,
    )
