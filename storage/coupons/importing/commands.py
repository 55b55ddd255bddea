"""Publishes what was taken in of a file, or says why none of it was."""

from typing import NamedTuple

from rules import archiving
from rules.coupons.campaigns import check_active
from rules.coupons.importing.files import BadLine
from storage.activity.commands import Scope, record
from storage.coupons import batches
from storage.coupons.campaigns import locked
from storage.coupons.importing.staging import Discarded
from storage.coupons.reading.batches import BatchRead
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class ImportReport(NamedTuple):
    """What became of a file: its batch, None where none of it was taken."""

    batch: BatchRead | None
    lines: int
    bad_lines_total: int
    bad_lines: tuple[BadLine, ...]
    expired_lines: int


class PublishImport(NamedTuple):
    """The end of a file whose good lines are in a batch, by its number; None: the request was answered before."""

    program_id: str
    campaign_id: str
    batch: int | None
    form: str
    skip_bad_lines: bool
    lines: int
    bad_lines_total: int
    bad_lines: tuple[BadLine, ...]
    expired_lines: int
    context: CommandContext

    def answers(self) -> type[ImportReport]:
        """What became of the file."""
        return ImportReport

    def decide(self, unit: Unit) -> Answer[ImportReport]:
        """Publishes the batch where all lines are good or bad ones are left out, else discards it.

        Raises ProgramNotFound, ProgramArchived, CampaignNotFound, CampaignArchived, Discarded.
        """
        context = self.context
        program, campaign = locked(self.program_id, self.campaign_id, "", context)
        archiving.check_active(program.settings, program.program_id)
        check_active(campaign.archived, campaign.campaign_id)
        assert self.batch is not None, "answers are kept for longer than a file takes"
        batch = batches.locked(unit, campaign.id, self.batch)
        if batch.discarded_at is not None:
            raise Discarded
        is_taken = batch.coupons > 0 and (self.skip_bad_lines or not self.bad_lines_total)
        details = {
            "bad_lines": self.bad_lines_total,
            "batch": batches.name(campaign.name, batch.number) if is_taken else "",
            "coupons": batch.coupons if is_taken else 0,
            "format": self.form,
            "lines": self.lines,
            "skip_bad_lines": self.skip_bad_lines,
        }
        request_id = context.request.request_id
        at, scope = program.now(unit.now), Scope(program.id)
        activity = record(unit, context.origin, campaign.name, scope, at, details=details, request_id=request_id)
        unit.write()
        if is_taken:
            batch = batches.publish(unit, program.id, campaign.id, batch, activity)
        else:
            batches.discard(unit, program.id, campaign.id, batch.number)
        taken = batch.read(campaign.name) if is_taken else None
        report = ImportReport(taken, self.lines, self.bad_lines_total, self.bad_lines, self.expired_lines)
        return Answer(report, activity)
