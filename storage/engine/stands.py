"""What is under approval at all: asked of each act before it is decided, and costing nothing where nothing is.

Which of its requests need approval the rules say (storage/approvals), which an act was checked against before it came
here: it names the version of them.
"""

from typing import TYPE_CHECKING, NamedTuple

from rules.approvals.refusals import ApprovalNeedsCall
from storage.engine.database import Connection
from storage.engine.records import Kind

if TYPE_CHECKING:
    from storage.engine.commands import CommandContext


class Stand(NamedTuple):
    """The methods that some rule of a program is about, and the version of its rules."""

    version: int
    methods: tuple[str, ...]


# By the public ids of programs that have any.
STANDS: Kind[Stand] = Kind("approval stand")


def check(stand: Stand | None, context: "CommandContext") -> None:
    """Raises ApprovalNeedsCall where an act may be under approval, and was not checked against these rules. What was
    approved, and what is only asked about, passes."""
    if stand is None or context.request.method not in stand.methods:
        return
    if context.checked != stand.version and context.origin.approval is None and not context.validate_only:
        raise ApprovalNeedsCall.by(stand.version)


def find(connection: Connection, program: str) -> Stand | None:
    """What is under approval in a program; empty: of what is in none."""
    found = connection.execute(_FIND, (program, program), prepare=True).fetchone()
    return Stand(found[0], tuple(found[1])) if found is not None else None


_FIND = """
SELECT version, methods FROM approval_stand
WHERE scope = CASE WHEN %s = '' THEN 0 ELSE (SELECT id FROM program WHERE program_id = %s) END
"""
