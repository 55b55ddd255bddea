"""Reads pass templates and images."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from rules.archiving import Archiving
from rules.passes.designs import Design, PassKind
from rules.passes.refusals import PassTemplateNotFound
from storage.engine.database import NO_KEY_UPDATE
from storage.passes.records import PassRow, TemplateRow
from storage.programs.queries import Program


class Template(NamedTuple):
    """A template as it stands; `id` is internal, `template_id` public in its program."""

    id: int
    program_id: str
    template_id: str
    version: int
    display_name: str
    design: Design
    archived: bool
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program_id}/passTemplates/{self.template_id}"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}-{int(self.updated_at.timestamp() * 1_000_000):x}"'


def get(program: Program, template_id: str, for_update: bool = False) -> Template:
    """The template of that public id. Raises PassTemplateNotFound."""
    query = TemplateRow.select().where((TemplateRow.program == program.id) & (TemplateRow.template_id == template_id))
    found = (query.for_update(NO_KEY_UPDATE) if for_update else query).first()
    if found is None:
        raise PassTemplateNotFound(program=program.program_id)
    return _whole(program, found)


def has_passes(template: Template) -> bool:
    """Whether any card was issued from it, however long ago."""
    return bool(PassRow.select().where(PassRow.template == template.id).exists())


def page(program: Program, state: str, kind: str, after: str, size: int) -> list[Template]:
    """Up to `size` templates in a state (empty: in any) of a kind (empty: of any), by public id, from the first after
    `after`."""
    query = TemplateRow.select().where((TemplateRow.program == program.id) & (TemplateRow.template_id > after))
    if state:
        query = query.where(TemplateRow.archived == (state == Archiving.ARCHIVED))
    if kind:
        query = query.where(TemplateRow.design["kind"] == PassKind(kind))
    return [_whole(program, row) for row in query.order_by(TemplateRow.template_id).limit(size)]


def design_of(row: Any) -> Design:
    """A design as a row has it."""
    return msgspec.convert(row, Design)


def _whole(program: Program, row: Any) -> Template:
    return Template(
        row.id,
        program.program_id,
        row.template_id,
        row.version,
        row.display_name,
        design_of(row.design),
        row.archived,
        row.created_at,
        row.updated_at,
    )
