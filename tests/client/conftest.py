"""The client against a real server in this process, which runs on the loop of the test."""

import asyncio
from collections.abc import Iterator

import pytest

from server.app import build
from tests.server.conftest import database_url, founded, pytest_pyfunc_call, runner, server, there
from tests.server.serving import Served, settings_of

__all__ = ["database_url", "founded", "new_server", "pytest_pyfunc_call", "runner", "server", "there"]


@pytest.fixture
def new_server(runner: asyncio.Runner, database_url: str) -> Iterator[Served]:
    """A server as a newcomer finds it, without any program."""
    settings = settings_of(database_url)

    async def begin() -> Served:
        return Served(await build(settings), settings)

    served = runner.run(begin())
    yield served
    runner.run(served.close())
