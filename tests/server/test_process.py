"""Server processes as an operator runs them: several on one port, told to stop, killed, started again at once."""

import asyncio
import gc
import os
import signal
import socket
from pathlib import Path
from urllib.request import urlopen

import pytest

import fealty
from fealty.v1 import points_pb2
from rules.access import Role
from server.listening import PortTaken
from server.main import main
from server.settings import ServerSettings
from storage.access.commands import create_key
from storage.engine.database import Database
from storage.engine.unit import run
from tests.server.processes import LIMIT_S, probe, running, started, until_probe
from tests.server.serving import PLAIN, Client, settings_of, spending
from tests.storage.scene import Scene

pytestmark = pytest.mark.process

BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)


@pytest.fixture
def scene(database: Database) -> Scene:
    """A customer with 100 points, in the books that the processes share."""
    made = Scene(database)
    made.earn(100)
    return made


@pytest.mark.parametrize("processes", [1, 2])
async def test_processes_share_a_port_finish_what_is_in_hand_and_start_again_at_once(
    runner: asyncio.Runner, scene: Scene, database_url: str, processes: int
) -> None:
    """A deployment: no call is lost by it, and the next version does not have to wait for the port."""
    settings = settings_of(database_url, processes)
    key = run(scene.database, lambda unit: create_key(unit, "till", Role.SERVICE)).key.text
    async with running(settings) as process:
        # Connections are spread by the kernel, so each process gets some of many.
        for _ in range(24):
            async with fealty.connect_async(settings.address, key) as connection:
                await Client(connection.channel).points.GetBalance(BALANCE)
        served = [_metric(settings.probe_port + index, "GetBalance") for index in range(processes)]
        assert sum(served) == 24
        assert all(served)
        with pytest.raises(PortTaken, match=f"{settings.address} is taken"):
            main(settings.model_copy(update={"processes": 2}), gc.enable)
        # Whom the server hangs up on leaves a connection behind that keeps its port in use for a minute.
        with socket.create_connection((settings.host, settings.port)) as nonsense:
            nonsense.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while nonsense.recv(4096):
                pass
        async with fealty.connect_async(settings.address, key) as connection:
            with scene.another_connection() as holder:
                with holder.transaction():
                    holder.execute("SELECT FROM account FOR UPDATE")
                    in_hand = asyncio.ensure_future(_spend(Client(connection.channel)))
                    await _until_waiting(scene)
                    process.send_signal(signal.SIGTERM)
                    await until_probe(settings.probe_port, "readyz", 503)
                    await _until_nobody_listens(settings)
                assert (await in_hand).balance.active == 90
        assert await asyncio.to_thread(process.wait, LIMIT_S) == 0
    noted = "SELECT action, count(*) FROM activity WHERE action ^@ 'process.' GROUP BY action ORDER BY action"
    assert scene.rows(noted) == [("process.ended", processes), ("process.started", processes)]
    async with running(settings), fealty.connect_async(settings.address, key) as connection:
        found = await Client(connection.channel).points.GetBalance(BALANCE)
        assert found.balance.active == 90


async def test_a_server_is_not_ready_before_it_listens(runner: asyncio.Runner, scene: Scene, database_url: str) -> None:
    """A balancer that sends calls to a process that is still starting loses them."""
    settings = settings_of(database_url)
    with scene.another_connection() as holder:
        holder.execute("BEGIN")
        # What a server reads before it listens.
        holder.execute("LOCK TABLE schema_migration IN ACCESS EXCLUSIVE MODE")
        async with started(settings) as process:
            await _until_waiting(scene)
            assert (probe(settings.probe_port, "livez"), probe(settings.probe_port, "readyz")) == (200, 503)
            holder.execute("COMMIT")
            await until_probe(settings.probe_port, "readyz", 200, process)
            socket.create_connection((settings.host, settings.port)).close()


@pytest.mark.parametrize("killed", ["a process", "the parent"])
async def test_a_process_that_is_killed_takes_the_others_with_it(
    runner: asyncio.Runner, scene: Scene, database_url: str, killed: str
) -> None:
    """Whoever supervises us must see that something is wrong, and starts all of it anew; nothing is left behind."""
    settings = settings_of(database_url, processes=2)
    async with running(settings) as process:
        children = _children(process.pid)
        serving = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(serving) == 2
        os.kill(process.pid if killed == "the parent" else serving[0], signal.SIGKILL)
        ended = -signal.SIGKILL if killed == "the parent" else 1
        assert await asyncio.to_thread(process.wait, LIMIT_S) == ended
        for _ in range(LIMIT_S * 20):
            if not any(map(_lives, serving)):
                break
            await asyncio.sleep(0.05)
        assert not any(map(_lives, serving))


async def _spend(client: Client) -> points_pb2.SpendPointsResponse:
    return await client.points.SpendPoints(spending(10))


async def _until_waiting(scene: Scene) -> None:
    for _ in range(1000):
        if scene.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == [(1,)]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for the row")


async def _until_nobody_listens(settings: ServerSettings) -> None:
    for _ in range(1000):
        with socket.socket() as probe:
            if probe.connect_ex((settings.host, settings.port)):
                return
        await asyncio.sleep(0.01)
    raise AssertionError("the port is still open")


def _metric(port: int, method: str) -> int:
    """How many calls of a method a process has answered well, by its own count."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    wanted = [line for line in lines if line.startswith("fealty_calls_total") and f"/{method}" in line]
    return int(sum(float(line.rpartition(" ")[2]) for line in wanted if 'code="OK"' in line))


def _lives(pid: int) -> bool:
    """Whether the process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize(("probe_port", "said"), [(0, "is taken"), (65535, "does not exist")])
def test_a_probe_port_that_one_of_several_processes_cannot_have_is_one_sentence(
    database_url: str, probe_port: int, said: str
) -> None:
    """Found out before anything starts; a traceback of the second process tells an operator nothing."""
    settings = settings_of(database_url, 2)
    with socket.create_server((settings.host, settings.probe_port + 1)):
        asked = settings.model_copy(update={"probe_port": probe_port or settings.probe_port})
        with pytest.raises(PortTaken, match=said):
            main(asked, lambda: None)
