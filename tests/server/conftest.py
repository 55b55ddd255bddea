"""Coroutine tests, and a real server for each of them, on the event loop that the test runs on."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
import uvloop

from tests.databases import as_application, fresh_database
from tests.server.club import Club, found
from tests.server.declaring import seen, undeclared
from tests.server.serving import Founded, Served, serve

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


@pytest.fixture(scope="session")
def founded(server_url: str, template: str) -> Iterator[dict[str, Founded]]:
    """What the fixtures `server` and `club` find in their databases, to be copied: that takes a third of the time."""
    with ExitStack() as kept:

        def make(more: Callable[[Served], Coroutine[Any, Any, object]] | None = None) -> Founded:
            url = kept.enter_context(fresh_database(server_url, template))
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
                served = loop.run(serve(as_application(url, template)))
                if more:
                    loop.run(more(served))
                loop.run(served.close())
            return Founded(urlsplit(url).path.removeprefix("/"), served.admin_key, served.till_key)

        yield {"server": make(), "club": make(found)}


@pytest.fixture
def there(request: pytest.FixtureRequest) -> Founded | None:
    """What a test finds in its database that asks for a server or a club."""
    needed = [name for name in ("club", "server") if name in request.fixturenames]
    found: Founded | None = request.getfixturevalue("founded")[needed[0]] if needed else None
    return found


@pytest.fixture
def database_url(server_url: str, template: str, there: Founded | None) -> Iterator[str]:
    """A migrated database of this test's own, as the application connects: with no right that it does not need."""
    with fresh_database(server_url, there.database if there else template) as url:
        yield as_application(url, template)


@pytest.fixture
def server(runner: asyncio.Runner, database_url: str, there: Founded | None) -> Iterator[Served]:
    """A server with the program `coffee`, whose clock we hold, and its customer `ada`."""
    served = runner.run(serve(database_url, there))
    yield served
    runner.run(served.close())


@pytest.fixture
def club(server: Served) -> Club:
    """The same server with the program `club`, of every kind of card, and its customers `ada` and `ben`."""
    return Club(server)
