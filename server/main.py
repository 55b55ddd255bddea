"""Runs one server process, or several on one port."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess

import structlog

from server import limits, listening, tls
from server.app import run
from server.settings import ServerSettings

# How often the parent looks whether all its processes live.
WATCH_INTERVAL_S = 0.2

log = structlog.get_logger()


def main(settings: ServerSettings, prepare: Callable[[], None]) -> int:
    """Serves until SIGTERM or SIGINT; answers the exit code. `prepare` sets up the log of each further process.

    Raises NotPrivate, CertificateUnusable, PortTaken, StorageUnavailable, MigrationsPending, ServerTooOld,
    KeyringError.
    """
    if settings.processes == 1:
        return run(settings)
    # Said once, and not by each process.
    tls.of(settings)
    listening.check(settings.host, settings.port, "FEALTY_PORT")
    if settings.clients_port:
        listening.check(settings.host, settings.clients_port, "FEALTY_CLIENTS_PORT")
    for index in range(settings.processes):
        listening.check(settings.probe_host, settings.probe_port + index, "FEALTY_PROBE_PORT", "FEALTY_PROBE_HOST")
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_child, args=(settings, index, prepare)) for index in range(settings.processes)]
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    for child in children:
        child.start()
    while not stopping and all(child.is_alive() for child in children):
        time.sleep(WATCH_INTERVAL_S)
    if not stopping:
        dead = next(child for child in children if not child.is_alive())
        log.error("server process ended", exit_code=dead.exitcode)
    return _end(children, 0 if stopping else 1)


def _child(settings: ServerSettings, index: int, prepare: Callable[[], None]) -> None:
    prepare()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    raise SystemExit(run(settings, index, share_port=True))


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its processes to end."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _end(children: Sequence[BaseProcess], code: int) -> int:
    for child in children:
        child.terminate()
    for child in children:
        child.join(limits.DRAIN_GRACE_S + limits.DRAIN_NOTICE_S + 5)
        if child.is_alive():
            log.error("server process killed: it did not drain in time", pid=child.pid)
            child.kill()
    return code or next((1 for child in children if child.exitcode not in (0, None)), 0)
