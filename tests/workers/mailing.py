"""A mail server that says what a test tells it to, and customers to whom mails are planned."""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple
from uuid import UUID

from aiosmtpd.smtp import SMTP, AuthResult

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


class Received(NamedTuple):
    """A mail that the server was given, whatever it answered."""

    sender: str
    recipients: list[str]
    content: bytes
    was_over_tls: bool
    user: str


class MailServer:
    """Takes mails on a port of loopback. `answers` are given first, by command, in their order; then all is well.

    `on_data` is called with a mail in hand, before it is answered. `is_hanging_up` ends the connection instead.
    """

    def __init__(
        self,
        trust: "Certificate | None" = None,
        starts_with_tls: bool = False,
        wants_login: bool = False,
        port: int = 0,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.answers: defaultdict[str, list[str]] = defaultdict(list)
        self.on_data: Callable[[], None] = lambda: None
        self.is_hanging_up = False
        self._tls = trust.of_server if trust else None
        self._starts_with_tls = starts_with_tls
        self._wants_login = wants_login
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(self._listen(port))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def url(self, scheme: str = "smtp+plain", host: str = "127.0.0.1") -> str:
        """How it is named in settings."""
        login = f"{USER}:{PASSWORD}@" if self._wants_login else ""
        return f"{scheme}://{login}{host}:{self.port}"

    def close(self) -> None:
        """Nobody is there any more."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """As aiosmtpd asks."""
        envelope.mail_from = address
        return self._answer("MAIL")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """As aiosmtpd asks."""
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """As aiosmtpd asks."""
        user = session.auth_data.decode() if session.auth_data else ""
        is_over_tls = session.ssl is not None or self._starts_with_tls
        mail = Received(envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.content), is_over_tls, user)
        self.received.append(mail)
        await self._loop.run_in_executor(None, self.on_data)
        if self.is_hanging_up:
            server.transport.abort()
        return self._answer("DATA")

    def _answer(self, command: str) -> str:
        return self.answers[command].pop(0) if self.answers[command] else "250 OK"

    def _protocol(self) -> SMTP:
        self.connections += 1
        return SMTP(
            self,
            hostname="mail.test",
            ident="Test",
            loop=self._loop,
            tls_context=None if self._starts_with_tls else self._tls,
            require_starttls=self._tls is not None and not self._starts_with_tls,
            auth_required=self._wants_login,
            auth_require_tls=not self._starts_with_tls,
            authenticator=self._authenticate,
        )

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False, auth_data=data.login)

    async def _listen(self, port: int) -> asyncio.Server:
        tls = self._tls if self._starts_with_tls else None
        return await self._loop.create_server(self._protocol, "127.0.0.1", port, ssl=tls)

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


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
