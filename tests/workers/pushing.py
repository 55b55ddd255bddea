"""Cards in phones, as the database has them, and a worker that pushes to a stand-in of Apple's service."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from storage.engine.database import Database, connection
from storage.engine.ids import new_uuid
from storage.engine.unit import transaction
from storage.tasks.commands import plan
from tests import personal
from tests.personal import WALLET
from tests.wallet.apple.service import TOPIC, Standing
from tests.workers.acting import figure, make_due
from tests.workers.mailing import all_sent, create_member, work_on
from wallet import accounts
from workers.actors.passes.apple import push_apple
from workers.external import ExternalActor
from workers.wallet import WorkerWalletKeys

TASKS = "SELECT state, attempts, last_error FROM task WHERE actor = 'push_apple' ORDER BY created_at, id"
DELIVERIES = "SELECT device, revision, answer, pushed_at IS NOT NULL FROM pass_delivery ORDER BY device, revision"


class Killed(BaseException):
    """Nothing of a worker runs any more."""


class Cards:
    """Cards of customers of the program `club`, at their first revision, and the phones that have them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        create_member(database)
        with connection(database) as books:
            design = f'{{"apple_pass_type": "{TOPIC}"}}'
            books.execute(_TEMPLATE, (design,))

    def member(self) -> int:
        """Another customer."""
        number = figure(self._database, "SELECT count(*) + 1 FROM customer")
        create_member(self._database, customer_id=f"c-{number}")
        return int(number)

    def issue(self, revision: int = 1, customer: int = 1) -> UUID:
        """A card that says something since yesterday."""
        identity = new_uuid()
        with connection(self._database) as books:
            coupon = new_uuid()  # of a template, a customer has one card for each of what it is issued with
            books.execute(_PASS, (identity, customer, coupon))
            books.execute(_CONTENT, (identity, revision))
        return identity

    def phone(self, *cards: UUID, token: str = "", told: str = "1 day") -> int:
        """A phone that registered for these cards, and told its token so long ago."""
        with connection(self._database) as books:
            number = figure(self._database, "SELECT count(*) + 1 FROM pass_device")
            token = token or f"{number:064x}"
            row = (WALLET.device_hash(f"phone {number}"), WALLET.seal_push_token(token), told)
            (device,) = books.execute(_DEVICE, row).fetchone() or (0,)
            for card in cards:
                books.execute(_REGISTRATION, (card, device, told))
        return int(device)

    def change(self, card: UUID, revision: int) -> None:
        """It says something else now."""
        with connection(self._database) as books:
            books.execute("UPDATE pass_content SET revision = %s, built_at = now() WHERE pass = %s", (revision, card))

    def plan(self, card: UUID, revision: int | None = None) -> None:
        """Plans to push it, as whatever changed it does."""
        args: Mapping[str, Any] = {"pass": str(card), **({} if revision is None else {"revision": revision})}
        with transaction(self._database) as unit:
            plan(unit, "push_apple", "push", args, f"push_apple:{card}:{revision}", 1, 1)


class Pushing:
    """A worker's actor, and the service that it pushes to."""

    def __init__(self, database: Database, apple: Standing) -> None:
        self._database = database
        self._apple = apple
        self.keys = WorkerWalletKeys(personal.key_file())
        self.actor = self.fresh()

    def fresh(self) -> ExternalActor[Any, Any]:
        """That of a process that has just begun."""
        self.actor = push_apple(accounts.load(self._apple.folder), self._apple.transport(), self.keys)
        return self.actor

    def die_next(self) -> None:
        """The next push is done, and its worker killed before it has recorded anything."""
        alive = self.actor

        def act(begun: Any, deadline: float) -> Any:
            self.actor = alive
            alive.act(begun, deadline)
            raise Killed

        self.actor = replace(alive, act=act)

    def work(self, rounds: int = 1) -> None:
        """Works on all tasks, whenever they are due; so often."""
        for _ in range(rounds):
            make_due(self._database)
            for task in all_sent(self._database):
                try:
                    work_on(self._database, self.actor, task)
                except Killed:
                    with connection(self._database) as books:
                        books.execute("UPDATE task SET begun_until = now() WHERE id = %s", (task,))


def make_probes_due(database: Database) -> None:
    """As if the time of a probe had come."""
    with connection(database) as books:
        books.execute("UPDATE push_halt SET probe_at = now()")


def pauses(database: Database) -> list[timedelta]:
    """For how long each open task waits."""
    with connection(database) as books:
        found = books.execute("SELECT due_at - now() FROM task WHERE state IN ('READY', 'SENT') ORDER BY due_at")
        return [pause for (pause,) in found.fetchall()]


_TEMPLATE = """
INSERT INTO pass_template (program, template_id, version, display_name, design, created_at, updated_at, activity)
SELECT 1, 'card', 1, 'Card', %s, now(), now(), id FROM activity ORDER BY id LIMIT 1
"""

_PASS = """
INSERT INTO pass (id, program, customer, template, claim, created_at, activity)
SELECT %s, 1, %s, 1, %s, now() - interval '2 days', id FROM activity ORDER BY id LIMIT 1
"""

_CONTENT = """
INSERT INTO pass_content (pass, revision, modified_at, digest, changed_at, built_at)
VALUES (%s, %s, now(), '', now() - interval '1 day', now() - interval '1 day')
"""

_DEVICE = """
INSERT INTO pass_device (library_hash, push_token, token_at, created_at)
VALUES (%s, %s, now() - %s::interval, now()) RETURNING id
"""

_REGISTRATION = """
INSERT INTO pass_registration (pass, device, registered_at) VALUES (%s, %s, now() - %s::interval - interval '1 day')
"""
