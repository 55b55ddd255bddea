"""`kill -9` of the server with an approved act in hand: it is done once, and it is noted that it was."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

import fealty
from fealty.v1 import approvals_pb2 as pb
from tests.server.approving import adjustment, asked, key_of_person, points_of, read, rule
from tests.server.club import Club
from tests.server.processes import LIMIT_S, running
from tests.server.serving import Client, activities, fresh, settings_of

pytestmark = pytest.mark.process

ACCOUNT = "SELECT FROM account FOR UPDATE"


@pytest.fixture
def alone(club: Club) -> Club:
    """A club whose own server leaves what was approved to others."""
    for servicer in club.served.app.servicers:
        if hasattr(servicer, "close"):
            servicer.close()
    return club


async def test_killed_before_the_act_another_server_does_it(alone: Club, database_url: str) -> None:
    """Whoever has all approvals that it takes need not ask again because a machine went down."""
    name = await _ask(alone)
    account = _held(alone, ACCOUNT)
    await _killed(alone, database_url, name, lambda: _state(alone) == "APPROVED")
    assert (await points_of(alone), _state(alone)) == (100, "APPROVED")
    account.close()
    await _another_server(alone, database_url)


async def test_killed_between_the_act_and_the_note_it_is_noted_and_not_done_again(
    alone: Club, database_url: str
) -> None:
    """The act is done; that nobody could write it down must not do it twice."""
    name = await _ask(alone)
    account = _held(alone, ACCOUNT)
    request: list[Any] = []

    def has_acted() -> bool:
        if not request and _state(alone) == "APPROVED":
            # From now on it can be done, and not be noted.
            request.append(_held(alone, "SELECT FROM approval_request FOR UPDATE"))
            account.close()
        return bool(request and alone.served.rows("SELECT FROM activity WHERE action = 'points.adjusted'"))

    await _killed(alone, database_url, name, has_acted)
    assert (await points_of(alone), _state(alone)) == (107, "APPROVED")
    request[0].close()
    await _another_server(alone, database_url)


async def test_approved_at_once_over_two_processes_it_is_done_once(alone: Club, database_url: str) -> None:
    """Each process thinks that it has the last approval: one of them has."""
    await rule(alone.admin, "AdjustPoints")
    name = await asked(alone.admin, adjustment(7))
    keys = [key_of_person(alone.served, f"person {number}") for number in range(8)]
    settings = settings_of(database_url, processes=2)
    async with running(settings):
        channels = [fealty.connect_async(settings.address, key).channel for key in keys]
        requests = [pb.ApproveRequestRequest(name=name, request_id=fresh()) for _ in range(200)]
        calls = [
            Client(channels[number % len(channels)]).approvals.ApproveRequest(one)
            for number, one in enumerate(requests)
        ]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, pb.ApproveRequestResponse) for one in outcomes) == 1
    assert await points_of(alone) == 7
    assert (await read(alone.admin, name)).state == pb.APPROVAL_STATE_EXECUTED
    assert len(await activities(alone.admin, action="points.adjusted")) == 1
    assert len(await activities(alone.admin, action="approval.executed")) == 1


async def _ask(club: Club) -> str:
    """The name of a request for 7 points more than the 100 that are there."""
    await club.earn(100)
    await rule(club.admin, "AdjustPoints")
    return await asked(club.admin, adjustment(7))


def _held(club: Club, rows: str) -> Any:
    """A connection that has rows in hand until it is closed."""
    holder = club.served.another_connection()
    holder.execute("BEGIN")
    holder.execute(rows.encode())
    return holder


def _state(club: Club) -> str:
    [(state,)] = club.served.rows("SELECT state FROM approval_request")
    return str(state)


async def _killed(club: Club, database_url: str, name: str, is_time: Callable[[], bool]) -> None:
    """Approves through a server of its own, and kills that when it is time."""
    settings = settings_of(database_url)
    key = key_of_person(club.served, "cora")
    async with running(settings) as process, fealty.connect_async(settings.address, key) as connection:
        request = pb.ApproveRequestRequest(name=name, request_id=fresh())
        approving = asyncio.ensure_future(Client(connection.channel).approvals.ApproveRequest(request))
        for _ in range(LIMIT_S * 20):
            if is_time():
                break
            await asyncio.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait, LIMIT_S)
        await asyncio.gather(approving, return_exceptions=True)


async def _another_server(club: Club, database_url: str) -> None:
    """Starts another server, which finishes what it finds."""
    async with running(settings_of(database_url)):
        for _ in range(LIMIT_S * 10):
            if _state(club) == "EXECUTED":
                break
            await asyncio.sleep(0.1)
    assert (await points_of(club), _state(club)) == (107, "EXECUTED")
    assert len(await activities(club.admin, action="points.adjusted")) == 1
    assert len(await activities(club.admin, action="approval.executed")) == 1
