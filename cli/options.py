"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def as_json(command: Command) -> Command:
    """`--json`, as the parameter `json_`."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON, for a program to read.")(command)


def not_empty(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """A name as it was typed. Raises BadParameter where there is none: a variable of a script that is not set would
    make somebody whom no log can name."""
    if not text.strip():
        raise click.BadParameter("it is empty.", context, parameter)
    return text
