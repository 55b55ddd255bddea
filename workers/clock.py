"""The clock: relays what is due, plans what time alone makes necessary, gives activities their positions early,
counts them, and marks the passes that they may have changed.

Start several: one acts. What it plans depends on what is due now, never on what was planned before; so a plan that
was lost, or refused because one like it was open, is made again at the next look.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event

import structlog

from storage.activity import positions, rollup, words
from storage.engine.database import Database, StorageUnavailable
from storage.engine.unit import transaction
from storage.ledger.sweep import programs_with_due
from storage.passes import marking
from storage.tasks.commands import plan_sweeps
from storage.tasks.lease import Lease
from workers import failures
from workers.actors.approvals import plan_expiry
from workers.actors.passes.certificates import plan_watch
from workers.actors.passes.reconcile import plan_reconcile
from workers.actors.prune import plan_prune
from workers.actors.retention import plan_retention
from workers.limits import (
    APPROVALS_SCHEDULE_S,
    COUNT_BATCH,
    COUNT_SCHEDULE_S,
    DOUBLINGS_MAX,
    DUTY_RETRY_MAX_S,
    DUTY_RETRY_MIN_S,
    LEASE_POLL_S,
    MARK_BATCH,
    MARK_SCHEDULE_S,
    NIGHTLY_SCHEDULE_S,
    PASS_WINDOW,
    POSITIONS_BATCH,
    POSITIONS_SCHEDULE_S,
    PRUNE_SCHEDULE_S,
    RELAY_POLL_S,
    RETENTION_SCHEDULE_S,
    STORAGE_RETRY_MAX_S,
    STORAGE_RETRY_MIN_S,
    SWEEP_SCHEDULE_S,
    TEND_SCHEDULE_S,
    WORDS_BATCH,
    WORDS_SCHEDULE_S,
)
from workers.outage import Outage
from workers.process import close, end_on_signals, open_books, open_broker, recorded
from workers.relay import Relay
from workers.settings import WorkerSettings

log = structlog.get_logger()


def main(settings: WorkerSettings, database_url: str) -> int:
    """Runs a clock until SIGTERM or SIGINT; its exit code. Raises WorkerError where it cannot start."""
    stop = end_on_signals()
    database = open_books(database_url)
    broker = open_broker(settings.redis_url.get_secret_value())
    log.info("clock started")
    with recorded(database, "clock", {}):
        run(database, Relay(database, broker), stop, timedelta(seconds=settings.pass_window_s))
    broker.close()
    log.info("clock ended")
    return 0


def run(database: Database, relay: Relay, stop: Event, pass_window: timedelta = PASS_WINDOW) -> None:
    """Acts while it has the lease, on this thread and its connection, until `stop` is set.

    A database that is away is waited for. What changes a pass within `pass_window` is told to phones together.
    """
    clock = Clock(database, relay, pass_window)
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

    def __init__(self, database: Database, relay: Relay, pass_window: timedelta = PASS_WINDOW) -> None:
        self._database = database
        self._relay = relay
        self._pass_window = pass_window
        self._lease = Lease(database)
        self._acts = False
        # What hands on comes first: it takes the least, and most wait for it.
        self._duties = (
            Duty("send", self._send),
            Duty("plan sweeps", self._plan_sweeps),
            Duty("plan prune", self._plan_prune),
            Duty("plan retention", self._plan_retention),
            Duty("plan nights", self._plan_nights),
            Duty("plan expiry of approvals", self._plan_approvals),
            Duty("assign positions", self._assign_positions),
            Duty("mark passes", self._mark_passes),
            Duty("plan refresh", self._plan_refresh),
            Duty("take words", self._take_words),
            Duty("tend", self._tend),
            Duty("count", self._count),
        )

    def look(self) -> float:
        """Does what is to be done now; answers in how many seconds to look again. Raises StorageUnavailable.

        A duty that fails is done again later, and keeps the others from nothing.
        """
        if not self._leads():
            return LEASE_POLL_S
        for duty in self._duties:
            if time.monotonic() >= duty.due_at:
                try:
                    pause_s = duty.act()
                except Exception as error:
                    if self._lease.is_lost and isinstance(error, StorageUnavailable):
                        raise
                    duty.failed(error)
                    if self._lease.is_lost:
                        return 0.0
                else:
                    duty.done(pause_s)
        return max(0.0, min(duty.due_at for duty in self._duties) - time.monotonic())

    def _leads(self) -> bool:
        acts = self._lease.held()
        if acts and not self._acts:
            log.info("clock acts")
        self._acts = acts
        return acts

    def _send(self) -> float:
        return 0.0 if self._relay.send_due() == self._relay.batch else RELAY_POLL_S

    def _plan_sweeps(self) -> float:
        with transaction(self._database) as unit:
            plan_sweeps(unit, programs_with_due(unit.connection))
        return SWEEP_SCHEDULE_S

    def _plan_prune(self) -> float:
        with transaction(self._database) as unit:
            plan_prune(unit)
        return PRUNE_SCHEDULE_S

    def _plan_retention(self) -> float:
        with transaction(self._database) as unit:
            plan_retention(unit)
        return RETENTION_SCHEDULE_S

    def _plan_nights(self) -> float:
        with transaction(self._database) as unit:
            plan_reconcile(unit)
            plan_watch(unit)
        return NIGHTLY_SCHEDULE_S

    def _plan_approvals(self) -> float:
        with transaction(self._database) as unit:
            plan_expiry(unit)
        return APPROVALS_SCHEDULE_S

    def _assign_positions(self) -> float:
        with transaction(self._database) as unit:
            assigned = positions.assign(unit.connection, POSITIONS_BATCH)
        # A full batch leaves a backlog, which is gone on with at the next look.
        return 0.0 if assigned == POSITIONS_BATCH else POSITIONS_SCHEDULE_S

    def _mark_passes(self) -> float:
        with transaction(self._database) as unit:
            taken = marking.advance(unit.connection, MARK_BATCH, self._pass_window)
        return 0.0 if taken == MARK_BATCH else MARK_SCHEDULE_S

    def _plan_refresh(self) -> float:
        with transaction(self._database) as unit:
            marking.plan_refresh(unit)
        return MARK_SCHEDULE_S

    def _take_words(self) -> float:
        with transaction(self._database) as unit:
            taken = words.advance(unit.connection, WORDS_BATCH)
        return 0.0 if taken == WORDS_BATCH else WORDS_SCHEDULE_S

    def _tend(self) -> float:
        with transaction(self._database) as unit:
            positions.tend(unit.connection)
        return TEND_SCHEDULE_S

    def _count(self) -> float:
        with transaction(self._database) as unit:
            counted = rollup.advance(unit.connection, COUNT_BATCH)
        return 0.0 if counted == COUNT_BATCH else COUNT_SCHEDULE_S


class Duty:
    """One of the things that a clock does over and over. `act` answers in how many seconds it is due again."""

    def __init__(self, name: str, act: Callable[[], float]) -> None:
        self.name = name
        self.act = act
        self.due_at = 0.0
        self._failures = 0

    def done(self, pause_s: float) -> None:
        """It is due again in `pause_s`."""
        self.due_at = time.monotonic() + pause_s
        if self._failures:
            log.info("duty done again", duty=self.name, failures=self._failures)
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """It is due again after a pause that doubles; said once, however long that goes on."""
        pause_s = DUTY_RETRY_MIN_S * (1 << min(self._failures, DOUBLINGS_MAX))
        self.due_at = time.monotonic() + min(pause_s, DUTY_RETRY_MAX_S)
        if not self._failures:
            log.error("duty failed", duty=self.name, error=type(error).__name__, place=failures.place(error))
        self._failures += 1
