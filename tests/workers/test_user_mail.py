"""Mails to users: a code, a token to set a password again, an invitation; made when they are sent, and kept nowhere."""

from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import redis

from rules.access import Role
from rules.activity import PASSWORD_RESET, by_operator
from storage.access import emailed_tokens
from storage.activity.commands import Scope, record
from storage.engine.database import Database, connection
from storage.engine.unit import Unit, run
from storage.logins import codes, passwords
from storage.logins.records import Purpose
from storage.mail import commands as mails
from storage.mail.commands import plan_user_mail
from storage.mail.records import MailTemplate
from storage.tasks.commands import claim
from tests.databases import SEEN
from tests.personal import ACCESS, KEYRING, key_file
from tests.server.logging_in import EMAIL, make_user
from tests.workers.acting import rows
from tests.workers.customers import create_program
from tests.workers.mailing import SENDER, STATE, MailServer, all_sent, sent, work_on
from workers.actors.logins import mail_reset
from workers.actors.mail import send_mail
from workers.broker import Broker
from workers.external import ExternalActor
from workers.mail.secrets import Secrets
from workers.mail.settings import mail_sender, mail_server
from workers.mail.transport import Transport

CONSOLE = "https://console.coffee.example"


def actor(server: MailServer, console_url: str = "", path: Path | None = None) -> ExternalActor[Any, str]:
    """The actor of a worker that has the file of keys."""
    transport = Transport(mail_server(server.url()), mail_sender(SENDER))
    return send_mail(transport, secrets=Secrets(path or key_file(), console_url))


def invite(database: Database, purpose: Purpose = Purpose.INVITATION, state: str = "INVITED") -> tuple[str, str]:
    """A user to whom a token is mailed; their id, and the token as whoever made it got it."""
    create_program(database, "club", None)
    user = make_user(database, state=state, role=Role.PARTNER, program="club")

    def make(unit: Unit) -> str:
        unit.keyring = KEYRING
        activity = record(unit, by_operator(PASSWORD_RESET), f"users/{user.id}", Scope(1))
        unit.write()
        return emailed_tokens.make(unit, user.id, purpose, activity, 1)

    return user.id, run(database, make)


def text_of(server: MailServer, number: int = 0) -> tuple[str, str]:
    """Subject and text of a mail that was received."""
    message = message_from_bytes(server.received[number].content)
    plain = message.get_payload(0).get_payload(decode=True)  # type: ignore[union-attr]
    assert isinstance(plain, bytes)
    return str(message["Subject"]), plain.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("purpose", "state", "page"),
    [(Purpose.INVITATION, "INVITED", "accept-invitation"), (Purpose.RESET, "ACTIVE", "reset-password")],
)
def test_a_token_is_mailed_as_a_link_or_to_be_typed_and_lies_nowhere(
    database: Database, server: MailServer, purpose: Purpose, state: str, page: str
) -> None:
    """Behind the #, of which no server hears; the mail alone has it, and not in its subject."""
    user, token = invite(database, purpose, state)
    task = sent(database)
    tables = {name: str(rows(database, f'SELECT t::text FROM "{name}" t')) for (name,) in rows(database, SEEN)}
    work_on(database, actor(server, CONSOLE), task)
    [received] = server.received
    assert received.recipients == [EMAIL]
    subject, text = text_of(server)
    assert f"{CONSOLE}/{page}#{token}\n" in text
    tables |= {name: str(rows(database, f'SELECT t::text FROM "{name}" t')) for (name,) in rows(database, SEEN)}
    secret = token.partition("-")[2]
    assert [name for name, found in tables.items() if secret in found] == []
    assert secret not in subject
    assert [name for name, found in tables.items() if EMAIL in found] == ["app_user"]
    [(body, program)] = rows(database, "SELECT body::jsonb, program FROM activity WHERE action = 'mail.sent'")
    assert (body["subject"], body["category"], program) == (f"users/{user}", "SYSTEM", 1)


def test_without_a_console_the_mail_says_what_is_to_be_typed(database: Database, server: MailServer) -> None:
    """A link to nowhere would be worse."""
    _, token = invite(database)
    work_on(database, actor(server), sent(database))
    assert f"\n{token}\n" in text_of(server)[1]


@pytest.mark.parametrize("over", ["used_at", "voided_at", "expires_at"])
def test_a_token_that_is_good_no_more_is_not_mailed(database: Database, server: MailServer, over: str) -> None:
    """A mail server that was away for days must not hand out what nobody can use."""
    invite(database)
    with connection(database) as books:
        books.execute(f"UPDATE emailed_token SET {over} = now() - interval '1 min'".encode())
    work_on(database, actor(server), sent(database))
    assert (server.received, rows(database, STATE)) == ([], [("FAILED", "Over", 1)])


def test_a_code_is_mailed_and_the_same_each_time_it_is_tried(database: Database, server: MailServer) -> None:
    """Whoever gets it twice must not have two, of which one is wrong."""
    user = make_user(database, role=None)

    def make(unit: Unit) -> str:
        activity = record(unit, by_operator(PASSWORD_RESET), f"users/{user.id}")
        unit.write()
        code = codes.make(unit, user.id, None, activity)
        plan_user_mail(unit, user.id, MailTemplate.LOGIN_CODE, {"code": str(code)}, activity)
        return ACCESS.mailed_code(code)

    code = run(database, make)
    [(mail,)] = rows(database, "SELECT id FROM mail")

    def words(unit: Unit) -> object:
        letter = mails.begin(unit, mail)
        assert letter is not None
        return Secrets(key_file(), "").words(unit, letter)

    # As by two workers, of which one was killed behind the mail server's answer.
    assert [run(database, words) for _ in range(2)] == [{"code": code, "minutes": 10}] * 2
    work_on(database, actor(server), sent(database))
    subject, text = text_of(server)
    assert f"\n{code}\n" in text
    assert code not in subject


def test_a_worker_without_the_keys_leaves_it_to_another(database: Database, server: MailServer, tmp_path: Path) -> None:
    """It is tried again, and nothing of it is lost."""
    invite(database)
    task = sent(database)
    work_on(database, actor(server, path=tmp_path / "none"), task)
    assert server.received == []
    assert rows(database, "SELECT state FROM mail") == [("PLANNED",)]
    assert rows(database, "SELECT last_error FROM task WHERE actor = 'send_mail'") == [("KeyringError",)]


@pytest.mark.parametrize(("state", "mails"), [("ACTIVE", 1), ("LOCKED", 0), ("INVITED", 0), ("ARCHIVED", 0), ("", 0)])
def test_a_reset_is_mailed_to_who_may_log_in_and_to_nobody_else(
    database: Database, server: MailServer, state: str, mails: int
) -> None:
    """Found out behind the call, which did the same for all."""
    if state:
        make_user(database, state=state, role=None)
    origin = by_operator(PASSWORD_RESET)
    run(database, lambda unit: passwords.request_reset(unit, EMAIL, origin))
    [(args,)] = rows(database, "SELECT args FROM task")
    assert run(database, lambda unit: mail_reset(unit, args))
    assert rows(database, "SELECT count(*) FROM mail") == [(mails,)]
    [task, *more] = all_sent(database)
    for one in (task, *more):
        work_on(database, actor(server), one)
    assert [mail.recipients for mail in server.received] == [[EMAIL]] * mails


def test_nothing_of_it_comes_into_the_broker(database: Database, messages: Broker, redis_url: str) -> None:
    """A message is the id of a task: what its arguments hold is the id of a row."""
    _, token = invite(database)
    arguments = str(rows(database, "SELECT args, unique_key FROM task")) + str(
        rows(database, "SELECT arguments FROM mail")
    )
    assert token.partition("-")[2] not in arguments
    assert EMAIL not in arguments
    run(database, lambda unit: messages.send_many(claim(unit.connection, 10, timedelta(hours=1))))
    with redis.Redis.from_url(redis_url) as client:
        kept = str([(key, client.hgetall(key) if client.type(key) == b"hash" else b"") for key in client.scan_iter()])
    assert "send_mail" in kept
    assert token.partition("-")[2] not in kept
    assert EMAIL not in kept
