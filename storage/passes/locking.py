"""A pass in hand, for whoever changes it or hands it out, and the record of what they did."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rules.access import Caller
from rules.passes.refusals import PassNotFound, PassVoided
from storage.activity.commands import Scope, record
from storage.engine.commands import CommandContext
from storage.engine.unit import Unit
from storage.passes.reading.passes import OWNER, PassName
from storage.programs import queries as programs
from storage.programs.queries import Program


class HeldPass(NamedTuple):
    """A locked pass, with the internal id of its customer; `ended_at` is since when it is voided or erased. Of its
    template the public id and the name."""

    name: PassName
    program: Program
    customer: int
    ended_at: datetime | None
    template_id: str
    template: str

    @property
    def scope(self) -> Scope:
        """Whose timeline what happens to it belongs to."""
        return Scope(self.program.id, self.customer)


def lock(unit: Unit, name: PassName, caller: Caller) -> HeldPass:
    """One pass. Raises ProgramNotFound, PassNotFound."""
    program = programs.get(name.program, caller)
    found = unit.connection.execute(_LOCK, name._asdict()).fetchone()
    if found is None:
        raise PassNotFound
    return HeldPass(name, program, *found)


def check_valid(held: HeldPass) -> None:
    """Raises PassVoided."""
    if held.ended_at is not None:
        raise PassVoided(pass_name=held.name.name)


def note(
    unit: Unit,
    held: HeldPass,
    context: CommandContext,
    subject: str,
    details: Mapping[str, Any],
    is_event: bool = True,
) -> str:
    """Records an act on it, or on what belongs to it; as an event of its customer where it is one."""
    template = f"{held.program.name}/passTemplates/{held.template_id}"
    details = {"pass_template": template, "called": held.template, **details}
    return record(
        unit,
        context.origin,
        subject,
        held.scope,
        held.program.now(unit.now),
        details=context.reason.added_to(details),
        request_id=context.request.request_id,
        event=context.origin.kind.action if is_event else "",
        note=context.reason.note,
    )


_LOCK = f"""
SELECT m.customer, least(m.voided_at, m.erased_at), t.template_id, t.display_name
FROM pass AS m JOIN pass_template AS t ON t.id = m.template
WHERE m.customer = ({OWNER}) AND m.id = %(id)s::uuid FOR NO KEY UPDATE OF m
"""  # noqa: S608
