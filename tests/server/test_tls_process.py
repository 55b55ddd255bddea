"""Server processes with TLS, as an operator runs them."""

import asyncio
import ssl
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from fealty import connect_async
from fealty.v1 import points_pb2
from rules.access import Role
from storage.access.commands import create_key
from storage.engine.database import Database
from storage.engine.unit import run
from tests.server.processes import LIMIT_S, running, started
from tests.server.serving import PLAIN
from tests.server.tls import authorities, files_in, serial, settings_with
from tests.storage.scene import Scene

pytestmark = pytest.mark.process

BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)
CONNECTIONS = 24


async def test_processes_share_a_port_with_tls_and_each_sees_a_new_certificate(
    runner: asyncio.Runner, database: Database, database_url: str, tmp_path: Path
) -> None:
    """One that went on with the old one would be believed by half of the clients, and nobody would find it."""
    scene = Scene(database)
    scene.earn(100)
    key = run(database, lambda unit: create_key(unit, "till", Role.SERVICE)).key.text
    files = files_in(tmp_path)
    settings = settings_with(database_url, files, processes=2)
    async with running(settings) as process:
        old = await serial(settings.port)
        assert {await serial(settings.port) for _ in range(CONNECTIONS)} == {old}
        renewed = authorities().server.server()
        files.lay(renewed)
        # Connections are spread by the kernel: both processes get some of so many.
        assert {await serial(settings.port) for _ in range(CONNECTIONS)} == {renewed.certificate.serial_number}
        clients = authorities().clients.client(["tills"])
        shown = (clients.certificate_pem, clients.key_pem())
        for target, certificate in ((settings.address, None), (settings.clients_address, shown)):
            async with connect_async(target, key, root_certificates=files.roots, certificate=certificate) as fealty:
                assert (await fealty.points.GetBalance(BALANCE)).balance.active == 100
        process.terminate()
        assert await asyncio.to_thread(process.wait, LIMIT_S) == 0
    noted = scene.rows("SELECT body::jsonb -> 'details' -> 'tls' FROM activity WHERE action = 'process.started'")
    assert noted == [(True,), (True,)], "whether calls were private is asked years later"


async def test_probes_that_others_reach_speak_tls(runner: asyncio.Runner, database_url: str, tmp_path: Path) -> None:
    """Figures tell how a business goes; on loopback they stay as monitors of the host know them."""
    settings = settings_with(database_url, files_in(tmp_path), probe_host="0.0.0.0")
    context = ssl.create_default_context(cadata=authorities().server.pem.decode())
    url = f"https://127.0.0.1:{settings.probe_port}/metrics"

    def ask() -> str:
        with urlopen(url, timeout=5, context=context) as answer:
            return str(answer.read().decode())

    async with started(settings) as process:
        for _ in range(LIMIT_S * 20):
            try:
                assert "fealty_calls_total" in await asyncio.to_thread(ask)
                break
            except URLError:
                assert process.poll() is None
                await asyncio.sleep(0.05)
        with pytest.raises((URLError, OSError)):
            await asyncio.to_thread(urlopen, url.replace("https", "http"), None, 5)
        assert "fealty_calls_total" in await asyncio.to_thread(ask), "who does not speak TLS stops nothing"
