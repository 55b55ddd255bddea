"""docs/client.md, run as it stands against a real server."""

import asyncio
import time
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from rules.access import Role
from tests.client.recipes import CLIENT, GOING_ON, README, RECIPES, Block, blocks
from tests.server.serving import Served

LINES_MAX = 15
# A recipe that prints less than it should is ended too, and found out.
ENDS_S = 20.0


def test_what_a_till_does_has_a_recipe_and_each_is_short() -> None:
    """One that does not fit on a screen is a program, and nobody copies it."""
    acts = ["Pay a part with points", "Refund", "Look things up", "Replay after a crash", "Follow the stream"]
    assert list(RECIPES) == ["Earn", "Find a customer", *acts]
    assert [title for title, block in RECIPES.items() if len(block.code.splitlines()) > LINES_MAX] == []


def test_the_first_call_of_the_readme_is_the_first_recipe() -> None:
    """With what it prints: a newcomer compares."""
    assert blocks(README.read_text()) == [RECIPES["Earn"]]


async def test_each_recipe_prints_what_stands_under_it(
    new_server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are copied into tills: what they show has been seen. Each goes on where the one before it ended."""
    monkeypatch.setenv("FEALTY_API_KEY", new_server.key("reader", Role.ADMINISTRATOR))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    # It says that it can be run again.
    await _run(new_server, RECIPES["Earn"], names)
    for title, block in RECIPES.items():
        if title != "Earn":
            await _run(new_server, Block(GOING_ON, ""), names)
        assert (title, await _run(new_server, block, names)) == (title, block.printed)
    assert not Path("order-8").exists()
    assert Path("cursor").read_text()


async def _run(server: Served, block: Block, names: dict[str, Any]) -> str:
    """What a block prints; one that never ends is ended when it has printed what it should."""
    code = compile(block.code.replace("127.0.0.1:8470", server.address), str(CLIENT), "exec")
    out = StringIO()
    # The server's log goes to the same terminal.
    names["print"] = partial(print, file=out)
    until = time.monotonic() + ENDS_S
    running = asyncio.ensure_future(asyncio.to_thread(exec, code, names))
    while not running.done():
        await asyncio.sleep(0.02)
        if "activities" in names and (len(out.getvalue()) >= len(block.printed) or time.monotonic() > until):
            names["activities"].close()
    await running
    return out.getvalue()
