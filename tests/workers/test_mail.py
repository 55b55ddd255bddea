"""Mails from their plan to a real mail server, and what becomes of those that it does not take."""

import json
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from storage.customers.merging import MergeCustomers
from storage.engine.commands import carry_out
from storage.engine.database import Database
from storage.engine.ids import typeid
from tests.cli.terminal import free_port
from tests.workers.acting import figure, make_due, rows
from tests.workers.customers import asked
from tests.workers.mailing import (
    ADDRESS,
    PASSWORD,
    STATE,
    TASK,
    Certificate,
    MailServer,
    all_sent,
    create_member,
    plan_test,
    sending,
    sent,
    serving,
    work_on,
)
from workers import gate as gates
from workers.actors.mail import send_mail
from workers.limits import GATE_RETRY_MIN_S


def test_a_mail_that_was_planned_is_sent_once_and_recorded(database: Database, server: MailServer) -> None:
    """Support sees in the log that it was sent, when, and as which mail; not to which address."""
    create_member(database)
    mail = plan_test(database)
    task = sent(database)
    for _ in range(2):
        work_on(database, sending(server.url()), task)
    [received] = server.received
    assert received.recipients == [ADDRESS]
    message = message_from_bytes(received.content)
    assert message["Message-ID"] == f"<{typeid('mail', mail.int)}@coffee.example>"
    assert rows(database, STATE) == [("SENT", None, 1)]
    assert rows(database, TASK) == [("DONE", 1, None)]
    [(body, at)] = rows(database, _ENDED)
    assert json.loads(body)["details"] == {"mail": typeid("mail", mail.int), "template": "test", "tries": 1}
    assert (json.loads(body)["subject"], json.loads(body)["actor"]["type"]) == (
        "programs/club/customers/c-1",
        "SYSTEM",
    )
    assert at is not None


def test_a_mail_goes_to_the_address_that_its_customer_has_when_it_is_sent(
    database: Database, server: MailServer
) -> None:
    """It was corrected meanwhile; or the customer was merged, and is somebody with an address of today."""
    create_member(database)
    create_member(database, "alice@new.example", customer_id="c-2")
    plan_test(database)
    carry_out(database, MergeCustomers("club", "c-1", "club", "c-2", asked()))
    work_on(database, sending(server.url()), sent(database))
    assert [mail.recipients for mail in server.received] == [["alice@new.example"]]


@pytest.mark.parametrize("address", ["", "not an address"])
def test_a_customer_without_an_address_gets_no_mail_and_the_log_says_so(
    database: Database, server: MailServer, address: str
) -> None:
    """There is nothing to try again."""
    create_member(database, address)
    plan_test(database)
    work_on(database, sending(server.url()), sent(database))
    assert server.connections == 0
    assert rows(database, STATE) == [("FAILED", "NoAddress", 1)]
    assert rows(database, TASK) == [("DONE", 1, None)]
    told = json.loads(rows(database, _ENDED)[0][0])
    assert (told["action"], [(told["cause"],)]) == ("mail.failed", rows(database, "SELECT activity::text FROM mail"))


def test_a_mail_that_the_server_wants_later_is_sent_later_as_the_same_mail(
    database: Database, server: MailServer
) -> None:
    """Servers turn strangers away once, and take them ten minutes later (greylisting)."""
    create_member(database)
    plan_test(database)
    server.answers["RCPT"] += [f"450 4.2.0 <{ADDRESS}> is greylisted"] * 2
    actor = sending(server.url())
    for attempt, minutes in ((1, 1), (2, 2)):
        work_on(database, actor, sent(database))
        assert rows(database, TASK) == [("READY", attempt, "MailDeferred 450")]
        assert figure(database, "SELECT round(extract(epoch FROM due_at - now()) / 60) FROM task") == minutes
        assert rows(database, STATE) == [("PLANNED", None, attempt)]
        make_due(database)
    work_on(database, actor, sent(database))
    assert rows(database, STATE) == [("SENT", None, 3)]
    assert len(server.received) == 1


def test_a_mail_is_tried_for_three_days(database: Database) -> None:
    """Somebody empties a mailbox after a weekend; in a week the mail is of no use."""
    actor = send_mail(None)
    pauses = [actor.retry_after(attempts) for attempts in range(1, actor.attempts_max)]
    assert timedelta(days=3) < sum((pause for pause in pauses if pause), timedelta()) < timedelta(days=3, hours=8)
    assert actor.retry_after(actor.attempts_max) is None


def test_a_mail_that_is_refused_is_given_up_at_once(database: Database, server: MailServer) -> None:
    """The mailbox does not exist: whoever asks again and again is taken for a sender of spam."""
    create_member(database)
    plan_test(database)
    server.answers["RCPT"].append(f"550 5.1.1 <{ADDRESS}> is unknown here")
    work_on(database, sending(server.url()), sent(database))
    assert rows(database, STATE) == [("FAILED", "RecipientRefused 550", 1)]
    assert rows(database, TASK) == [("FAILED", 1, "RecipientRefused 550")]
    details = json.loads(rows(database, _ENDED)[0][0])["details"]
    assert (details["error"], details["tries"]) == ("RecipientRefused 550", 1)


def test_while_the_server_is_away_mails_wait_and_one_of_them_looks_whether_it_is_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage of days costs no mail a try, and no thread its time: only the first of ten goes to the server."""
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr(gates, "time", clock)
    create_member(database)
    for number in range(10):
        plan_test(database, f"r-{number}")
    port = free_port()
    actor = sending(f"smtp+plain://127.0.0.1:{port}")

    def work_on_all() -> None:
        make_due(database)
        for task in all_sent(database):
            work_on(database, actor, task)

    with capture_logs() as logged:
        work_on_all()
        assert rows(database, "SELECT DISTINCT state, attempts, last_error FROM task") == [("SENT", 1, "Away")]
        assert rows(database, "SELECT tries, count(*) FROM mail GROUP BY 1 ORDER BY 1") == [(0, 9), (1, 1)]
        with serving(port=port) as server:
            work_on_all()
            assert server.connections == 0
            clock.monotonic = lambda: GATE_RETRY_MIN_S
            work_on_all()
            assert len({mail.content for mail in server.received}) == len(server.received) == 10
    assert [line["event"] for line in logged] == ["mail server away", "mail server back"]
    assert logged[0]["reason"] == "Connection refused"
    assert rows(database, "SELECT DISTINCT state, error FROM mail") == [("SENT", None)]


def test_a_wrong_password_fails_no_mail(database: Database, tmp_path: Path) -> None:
    """It is the operator's mistake, and mended in a day."""
    create_member(database)
    plan_test(database)
    trust = Certificate()
    with serving(trust, wants_login=True) as server:
        wrong = sending(server.url("smtp").replace(PASSWORD, "wonderland"), trust)
        for _ in range(3):
            work_on(database, wrong, sent(database))
            assert rows(database, TASK) == [("SENT", 1, "Away")]
            make_due(database)
        work_on(database, sending(server.url("smtp"), trust), sent(database))
    assert rows(database, "SELECT state, error FROM mail") == [("SENT", None)]


def test_without_a_mail_server_mails_wait_and_are_looked_at_seldom(database: Database, server: MailServer) -> None:
    """It is not set up yet: nothing is lost, nothing is tried, and the log says once what is missing."""
    create_member(database)
    plan_test(database)
    unset = send_mail(None)
    with capture_logs() as logged:
        for _ in range(30):
            work_on(database, unset, sent(database))
            assert figure(database, "SELECT due_at > now() + interval '4 minutes' FROM task")
            make_due(database)
    assert [(line["event"], line["reason"]) for line in logged] == [("mail server away", "FEALTY_MAIL_URL is not set")]
    assert rows(database, TASK) == [("SENT", 1, None)]
    assert rows(database, STATE) == [("PLANNED", None, 0)]
    work_on(database, sending(server.url()), sent(database))
    assert rows(database, STATE) == [("SENT", None, 1)]


_ENDED = """
SELECT a.body, m.ended_at FROM mail m JOIN activity a ON a.id = m.end_activity AND a.customer = m.customer
"""
