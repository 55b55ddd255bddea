"""The lease of the clock: several are started, one acts."""

from storage.engine.database import Connection, Database, connection

# Any number, as long as every clock takes the same; the one after storage.migrate.MIGRATION_LOCK.
CLOCK_LOCK = 934_420_931
# Who acts for all programs waits for nobody's row: what it cannot have now it looks for again in a moment.
LOCK_TIMEOUT_MS = 100


class Lease:
    """Held by the calling thread's connection, so what that connection does is done under it.

    A process that is killed loses the lease with its connection, at once; a host that loses its power, as soon as
    PostgreSQL misses its answers (half a minute).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder: Connection | None = None

    def held(self) -> bool:
        """Whether this thread has the lease; takes it where it is free. Raises StorageUnavailable."""
        with connection(self._database) as current:
            if current is not self._holder:
                self._holder = current if _take(current) else None
            return self._holder is not None

    @property
    def is_lost(self) -> bool:
        """Whether the connection that held it is known to have ended."""
        return self._holder is not None and self._holder.closed


def _take(current: Connection) -> bool:
    current.execute(_SETTINGS)
    found = current.execute("SELECT pg_try_advisory_lock(%s)", (CLOCK_LOCK,)).fetchone()
    assert found is not None
    return bool(found[0])


_SETTINGS = f"SET lock_timeout = {LOCK_TIMEOUT_MS}".encode()
