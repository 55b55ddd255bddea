"""Processes of Fealty as operators start them, beside the server of the stage: `fealty passes`, worker and clock."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.stage import START_S, Stage, free_port, personal_keys
from workers.embedded import EmbeddedValkey

# What a process may take to end what it has in hand.
STOP_S = 60


@contextmanager
def running(here: Stage, environment: Mapping[str, str], *names: str) -> Iterator[list[int]]:
    """Those of `fealty`'s commands on the books of the stage, until the block ends; answers their processes.

    Raises RuntimeError where one ends by itself.
    """
    settings = {
        "FEALTY_DATABASE_URL": here.postgres.url,
        "FEALTY_PERSONAL_KEY_FILE": str(personal_keys(here.postgres)),
        **environment,
    }
    log = here.postgres.data_dir / "processes.log"
    started: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("wb") as output:
            for name in names:
                command = [sys.executable, "-m", "cli.main", name]
                started.append(
                    subprocess.Popen(command, env={**os.environ, **settings}, stdout=output, stderr=subprocess.STDOUT)
                )
            if "passes" in names:
                _await(f"http://127.0.0.1:{environment['FEALTY_PASSES_PROBE_PORT']}/readyz", log)
            yield [process.pid for process in started]
        if any(process.poll() is not None for process in started):
            raise RuntimeError(f"a process ended by itself:\n{log.read_text()}")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(STOP_S)


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A Valkey of its own; answers its address."""
    valkey = EmbeddedValkey(folder)
    valkey.start()
    try:
        yield valkey.url
    finally:
        valkey.stop()


def passes_ports() -> dict[str, str]:
    """Free ones for `fealty passes`, as its environment says them."""
    return {"FEALTY_PASSES_PORT": str(free_port()), "FEALTY_PASSES_PROBE_PORT": str(free_port())}


def _await(url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the public endpoints did not start:\n{log.read_text()}")
