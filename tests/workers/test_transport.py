"""The way to a mail server: over TLS or not at all, never for ever, and each failure is said to be whose it is."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest

from storage.mail.records import MailTemplate
from tests.cli.terminal import free_port
from tests.workers.mailing import ADDRESS, PASSWORD, SENDER, USER, Certificate, MailServer, serving
from workers.mail import transport as transports
from workers.mail.message import write
from workers.mail.settings import Security, mail_sender, mail_server
from workers.mail.transport import MailDeferred, MailRefused, MailServerAway, Transport

# They wait by the clock.
pytestmark = pytest.mark.long

MESSAGE = write(
    UUID("0190a000-0000-7000-8000-000000000001"),
    datetime(2026, 3, 2, 12, tzinfo=UTC),
    MailTemplate.TEST,
    {"reference": "r-1"},
    mail_sender(SENDER),
    ADDRESS,
)


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    """Of `localhost`."""
    return Certificate()


def test_a_mail_arrives_as_it_was_written(server: MailServer) -> None:
    """Byte for byte, from us, to the one it is for."""
    _send(server.url())
    [mail] = server.received
    assert (mail.sender, mail.recipients) == ("club@coffee.example", [ADDRESS])
    assert mail.content == MESSAGE


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd does not see the TLS below it
@pytest.mark.parametrize(("scheme", "starts_with_tls"), [("smtp", False), ("smtps", True)])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_login_and_the_mail_go_over_tls(
    certificate: Certificate, scheme: str, starts_with_tls: bool, host: str
) -> None:
    """Both ways of it, by name and by number."""
    with serving(certificate, starts_with_tls, wants_login=True) as server:
        _send(server.url(scheme, host), certificate.of_client)
        assert [(mail.was_over_tls, mail.user) for mail in server.received] == [(True, USER)]


@pytest.mark.parametrize(("scheme", "starts_with_tls"), [("smtp", False), ("smtps", True)])
def test_a_server_that_proves_nothing_gets_nothing(
    certificate: Certificate, tmp_path: Path, scheme: str, starts_with_tls: bool
) -> None:
    """Whoever stands in between could read every address and every pass."""
    other = Certificate("elsewhere.example")
    for shown, trust in ((certificate, None), (other, other.of_client)):
        with serving(shown, starts_with_tls) as server:
            assert "certificate" in _away(server.url(scheme, "localhost"), trust)
            assert server.received == []


def test_a_server_without_tls_gets_nothing(server: MailServer) -> None:
    """Somebody in between may have taken the offer out."""
    assert "STARTTLS" in _away(server.url("smtp"))
    assert server.received == []


def test_a_server_that_we_cannot_use_is_away(certificate: Certificate) -> None:
    """It is no fault of any mail, and the text is what an operator corrects it by. It holds no secret."""
    assert _away(f"smtp+plain://127.0.0.1:{free_port()}") == "Connection refused"
    assert _away("smtp://nowhere.invalid")
    assert _away(f"smtp://{'a' * 70}.example") == "its name cannot be a host's"
    with serving(certificate, wants_login=True) as server:
        trust = certificate.of_client
        wrong = server.url("smtp").replace(PASSWORD, "wonderland")
        assert _away(wrong, trust) == "it answered 535 to the login"
        assert "530" in _away(server.url("smtp").replace(f"{USER}:{PASSWORD}@", ""), trust)
        assert server.received == []


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        ("MAIL", "451 4.3.0 later", "MailDeferred 451"),
        ("MAIL", "552 5.3.4 too large", "MailRefused 552"),
        ("RCPT", f"450 4.2.0 <{ADDRESS}> is greylisted", "MailDeferred 450"),
        ("RCPT", "421 4.7.0 too many", "MailDeferred 421"),
        ("RCPT", f"550 5.1.1 <{ADDRESS}> is unknown", "RecipientRefused 550"),
        ("DATA", "452 4.2.2 full", "MailDeferred 452"),
        ("DATA", "554 5.7.1 spam", "MailRefused 554"),
    ],
)
def test_what_a_server_says_of_a_mail_is_the_mail_s(server: MailServer, command: str, answer: str, error: str) -> None:
    """4xx is for later, 5xx for ever. Of what it says only the code is kept: it quotes addresses."""
    server.answers[command].append(answer)
    with pytest.raises((MailDeferred, MailRefused)) as refused:
        _send(server.url())
    assert f"{type(refused.value).__name__} {refused.value.code}" == error
    assert "alice" not in str(refused.value) + repr(refused.value.__cause__)
    _send(server.url())


@pytest.mark.parametrize("answer", ["550 5.7.1 not yours", "530 5.7.0 log in"])
def test_a_sender_that_the_server_does_not_take_is_no_fault_of_the_mail(server: MailServer, answer: str) -> None:
    """The settings are wrong, and every mail would be given up for them."""
    server.answers["MAIL"].append(answer)
    assert answer[:3] in _away(server.url())


def test_a_connection_that_ends_after_the_mail_leaves_it_open_what_became_of_it(server: MailServer) -> None:
    """The server has it, and may have taken it: it is neither sent nor refused."""
    server.is_hanging_up = True
    with pytest.raises(OSError, match="closed"):
        _send(server.url())
    assert len(server.received) == 1


def test_a_mail_that_was_taken_is_sent_whatever_becomes_of_the_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a server that is slow to part would get each mail for days."""
    monkeypatch.setattr(transports, "MAIL_QUIT_LIMIT_S", 0.1)
    with _speaking(_take_a_mail_and_fall_silent) as port:
        _send(f"smtp+plain://127.0.0.1:{port}")


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+plain"])
@pytest.mark.parametrize("pause_s", [0.01, 60])
def test_a_server_that_says_nothing_or_never_ends_is_left_at_the_deadline(scheme: str, pause_s: float) -> None:
    """A letter now and then is within every timeout of a socket: the thread would be lost to all mails."""

    def drip(line: socket.socket) -> None:
        for _ in range(10_000):
            time.sleep(pause_s)
            line.sendall(b"2")

    began = time.monotonic()
    with _speaking(drip) as port:
        assert _away(f"{scheme}://127.0.0.1:{port}", limit_s=0.5) in _SAID_OF_SILENCE
    assert time.monotonic() - began < 10


def test_of_two_mails_the_one_that_came_later_is_left_first_where_it_has_less_time() -> None:
    """Whoever looks at all of them must hear of it."""

    def drip(line: socket.socket) -> None:
        for _ in range(1_000):
            time.sleep(0.01)
            line.sendall(b"2")

    with _speaking(drip) as patient, _speaking(drip) as hasty:
        first = Thread(target=_away, args=(f"smtp+plain://127.0.0.1:{patient}",), kwargs={"limit_s": 5.0})
        first.start()
        time.sleep(0.2)
        assert _away(f"smtp+plain://127.0.0.1:{hasty}", limit_s=0.3) in _SAID_OF_SILENCE
        assert first.is_alive()
        first.join()


def test_a_server_that_does_not_end_a_mail_is_left_at_the_deadline(server: MailServer) -> None:
    """What became of the mail is not known then."""
    server.on_data = lambda mail: time.sleep(1)
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on who notices first
        _send(server.url(), limit_s=0.5)


def test_nothing_is_sent_after_the_deadline(server: MailServer) -> None:
    """By then somebody else may be at it."""
    assert _away(server.url(), limit_s=-1.0) == "it did not answer in time"
    assert server.connections == 0


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", ("mail.example", 587, Security.STARTTLS, "", "")),
        ("smtps://mail.example", ("mail.example", 465, Security.TLS, "", "")),
        ("smtp+plain://localhost", ("localhost", 25, Security.PLAIN, "", "")),
        ("smtp+plain://[::1]:2525/", ("::1", 2525, Security.PLAIN, "", "")),
        ("smtp://a%40b:%2F%3A@mail.example:25", ("mail.example", 25, Security.STARTTLS, "a@b", "/:")),
    ],
)
def test_a_url_names_a_server(url: str, server: tuple[object, ...]) -> None:
    """As people write them; without a port, the usual one."""
    assert mail_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://user:secret@",
        "smtp://user:se/cret@mail.example",
        "smtp://user:secret@mail.example:port",
        "smtp://user:secret@mail.example/inbox",
        "smtp://user:secret@mail.example?tls=no",
        "smtp+plain://user:secret@mail.example",
        "smtp+plain://192.0.2.1",
    ],
)
def test_a_url_that_names_none_is_refused_without_being_quoted(url: str) -> None:
    """It holds a password. Without TLS nothing leaves this host."""
    with pytest.raises(ValueError, match=r"write it as smtp://|smtp\+plain is for 127\.0\.0\.1") as refused:
        mail_server(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


_SAID_OF_SILENCE = (
    "it did not answer in time",
    "TLS failed (WRONG_VERSION_NUMBER): smtp:// is for a server that does not begin with it",
)


def _send(url: str, trust: ssl.SSLContext | None = None, limit_s: float = 10.0) -> None:
    transport = Transport(mail_server(url), mail_sender(SENDER), trust)
    transport.send(MESSAGE, ADDRESS, time.monotonic() + limit_s)


def _away(url: str, trust: ssl.SSLContext | None = None, limit_s: float = 10.0) -> str:
    with pytest.raises(MailServerAway) as away:
        _send(url, trust, limit_s)
    assert PASSWORD not in str(away.value)
    return str(away.value)


@contextmanager
def _speaking(speak: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of somebody who speaks so to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError), listening.accept()[0] as line:
                speak(line)

        Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def _take_a_mail_and_fall_silent(line: socket.socket) -> None:
    with line.makefile("rwb", buffering=0) as lines:
        lines.write(b"220 mail.test\r\n")
        for answer in (b"250 mail.test", b"250 OK", b"250 OK", b"354 go on"):
            lines.readline()
            lines.write(answer + b"\r\n")
        while lines.readline() != b".\r\n":
            pass
        lines.write(b"250 OK\r\n")
        lines.readline()
        time.sleep(60)
