"""Coroutine tests, and a real server for each of them, on the event loop that the test runs on."""

import asyncio
import inspect
from collections.abc import Iterator

import pytest
import structlog
import uvloop

from tests.server.club import Club, found
from tests.server.declaring import seen, undeclared
from tests.server.serving import Served, serve

structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


# No test takes a tenth of it; one that waits for what never comes must end.
LIMIT_S = 150


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a coroutine test on the loop of its fixture `runner`."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    runner = pyfuncitem.funcargs["runner"]
    assert isinstance(runner, asyncio.Runner)
    # The loop swallows the exception that pytest-timeout would raise in it.
    runner.run(asyncio.wait_for(pyfuncitem.obj(**arguments), LIMIT_S))
    return True


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of one test, of the kind that the server runs on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        yield loop


@pytest.fixture(autouse=True)
def _every_refusal_is_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever reads the contract must find there whatever can happen to a call: what no test meets, nobody will."""
    with seen(monkeypatch) as met:
        yield
    assert not undeclared(met), "\n".join(undeclared(met))


@pytest.fixture
def server(runner: asyncio.Runner, database_url: str) -> Iterator[Served]:
    """A server with the program `coffee`, whose clock we hold, and its customer `ada`."""
    served = runner.run(serve(database_url))
    yield served
    runner.run(served.close())


@pytest.fixture
def club(runner: asyncio.Runner, server: Served) -> Club:
    """The same server with the program `club`, of every kind of card, and its customers `ada` and `ben`."""
    return runner.run(found(server))
