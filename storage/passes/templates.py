"""Changes pass templates: they are made, changed, archived, and taken up again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from rules import archiving
from rules.activity import Change
from rules.passes import checking
from rules.passes.designs import Design
from rules.passes.refusals import PassTemplateExists
from rules.refusals import StaleEtag
from rules.updates import check_fixed
from storage.activity.commands import Scope, record
from storage.coupons import queries as campaigns
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.passes import images, queries
from storage.passes.queries import Template
from storage.passes.records import TemplateRow, TemplateVersionRow
from storage.passes.told import differences, flat, told
from storage.programs import queries as programs
from storage.programs.queries import Program


class CreateTemplate(NamedTuple):
    """A new template; an empty `template_id` lets us choose. The sizes in its design are not looked at: they are those
    of the images that it names."""

    program_id: str
    template_id: str
    display_name: str
    design: Design
    context: CommandContext

    def answers(self) -> type[Template]:
        """The template."""
        return Template

    def decide(self, unit: Unit) -> Answer[Template]:
        """Raises ProgramNotFound, ProgramArchived, PassTemplateExists, DesignInvalid, PassImageNotFound, CardNotFound,
        CampaignNotFound."""
        context = self.context
        program = programs.get(self.program_id, context.caller)
        archiving.check_active(program.settings, program.program_id)
        template_id = self.template_id or typeid("template", new_uuid().int)
        of_that_id = (TemplateRow.program == program.id) & (TemplateRow.template_id == template_id)
        if TemplateRow.select().where(of_that_id).exists():
            raise PassTemplateExists(pass_template=template_id)
        design = _checked(unit, program, self.design)
        activity = record(
            unit,
            context.origin,
            f"{program.name}/passTemplates/{template_id}",
            Scope(program.id),
            details={**told(self.display_name, design), "settings": flat(self.display_name, design)},
            request_id=context.request.request_id,
        )
        unit.write()
        number = TemplateRow.insert(
            program=program.id,
            template_id=template_id,
            version=1,
            created_at=unit.now,
            updated_at=unit.now,
            activity=activity,
            **_columns(self.display_name, design),
        ).execute()
        made = Template(
            number, program.program_id, template_id, 1, self.display_name, design, False, unit.now, unit.now
        )
        _keep_version(made, activity)
        return Answer(made, activity)


class UpdateTemplate(NamedTuple):
    """New values for some fields, by their names; those of its design as `design.fields`, `design.colors.label`. An
    empty etag agrees to any state. `fixed` are values of fields that no update can change, by the names of the
    contract, which must be what stands. What changes nothing leaves no record."""

    program_id: str
    template_id: str
    etag: str
    changes: dict[str, Any]
    context: CommandContext
    fixed: tuple[tuple[str, Any], ...] = ()

    def answers(self) -> type[Template]:
        """The template."""
        return Template

    def decide(self, unit: Unit) -> Answer[Template]:
        """Raises ProgramNotFound, PassTemplateNotFound, StaleEtag, ProgramArchived, PassTemplateArchived, FieldFixed,
        DesignInvalid, PassImageNotFound, CardNotFound, CampaignNotFound."""
        context = self.context
        program, old = _locked(self.program_id, self.template_id, self.etag, context)
        archiving.check_active(program.settings, program.program_id)
        checking.check_active(old.archived, old.template_id)
        stands = {
            "state": archiving.state(old.archived),
            "version": old.version,
            "create_time": old.created_at,
            "update_time": old.updated_at,
        }
        check_fixed(self.fixed, stands)
        display_name = self.changes.get("display_name", old.display_name)
        design = _changed(old.design, self.changes)
        checking.check_change(old.design, design, queries.has_passes(old))
        design = _checked(unit, program, design)
        if (display_name, design) == (old.display_name, old.design):
            return Answer(old, None)
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(program.id),
            changes=differences(flat(old.display_name, old.design), flat(display_name, design)),
            details=told(display_name, design),
            request_id=context.request.request_id,
        )
        unit.write()
        new = old._replace(version=old.version + 1, display_name=display_name, design=design, updated_at=unit.now)
        _save(new, activity, version=new.version, **_columns(display_name, design))
        _keep_version(new, activity)
        return Answer(new, activity)


class ArchiveTemplate(NamedTuple):
    """Ends the issuing of cards from a template, or (not `archive`) lets it go on. An empty etag agrees to any
    state."""

    program_id: str
    template_id: str
    etag: str
    archive: bool
    context: CommandContext

    def answers(self) -> type[Template]:
        """The template."""
        return Template

    def decide(self, unit: Unit) -> Answer[Template]:
        """Raises ProgramNotFound, PassTemplateNotFound, StaleEtag, PassTemplateStateWrong, and ProgramArchived where
        cards are to be issued again."""
        context, reason = self.context, self.context.reason
        program, old = _locked(self.program_id, self.template_id, self.etag, context)
        if not self.archive:
            archiving.check_active(program.settings, program.program_id)
        before = archiving.state(old.archived)
        checking.check_state(old.archived, self.archive, old.template_id, before)
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(program.id),
            changes=[Change("state", before, archiving.state(self.archive))],
            details=reason.added_to(told(old.display_name, old.design)),
            request_id=context.request.request_id,
            note=reason.note,
        )
        unit.write()
        new = old._replace(archived=self.archive, updated_at=unit.now)
        _save(new, activity, archived=new.archived)
        return Answer(new, activity)


def _locked(program_id: str, template_id: str, etag: str, context: CommandContext) -> tuple[Program, Template]:
    """A template, to be changed, and its program. Raises ProgramNotFound, PassTemplateNotFound, and StaleEtag unless
    the etag is empty or its own."""
    program = programs.get(program_id, context.caller)
    found = queries.get(program, template_id, for_update=True)
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)
    return program, found


def _checked(unit: Unit, program: Program, design: Design) -> Design:
    """A design that is possible, with the sizes of its images, in the one order of its parts."""
    design = checking.tidied(replace(design, images=images.measured(unit.connection, program, design.images)))
    checking.check_design(design, program.settings, program.program_id)
    if design.campaign_id:
        campaigns.get(program, design.campaign_id)
    return design


def _changed(design: Design, changes: Mapping[str, Any]) -> Design:
    """The design with other values: `design.fields` is one of its fields, and wins over `design`."""
    found: Design = changes.get("design", design)
    inner = {path.removeprefix("design."): value for path, value in changes.items() if path.startswith("design.")}
    colors = {path.removeprefix("colors."): inner.pop(path) for path in list(inner) if path.startswith("colors.")}
    return replace(found, colors=replace(found.colors, **colors), **inner)


def _columns(display_name: str, design: Design) -> dict[str, Any]:
    return {"display_name": display_name, "design": msgspec.to_builtins(design)}


def _save(template: Template, activity: str, **columns: Any) -> None:
    TemplateRow.update(updated_at=template.updated_at, activity=activity, **columns).where(
        TemplateRow.id == template.id
    ).execute()


def _keep_version(template: Template, activity: str) -> None:
    TemplateVersionRow.insert(
        template=template.id,
        version=template.version,
        recorded_at=template.updated_at,
        activity=activity,
        **_columns(template.display_name, template.design),
    ).execute()
