"""Cards of a scene's customers, and a worker that sends them to a stand-in of Google."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

from storage.activity import positions
from storage.engine.database import Database
from storage.engine.ids import typeid
from storage.engine.unit import transaction
from storage.passes import google, google_pushes, marking
from storage.passes.refreshing import Refreshed, refresh
from storage.tasks.commands import claim
from tests import personal
from tests.storage.passes.carrying import COUPON, LOYALTY
from tests.storage.scene import Scene
from tests.wallet.google.cards import HERO, ISSUER, LOGO, PASSES, Google
from tests.workers.acting import make_due
from wallet.accounts import Accounts
from wallet.google.client import GoogleClient
from workers.actors.passes.google import push_google
from workers.codes import WorkerSeals
from workers.external import ExternalRunner
from workers.outage import Outage

POINTS = replace(LOYALTY, images=(LOGO, HERO))
GIFT = replace(COUPON, images=(LOGO,))
TASKS = """
SELECT last_error FROM task WHERE actor = 'push_google' AND state IN ('READY', 'SENT') ORDER BY id
"""
DUE = "(SELECT due_at FROM task WHERE actor = 'push_google' AND state IN ('READY', 'SENT'))"
ROW = "SELECT answer, saved_at IS NOT NULL, removed_at IS NOT NULL FROM pass_google"
LATER = timedelta(hours=1)


class Sending:
    """A worker's actor, and where it sends to. `passes_url` is where phones reach us."""

    def __init__(self, scene: Scene, at: Google, limit_s: float = 10.0, passes_url: str = PASSES) -> None:
        self.scene = scene
        self.database: Database = scene.database
        self.google = at
        self._limit_s = limit_s
        self._passes_url = passes_url
        self.actor = self.fresh()

    def fresh(self, accounts: Accounts | None = None, passes_url: str | None = None) -> Any:
        """That of a process that has just begun."""
        accounts = accounts or Accounts({}, {ISSUER: self.google.account})
        self._passes_url = self._passes_url if passes_url is None else passes_url
        clients = {
            one.issuer: GoogleClient(one, self.google.wallet.api_url, self.google.ca_file)
            for one in accounts.google_accounts
        }
        seals = WorkerSeals(personal.key_file())
        self.actor = push_google(accounts, clients, self._passes_url, seals, self._limit_s)
        return self.actor

    def hand_out(self, card: UUID) -> None:
        """Somebody is given a link to it."""
        [(program, customer)] = self.scene.rows("SELECT program, customer FROM pass WHERE id = %s", [card])
        with transaction(self.database) as unit:
            google_pushes.plan_first(unit, program, customer, card)

    def refresh(self) -> Refreshed:
        """What the clock and a worker do where something was recorded."""
        with transaction(self.database) as unit:
            positions.assign(unit.connection, 10_000)
        with transaction(self.database) as unit:
            marking.advance(unit.connection, 10_000, timedelta(0))
        with transaction(self.database) as unit:
            unit.connection.execute("UPDATE pass_mark SET due_at = now()")
        with transaction(self.database) as unit:
            return refresh(unit, 1_000)

    def sent(self) -> list[str]:
        """The tasks that are due now, whatever their pauses are."""
        make_due(self.database)
        with transaction(self.database) as unit:
            return [task.id for task in claim(unit.connection, 100, LATER) if task.actor == "push_google"]

    def run(self, task: str) -> None:
        """Works on one."""
        ExternalRunner(self.actor, self.database, Event(), Outage("database")).run(task)

    def work(self, rounds: int = 1) -> None:
        """Works on all tasks that are open; so often."""
        for _ in range(rounds):
            for task in self.sent():
                self.run(task)

    def beside(self, task: str) -> Callable[[], None]:
        """Works on one on another thread, as another worker does; answers what waits for it to end."""

        def run() -> None:
            self.run(task)
            self.database.close()

        thread = Thread(target=run)
        thread.start()
        return thread.join

    def call_back(self, card: UUID, nonce: str, saved: bool) -> bool:
        """What `fealty passes` does with a callback."""
        with transaction(self.database) as unit:
            return google.note_callback(unit, card, nonce, saved)

    def shown(self, card: UUID) -> dict[str, Any]:
        """What Google has of it."""
        return self.google.wallet.shown(object_name(card))

    def points(self, card: UUID) -> int:
        """The balance that phones show."""
        found: int = self.shown(card)["loyaltyPoints"]["balance"]["int"]
        return found

    def asked(self, since: int = 0) -> list[tuple[str, str, int]]:
        """What Google was asked, from that request on."""
        return self.google.asked[since:]

    def waiting(self) -> list[str | None]:
        """Of the tasks that are open the last error of each."""
        return [error for (error,) in self.scene.rows(TASKS)]


def object_name(card: UUID) -> str:
    """The id of its object."""
    return f"{ISSUER}.{typeid('pass', card.int)}"


def seconds_left(scene: Scene) -> float:
    """Until the one task that is open is due."""
    [(found,)] = scene.rows(f"SELECT extract(epoch FROM {DUE} - clock_timestamp())::float8")
    return float(found)


def ask(sending: Sending, card: UUID, cause: str = "asked") -> None:
    """Somebody pushes it by hand."""
    [(program, customer)] = sending.scene.rows("SELECT program, customer FROM pass WHERE id = %s", [card])
    with transaction(sending.database) as unit:
        google_pushes.plan_again(unit, program, customer, card, cause)


def pass_time(sending: Sending) -> None:
    """As if the time of whoever is at a card, and that of a pause, had passed: in a process that has just begun."""
    sending.scene.execute("UPDATE pass_google SET begun_until = now()")
    sending.scene.execute("UPDATE task SET begun_until = now()")
    sending.fresh()


def told(sending: Sending) -> list[str]:
    """What the log has of installs and removals."""
    query = "SELECT action FROM activity WHERE action IN ('pass.installed', 'pass.removed') ORDER BY id"
    return [action for (action,) in sending.scene.rows(query)]
