"""Brings mails to a mail server over SMTP: one connection each, over TLS, and never longer than it may take.

Says of each failure whose it is: the server's (MailServerAway: no mail would get through now), or the mail's
(MailDeferred, MailRefused). Where the connection breaks in the middle of a mail, nobody knows what became of it: that
leaves as it comes, and the mail is to be sent again.
"""

import itertools
import math
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from email.headerregistry import Address
from threading import Condition, Thread

from workers.failures import Permanent, Refused
from workers.limits import MAIL_ANSWER_LIMIT_S, MAIL_CONNECT_LIMIT_S, MAIL_QUIT_LIMIT_S
from workers.mail.settings import MailServer, Security, mail_sender, mail_server
from workers.settings import WorkerSettings

# They mean that we may not send at all, whichever step they answer (RFC 4954).
_LOGIN_WANTED = (530, 534, 535, 538)
# The one refusal of MAIL that is about the mail: it is too large (RFC 1870).
_TOO_LARGE = 552
# What of RCPT is about the address where nothing more is said (RFC 5321, 4.2.3).
_NO_SUCH_ADDRESS = (550, 551, 553)
# An enhanced status code (RFC 2034): class, subject, detail.
_STATUS = re.compile(rb"([245]\.[0-9]{1,3})\.[0-9]{1,3}\b")
_LATE = "it did not answer in time"


class MailServerAway(Exception):
    """The mail server cannot be reached, cannot be trusted, or does not let us send; the text says why, and names
    nobody."""


class MailDeferred(Refused):
    """The server does not take the mail now (4xx)."""


class MailRefused(Permanent):
    """The server will not take the mail (5xx)."""


class RecipientRefused(MailRefused):
    """The server says that there is no such address (5.1.x, RFC 3463), and would say so of every mail."""


class Transport:
    """One mail server, and the address that we send as. `trust`: whose certificates are believed; by default those
    that this host believes."""

    def __init__(self, server: MailServer, sender: Address, trust: ssl.SSLContext | None = None) -> None:
        self.sender = sender
        self._server = server
        self._trust = trust or ssl.create_default_context()

    def send(self, message: bytes, recipient: str, deadline: float) -> None:
        """Returns once the server has taken the mail; by `deadline`, an instant of `time.monotonic`.

        Raises MailServerAway, MailDeferred, MailRefused, RecipientRefused; OSError where nobody knows what became of
        it.
        """
        with self._connected(deadline) as session:
            try:
                session.sendmail(self.sender.addr_spec, [recipient], message)
            except smtplib.SMTPSenderRefused as error:
                if error.smtp_code >= 500 and error.smtp_code != _TOO_LARGE:
                    raise MailServerAway(f"it answered {error.smtp_code} to our sender address") from None
                raise _of_mail(error.smtp_code) from None
            except smtplib.SMTPRecipientsRefused as error:
                [(code, said)] = error.recipients.values()
                raise _of_recipient(code, said) from None
            except smtplib.SMTPResponseException as error:
                raise _of_mail(error.smtp_code) from None
            # It has taken the mail: whatever becomes of the farewell does not matter.
            with suppress(OSError):
                assert session.sock is not None
                session.sock.settimeout(MAIL_QUIT_LIMIT_S)
                session.quit()

    def check(self, deadline: float) -> None:
        """Returns where the server would let us send. Raises MailServerAway."""
        with self._connected(deadline):
            pass

    @contextmanager
    def _connected(self, deadline: float) -> Iterator[smtplib.SMTP]:
        with ExitStack() as ends:
            try:
                line = ends.enter_context(_dial(self._server.host, self._server.port, deadline))
                ends.enter_context(_cutter.cut_at(line, deadline))
                session = ends.enter_context(closing(self._greet(line)))
            except (OSError, UnicodeError) as error:
                is_late = time.monotonic() >= deadline
                raise MailServerAway(_LATE if is_late else _reason(error)) from None
            # A server may look at a mail for long before it takes it.
            assert session.sock is not None
            session.sock.settimeout(max(0.1, deadline - time.monotonic()))
            yield session

    def _greet(self, line: socket.socket) -> smtplib.SMTP:
        host, port, security, user, password = self._server
        # What we call ourselves: the address, for to find out a name may take the resolver's time (RFC 5321, 4.1.3).
        own = line.getsockname()[0]
        own = f"[IPv6:{own}]" if ":" in own else f"[{own}]"
        if security is Security.TLS:
            line = self._trust.wrap_socket(line, server_hostname=host)
        session = _Session(line, host, port, own)
        try:
            session.ehlo_or_helo_if_needed()
            if security is Security.STARTTLS:
                session.starttls(context=self._trust)
            if user:
                session.login(user, password)
        except BaseException:
            session.close()
            raise
        return session


def open_transport(settings: WorkerSettings) -> Transport | None:
    """The one that the settings name; None where they name none. Connects nothing yet."""
    if settings.mail_url is None:
        return None
    return Transport(mail_server(settings.mail_url.get_secret_value()), mail_sender(settings.mail_sender))


class _Session(smtplib.SMTP):
    """smtplib's, over a connection that stands."""

    def __init__(self, line: socket.socket, host: str, port: int, own_name: str) -> None:
        self._line = line
        super().__init__(host, port, local_hostname=own_name)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._line


def _dial(host: str, port: int, deadline: float) -> socket.socket:
    """A connection to the first of the host's addresses that answers."""
    failed: OSError = TimeoutError()
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(min(MAIL_CONNECT_LIMIT_S, left_s))
            line.connect(address)
        except OSError as error:
            line.close()
            failed = error
        else:
            line.settimeout(MAIL_ANSWER_LIMIT_S)
            return line
    raise failed


class _Cutter:
    """Ends connections at their instants, all of them on one thread: one for each mail takes as long to begin as the
    mail to write."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[float, socket.socket]] = {}
        self._numbers = itertools.count()
        self._changed = Condition()
        self._looks_at = math.inf
        self._thread: Thread | None = None

    @contextmanager
    def cut_at(self, line: socket.socket, deadline: float) -> Iterator[None]:
        """Ends the connection at that instant: a server that says a little, again and again, is within every
        timeout."""
        # TLS takes the socket over, and the connection stays the same.
        with line.dup() as same:
            number = next(self._numbers)
            with self._changed:
                self._lines[number] = deadline, same
                if self._thread is None:
                    self._thread = Thread(target=self._watch, name="cutter", daemon=True)
                    self._thread.start()
                if deadline < self._looks_at:
                    self._changed.notify()
            try:
                yield
            finally:
                with self._changed:
                    self._lines.pop(number, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for number, (deadline, line) in list(self._lines.items()):
                    if deadline <= now:
                        del self._lines[number]
                        with suppress(OSError):
                            line.shutdown(socket.SHUT_RDWR)
                self._looks_at = min((deadline for deadline, _ in self._lines.values()), default=math.inf)
                self._changed.wait(None if self._looks_at == math.inf else self._looks_at - now)


_cutter = _Cutter()


def _of_mail(code: int) -> Exception:
    if code in _LOGIN_WANTED:
        return MailServerAway(f"it answered {code}: it wants a login")
    return MailRefused(code) if 500 <= code < 600 else MailDeferred(code)


def _of_recipient(code: int, said: bytes) -> Exception:
    """A server that says more than the code says whether it means the address, or us (5.7.x), or a box that is full
    (5.2.x)."""
    status = _STATUS.match(said)
    is_address = status[1] == b"5.1" if status else code in _NO_SUCH_ADDRESS
    return RecipientRefused(code) if is_address and 500 <= code < 600 else _of_mail(code)


def _reason(error: OSError | UnicodeError) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"it answered {error.smtp_code} to the login"
        case smtplib.SMTPResponseException():
            return f"it answered {error.smtp_code}"
        case smtplib.SMTPServerDisconnected():
            return _LATE if isinstance(error.__context__, TimeoutError) else "it closed the connection"
        case smtplib.SMTPNotSupportedError() if "STARTTLS" in str(error):
            return "it offers no STARTTLS: smtps:// is for TLS from the first byte, smtp+plain:// for none on this host"
        case smtplib.SMTPNotSupportedError():
            return "it takes no login: leave user and password out"
        case TimeoutError():
            return _LATE
        case ssl.SSLCertVerificationError():
            return f"its certificate cannot be verified: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed ({error.reason}): smtp:// is for a server that does not begin with it"
        case OSError():
            return error.strerror or type(error).__name__
    return "its name cannot be a host's"
