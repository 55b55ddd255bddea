"""The clock: relays what is due, plans what time alone makes necessary, and gives activities their places early.

Start several: one acts. What it plans depends on what is due now, never on what was planned before; so a plan that
was lost, or refused because one like it was open, is made again at the next look.
"""

import time
from threading import Event

import structlog

from storage.activity.places import place, tend
from storage.engine.database import Database, StorageUnavailable
from storage.engine.unit import transaction
from storage.ledger.sweep import programs_with_due
from storage.tasks.commands import plan_sweep
from storage.tasks.lease import Lease
from workers.actors.prune import plan_prune
from workers.limits import (
    LEASE_POLL_S,
    PLACE_BATCH,
    PLACE_SCHEDULE_S,
    PRUNE_SCHEDULE_S,
    RELAY_POLL_S,
    STORAGE_RETRY_MAX_S,
    STORAGE_RETRY_MIN_S,
    SWEEP_SCHEDULE_S,
    TEND_SCHEDULE_S,
)
from workers.outage import Outage
from workers.process import close, end_on_signals, open_books, open_broker
from workers.relay import Relay
from workers.settings import WorkerSettings

log = structlog.get_logger()


def main(settings: WorkerSettings, database_url: str) -> int:
    """Runs a clock until SIGTERM or SIGINT; its exit code. Raises WorkerError where it cannot start."""
    stop = end_on_signals()
    database = open_books(database_url)
    broker = open_broker(settings.redis_url.get_secret_value())
    log.info("clock started")
    run(database, Relay(database, broker), stop)
    broker.close()
    log.info("clock ended")
    return 0


def run(database: Database, relay: Relay, stop: Event) -> None:
    """Acts while it has the lease, on this thread and its connection, until `stop` is set.

    A database that is away is waited for.
    """
    clock = Clock(database, relay)
    outage = Outage("database")
    pause_s = STORAGE_RETRY_MIN_S
    wait_s = 0.0
    while not stop.wait(wait_s):
        try:
            wait_s = clock.look()
            outage.over()
            pause_s = STORAGE_RETRY_MIN_S
        except StorageUnavailable as error:
            outage.noticed(str(error))
            wait_s = pause_s
            pause_s = min(2 * pause_s, STORAGE_RETRY_MAX_S)
    close(database)


class Clock:
    """One look at a time; all on the calling thread's connection, which holds the lease."""

    def __init__(self, database: Database, relay: Relay) -> None:
        self._database = database
        self._relay = relay
        self._lease = Lease(database)
        self._acts = False
        self._sweeps_at = 0.0
        self._prune_at = 0.0
        self._places_at = 0.0
        self._tend_at = 0.0

    def look(self) -> float:
        """Does what is to be done now; answers in how many seconds to look again. Raises StorageUnavailable."""
        if not self._leads():
            return LEASE_POLL_S
        now = time.monotonic()
        if now >= self._sweeps_at:
            self._plan(prune=now >= self._prune_at)
            self._sweeps_at = now + SWEEP_SCHEDULE_S
            if now >= self._prune_at:
                self._prune_at = now + PRUNE_SCHEDULE_S
        if now >= self._places_at:
            # A full batch leaves a backlog, which is gone on with at the next look.
            self._places_at = now + (0.0 if self._place() == PLACE_BATCH else PLACE_SCHEDULE_S)
        if now >= self._tend_at:
            with transaction(self._database) as unit:
                tend(unit.connection)
            self._tend_at = now + TEND_SCHEDULE_S
        full = self._relay.send_due() == self._relay.batch
        return 0.0 if full else RELAY_POLL_S

    def _leads(self) -> bool:
        acts = self._lease.held()
        if acts and not self._acts:
            log.info("clock acts")
        self._acts = acts
        return acts

    def _place(self) -> int:
        with transaction(self._database) as unit:
            return place(unit.connection, PLACE_BATCH)

    def _plan(self, prune: bool) -> None:
        with transaction(self._database) as unit:
            for program in programs_with_due(unit.connection):
                plan_sweep(unit, program)
            if prune:
                plan_prune(unit)
