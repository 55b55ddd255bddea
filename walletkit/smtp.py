"""A stand-in of a mail server: it takes mails over SMTP on loopback, and keeps them.

It can want TLS and a login, as real ones do, refuse any step of a mail with any answer, and hang up over a mail.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult


class Received(NamedTuple):
    """A mail that the server was given, whatever it answered."""

    sender: str
    recipients: list[str]
    content: bytes
    was_over_tls: bool
    user: str

    @property
    def message(self) -> EmailMessage:
        """Taken apart."""
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self) -> str:
        """What a reader without HTML shows; empty where there is nothing."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""

    def attached(self, content_type: str) -> list[bytes]:
        """The files of that type."""
        parts = self.message.iter_attachments()
        return [part.get_content() for part in parts if part.get_content_type() == content_type]


class MailServer:
    """Listens from the moment that it is made until `close`, on a thread of its own; port 0: on a free one.

    With `tls`, nobody may say anything before STARTTLS; or, if it `starts_with_tls`, all of it is within TLS. With a
    `login`, a user and a password, nobody sends without.

    `answers` are given first, by command (MAIL, RCPT, DATA), in their order; then all is well. `on_data` is called with
    a mail in hand, before it is answered, on a thread that may wait. `is_hanging_up` ends the connection instead.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        starts_with_tls: bool = False,
        login: tuple[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.answers: defaultdict[str, list[str]] = defaultdict(list)
        self.on_data: Callable[[Received], None] = lambda mail: None
        self.is_hanging_up = False
        self._tls = tls
        self._starts_with_tls = starts_with_tls
        self._login = login
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="mail server", daemon=True)
        self._thread.start()
        self._server = self._run(self._listen(port))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Nobody is there any more."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> "MailServer":
        """Listening."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closed."""
        self.close()

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
        await self._loop.run_in_executor(None, self.on_data, mail)
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
            auth_required=self._login is not None,
            auth_require_tls=not self._starts_with_tls,
            authenticator=self._authenticate,
        )

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_right = self._login is not None and (data.login.decode(), data.password.decode()) == self._login
        return AuthResult(success=is_right, handled=False, auth_data=data.login)

    async def _listen(self, port: int) -> asyncio.Server:
        tls = self._tls if self._starts_with_tls else None
        return await self._loop.create_server(self._protocol, "127.0.0.1", port, ssl=tls)

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
