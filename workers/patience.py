"""No wait for the database is without end, also where it is silent and its host, or a proxy before it, is well."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from storage.engine.database import Database, connect


@contextmanager
def patience(database: Database, limit_s: float) -> Iterator[None]:
    """Cuts this thread's connection when the block takes longer: what waits on it then finds the database away.

    PostgreSQL's own limits do not help where it does not hear of us, nor keepalives where somebody else answers them.
    Raises StorageUnavailable.
    """
    # A name of its own for the line: by then the connection's may be closed, and given to another one.
    with socket.socket(fileno=os.dup(connect(database).fileno())) as line:
        timer = Timer(limit_s, line.shutdown, [socket.SHUT_RDWR])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
