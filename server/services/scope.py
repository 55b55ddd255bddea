"""Whose is it: what is not yours is not found."""

from rules.access import Caller
from rules.refusals import ProgramNotFound


def check_scope(caller: Caller, program: str) -> None:
    """Raises ProgramNotFound."""
    if not caller.sees(program):
        raise ProgramNotFound(program=program)
