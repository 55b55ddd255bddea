"""`fealty mail test`, and what `fealty doctor` says of mail: whether it gets through, before a customer misses one."""

import json
import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from storage.engine.database import Database, connection
from tests.cli.terminal import Terminal, free_port, sentence
from tests.workers.mailing import (
    ADDRESS,
    PASSWORD,
    SENDER,
    USER,
    Certificate,
    create_member,
    plan_test,
    serving,
)


def test_a_test_mail_arrives_with_the_reference_that_was_printed(connected: Terminal, tmp_path: Path) -> None:
    """An operator sees that this very mail arrives, sent as workers send. Nothing of it is kept."""
    trust = Certificate()
    with serving(trust, wants_login=True) as server:
        url = server.url("smtp", "localhost")
        told = {"FEALTY_MAIL_URL": url, "FEALTY_MAIL_SENDER": SENDER, "SSL_CERT_FILE": str(trust.file)}
        outcome = connected.run("mail", "test", ADDRESS, **told)
        assert (outcome.code, outcome.err) == (0, "")
        [mail] = server.received
    assert (mail.recipients, mail.was_over_tls, mail.user) == ([ADDRESS], True, USER)
    found = re.search(
        r"has taken the mail, from Coffee Club <club@coffee\.example>, with the reference (\w+)\.", outcome.out
    )
    assert found
    assert found[1] in message_from_bytes(mail.content)["Subject"]
    assert url.replace(PASSWORD, "***") in outcome.out
    assert PASSWORD not in outcome.out


def test_what_keeps_a_test_mail_from_arriving_is_one_sentence(connected: Terminal) -> None:
    """With what to correct, and neither the password nor the address, which may be a customer's."""
    away = f"smtp+plain://{USER}:{PASSWORD}@127.0.0.1:{free_port()}"
    said = _said(connected, away)
    assert f"The mail server at {away.replace(PASSWORD, '***')} cannot be used (Connection refused)" in said
    assert "FEALTY_MAIL_URL" in said
    with serving() as server:
        server.answers["RCPT"].append(f"550 5.1.1 <{ADDRESS}> is unknown")
        assert "it answered 550" in _said(connected, server.url())
        server.is_hanging_up = True
        assert "try again" in _said(connected, server.url())
        assert "no address" in _said(connected, server.url(), "alice")
    assert "FEALTY_MAIL_URL" in sentence(connected.run("mail", "test", ADDRESS))


def test_doctor_says_whether_the_mail_server_lets_us_in(connected: Terminal, database: Database) -> None:
    """It asks as a worker would, and sends nothing."""
    assert _checks(connected)["mail server"]["ok"]
    with serving() as server:
        found = _checks(connected, FEALTY_MAIL_URL=server.url(), FEALTY_MAIL_SENDER=SENDER)
        assert found["mail server"]["ok"]
        assert found["mail server"]["found"] == f"{server.url()} lets us in, to send as {SENDER}"
        assert server.received == []
    found = _checks(connected, FEALTY_MAIL_URL=server.url(), FEALTY_MAIL_SENDER=SENDER)
    assert not found["mail server"]["ok"]
    assert "FEALTY_MAIL_URL" in found["mail server"]["advice"]


def test_doctor_says_what_mails_wait_for(connected: Terminal, database: Database) -> None:
    """Without a server they wait for the operator; with one, not for longer than an hour. Later ones do not wait."""
    create_member(database)
    assert _checks(connected)["mails"]["found"] == "none waits"
    plan_test(database)
    with connection(database) as books:
        books.execute("UPDATE task SET first_due_at = now() - interval '30 minutes', created_at = '2020-01-01'")
        books.execute(_FAILED)
    plan_test(database, due_at=LATER)
    waiting = _checks(connected)["mails"]
    assert not waiting["ok"]
    assert "FEALTY_MAIL_URL" in waiting["advice"]
    assert re.fullmatch(r"1 wait, the oldest for 180\d s; given up within a day: 2 MailRefused 550", waiting["found"])
    set_ = {"FEALTY_MAIL_URL": f"smtp+plain://127.0.0.1:{free_port()}", "FEALTY_MAIL_SENDER": SENDER}
    assert _checks(connected, **set_)["mails"]["ok"]
    assert _checks(connected, **set_)["tasks"]["found"] == "none open"
    with connection(database) as books:
        books.execute("UPDATE task SET first_due_at = now() - interval '61 minutes' WHERE first_due_at < now()")
    assert "queue mail" in _checks(connected, **set_)["mails"]["advice"]


@pytest.mark.parametrize(
    ("url", "sender", "variable"),
    [
        (f"smtp://{USER}:{PASSWORD}/1@mail.example", SENDER, "FEALTY_MAIL_URL"),
        (f"smtp+plain://{USER}:{PASSWORD}@mail.example", SENDER, "FEALTY_MAIL_URL"),
        (f"smtp://{USER}:{PASSWORD}@mail.example", "", "FEALTY_MAIL_SENDER"),
        (f"smtp://{USER}:{PASSWORD}@mail.example", "the club", "FEALTY_MAIL_SENDER"),
    ],
)
def test_settings_that_cannot_be_used_keep_a_worker_from_starting(
    connected: Terminal, url: str, sender: str, variable: str
) -> None:
    """A mail that fails tells nobody; a worker that does not start does."""
    said = sentence(connected.run("worker", FEALTY_MAIL_URL=url, FEALTY_MAIL_SENDER=sender))
    assert variable in said
    assert "write it as" in said or "without TLS" in said
    assert PASSWORD not in said


LATER = datetime.now(UTC) + timedelta(days=3)

_FAILED = """
INSERT INTO mail (
    id, program, customer, template, arguments, created_at, activity, state, error, ended_at, end_activity
)
SELECT gen_random_uuid(), program, customer, 'test', '{}', now(), activity, 'FAILED', 'MailRefused 550', now() - age,
       activity
FROM mail, (VALUES (interval '1 hour'), (interval '23 hours'), (interval '25 hours')) AS ages (age)
"""


def _said(terminal: Terminal, url: str, address: str = ADDRESS) -> str:
    said = sentence(terminal.run("mail", "test", address, FEALTY_MAIL_URL=url, FEALTY_MAIL_SENDER=SENDER))
    assert PASSWORD not in said
    assert "alice" not in said
    return said


def _checks(terminal: Terminal, **variables: str) -> dict[str, Any]:
    outcome = terminal.run("doctor", "--json", **variables)
    assert outcome.err == ""
    return {check["check"]: check for check in json.loads(outcome.out)["checks"]}
