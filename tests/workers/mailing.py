"""A mail server that says what a test tells it to, and customers to whom mails are planned."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from storage.activity.commands import Scope, record
from storage.customers.commands import CreateCustomer
from storage.customers.queries import Profile
from storage.engine.commands import carry_out
from storage.engine.database import Database
from storage.engine.unit import transaction
from storage.mail.commands import plan_mail
from storage.mail.records import MailTemplate
from storage.tasks.commands import claim
from tests.personal import KEYRING
from tests.workers.acting import figure
from tests.workers.customers import ORIGIN, asked, create_program
from walletkit.smtp import MailServer as StandIn
from workers.actors.mail import send_mail
from workers.external import ExternalActor, ExternalRunner
from workers.mail.settings import mail_sender, mail_server
from workers.mail.transport import Transport
from workers.outage import Outage

ADDRESS = "alice.liddell@example.com"
NAME = "Alice Liddell"
SENDER = "Coffee Club <club@coffee.example>"
STATE = "SELECT state, error, tries FROM mail"
TASK = "SELECT state, attempts, last_error FROM task WHERE actor = 'send_mail'"
USER, PASSWORD = "fealty", "looking-glass"


class MailServer(StandIn):
    """One on loopback, with the certificate of `trust` and the login of these tests."""

    def __init__(
        self,
        trust: "Certificate | None" = None,
        starts_with_tls: bool = False,
        wants_login: bool = False,
        port: int = 0,
    ) -> None:
        self._named = f"{USER}:{PASSWORD}@" if wants_login else ""
        login = (USER, PASSWORD) if wants_login else None
        super().__init__(trust.of_server if trust else None, starts_with_tls, login, port)

    def url(self, scheme: str = "smtp+plain", host: str = "127.0.0.1") -> str:
        """How it is named in settings."""
        return f"{scheme}://{self._named}{host}:{self.port}"


class Certificate:
    """One that nobody believes but who is told to: for `name`, and the one of localhost for 127.0.0.1 too.

    Made once, for a hundred years, with the key beside it: nothing but these tests ever shows it.
    """

    def __init__(self, name: str = "localhost") -> None:
        self.file = Path(__file__).parent / "certificates" / f"{name}.pem"
        self.of_server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.of_server.load_cert_chain(self.file)

    @property
    def of_client(self) -> ssl.SSLContext:
        """Who believes it, and nothing else."""
        return ssl.create_default_context(cafile=str(self.file))


@contextmanager
def serving(*arguments: Any, **options: Any) -> Iterator[MailServer]:
    """A mail server, as long as the block lasts."""
    server = MailServer(*arguments, **options)
    try:
        yield server
    finally:
        server.close()


def create_member(database: Database, email: str = ADDRESS, name: str = NAME, customer_id: str = "c-1") -> None:
    """A customer with an address, in the program `club`, which is made where there is none."""
    if not figure(database, "SELECT count(*) FROM program"):
        create_program(database, "club", None)
    carry_out(database, CreateCustomer("club", customer_id, Profile(display_name=name, email=email), asked()), KEYRING)


def plan_test(database: Database, reference: str = "r-1", due_at: datetime | None = None, customer: int = 1) -> UUID:
    """Plans a mail of the template `test`."""
    with transaction(database) as unit:
        activity = record(unit, ORIGIN, "programs/club/customers/c-1", Scope(1, customer))
        return UUID(plan_mail(unit, 1, customer, MailTemplate.TEST, {"reference": reference}, activity, due_at))


def sending(url: str, trust: Certificate | None = None) -> ExternalActor[Any, Any]:
    """The actor that sends over the server of that URL."""
    return send_mail(Transport(mail_server(url), mail_sender(SENDER), trust.of_client if trust else None))


def work_on(database: Database, actor: ExternalActor[Any, Any], task: str) -> None:
    """As a worker does."""
    ExternalRunner(actor, database, Event(), Outage("database")).run(task)


def work_and_close(database: Database, actor: ExternalActor[Any, Any], task: str) -> None:
    """The same, on a thread of its own."""
    work_on(database, actor, task)
    database.close()


def sent(database: Database) -> str:
    """The one task that the relay sends now."""
    [task] = all_sent(database)
    return task


def all_sent(database: Database) -> list[str]:
    """All tasks that the relay sends now."""
    with transaction(database) as unit:
        return [task.id for task in claim(unit.connection, 100, timedelta(hours=1))]
