"""Archives programs and cards, and takes that back: a state of the settings, which everybody loads anyway."""

from typing import NamedTuple

from rules import archiving
from rules.activity import Change
from rules.programs import Settings
from storage.activity.commands import Scope, record
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.programs.commands import locked, supersede
from storage.programs.queries import Program


class ArchiveProgram(NamedTuple):
    """Ends what begins in a program, or (not `archive`) lets it begin again. An empty etag agrees to any state."""

    program_id: str
    etag: str
    archive: bool
    context: CommandContext

    def answers(self) -> type[Program]:
        """The program."""
        return Program

    def decide(self, unit: Unit) -> Answer[Program]:
        """Raises ProgramNotFound, StaleEtag, ProgramStateWrong."""
        old = locked(self.program_id, self.etag, self.context)
        settings = archiving.archive_program(old.settings, self.archive, old.program_id)
        return _changed(unit, self, old, old.name, settings)


class ArchiveCard(NamedTuple):
    """Ends what comes to a card, or (not `archive`) lets it come again. The etag is the program's; empty agrees to any
    state."""

    program_id: str
    card_id: str
    etag: str
    archive: bool
    context: CommandContext

    def answers(self) -> type[Program]:
        """The program."""
        return Program

    def decide(self, unit: Unit) -> Answer[Program]:
        """Raises ProgramNotFound, StaleEtag, CardNotFound, ProgramArchived, CardStateWrong."""
        old = locked(self.program_id, self.etag, self.context)
        settings = archiving.archive_card(old.settings, self.card_id, self.archive, old.program_id)
        return _changed(unit, self, old, f"{old.name}/cards/{self.card_id}", settings)


def _changed(
    unit: Unit, command: ArchiveProgram | ArchiveCard, old: Program, subject: str, settings: Settings
) -> Answer[Program]:
    context, reason = command.context, command.context.reason
    activity = record(
        unit,
        context.origin,
        subject,
        Scope(old.id),
        changes=[Change("state", archiving.state(not command.archive), archiving.state(command.archive))],
        details=reason.added_to({}),
        request_id=context.request.request_id,
        note=reason.note,
    )
    return Answer(supersede(unit, old, settings, activity), activity)
