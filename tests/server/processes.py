"""Server processes, started as an operator starts them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from server.settings import ServerSettings

CHECKOUT = Path(__file__).parents[2]
# Where the command line sets up its log, nothing is set up here.
SERVE = """
import gc, sys
from server.main import main
from server.settings import ServerSettings
sys.exit(main(ServerSettings(), gc.enable))
"""
TLS = ("certificate_file", "key_file", "clients_port", "clients_ca_file", "probe_host")
# A start takes a second or two, a stop less; this is for a machine with better things to do.
LIMIT_S = 60


@asynccontextmanager
async def running(settings: ServerSettings) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Server processes that are ready."""
    async with started(settings) as process:
        for index in range(settings.processes):
            await until_probe(settings.probe_port + index, "readyz", 200, process)
        yield process


@asynccontextmanager
async def started(settings: ServerSettings) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Server processes, ended however the test ends."""
    environment = {
        **os.environ,
        "FEALTY_DATABASE_URL": settings.database_url.get_secret_value(),
        "FEALTY_PERSONAL_KEY_FILE": str(settings.personal_key_file),
        "FEALTY_PORT": str(settings.port),
        "FEALTY_PROBE_PORT": str(settings.probe_port),
        "FEALTY_PROCESSES": str(settings.processes),
        **{f"FEALTY_{name.upper()}": str(getattr(settings, name)) for name in TLS if getattr(settings, name)},
    }
    process = subprocess.Popen([sys.executable, "-c", SERVE], cwd=CHECKOUT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, LIMIT_S)


async def until_probe(port: int, path: str, code: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Waits until a probe answers with a code."""
    for _ in range(LIMIT_S * 20):
        if await asyncio.to_thread(probe, port, path) == code:
            return
        assert process is None or process.poll() is None, "the server ended"
        await asyncio.sleep(0.05)
    raise AssertionError(f"{path} does not answer {code}")


def probe(port: int, path: str) -> int:
    """What a probe answers; 0 where nobody does."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except URLError:
        return 0
