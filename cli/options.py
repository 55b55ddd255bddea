"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def as_json(command: Command) -> Command:
    """`--json`, as the parameter `json_`."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON, for a program to read.")(command)
