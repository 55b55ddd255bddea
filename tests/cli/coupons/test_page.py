"""docs/coupons.md: what it says that an operator types."""

import re
from pathlib import Path

import click
import pytest

from cli.main import fealty
from tests.client.recipes import COUPONS

LINES = [
    line.split()
    for block in re.findall(r"```sh\n(.*?)```", COUPONS.read_text(), re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_each_line_of_the_page_is_one_that_fealty_takes(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is copied by whoever has a million codes to make, and never made any before."""
    monkeypatch.chdir(tmp_path)
    Path("partner.csv").write_text("code\n")
    name, *arguments = words
    command: click.Command = fealty
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.commands[name]
    with command.make_context(name, arguments) as context:
        assert context.params
