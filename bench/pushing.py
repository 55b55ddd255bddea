"""Apple's push service standing in, in a process of its own: it must not share an interpreter with what is measured."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from bench.wallets import Operator
from walletkit.apns import PushService


@contextmanager
def push_service(operator: Operator) -> Iterator[str]:
    """One that takes pushes from the operator's account; answers where."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    service = context.Process(target=_serve, args=(operator.server, operator.clients, theirs))
    service.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        service.join()


def _serve(server: tuple[Path, Path], clients: Path, ready: Pipe) -> None:
    with PushService(*server, clients) as service:
        ready.send(service.url)
        while not ready.poll(1.0):
            service.pushes.clear()
