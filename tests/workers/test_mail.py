"""Mails from their plan to a real mail server: at least once, and nothing of the person anywhere but there."""

import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from signal import SIGKILL
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from storage.customers.merging import MergeCustomers, merge
from storage.engine.database import Database
from storage.engine.ids import typeid
from storage.engine.unit import run, transaction
from storage.tasks.commands import claim
from tests.cli.terminal import free_port
from tests.workers.acting import figure, make_due, open_tasks, rows
from tests.workers.mailing import (
    ADDRESS,
    NAME,
    PASSWORD,
    SENDER,
    Certificate,
    MailServer,
    create_member,
    plan_test,
    serving,
)
from tests.workers.members import CALLER, ORIGIN, request
from tests.workers.processes import Processes, eventually
from workers import gate as gates
from workers.actors.mail import send_mail
from workers.broker import Broker
from workers.embedded import EmbeddedValkey
from workers.external import ExternalActor, ExternalRunner
from workers.mail.settings import mail_sender, mail_server
from workers.mail.transport import Transport
from workers.outage import Outage
from workers.relay import Relay

STATE = "SELECT state, error, tries FROM mail"
TASK = "SELECT state, attempts, last_error FROM task WHERE actor = 'send_mail'"


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server of this host's own."""
    with serving() as made:
        yield made


def test_a_mail_that_was_planned_is_sent_once_and_recorded(database: Database, server: MailServer) -> None:
    """Support sees in the log that it was sent, when, and as which mail; not to which address."""
    create_member(database)
    mail = plan_test(database)
    task = _sent(database)
    for _ in range(2):
        _run(database, _actor(server.url()), task)
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
    run(database, lambda unit: merge(unit, MergeCustomers("club", "c-1", "club", "c-2"), CALLER, ORIGIN, request()))
    _run(database, _actor(server.url()), _sent(database))
    assert [mail.recipients for mail in server.received] == [["alice@new.example"]]


@pytest.mark.parametrize("address", ["", "not an address"])
def test_a_customer_without_an_address_gets_no_mail_and_the_log_says_so(
    database: Database, server: MailServer, address: str
) -> None:
    """There is nothing to try again."""
    create_member(database, address)
    plan_test(database)
    _run(database, _actor(server.url()), _sent(database))
    assert server.connections == 0
    assert rows(database, STATE) == [("FAILED", "NoAddress", 1)]
    assert rows(database, TASK) == [("DONE", 1, None)]
    assert json.loads(rows(database, _ENDED)[0][0])["action"] == "mail.failed"


def test_a_mail_that_the_server_wants_later_is_sent_later_as_the_same_mail(
    database: Database, server: MailServer
) -> None:
    """Servers turn strangers away once, and take them ten minutes later (greylisting)."""
    create_member(database)
    plan_test(database)
    server.answers["RCPT"] += [f"450 4.2.0 <{ADDRESS}> is greylisted"] * 2
    actor = _actor(server.url())
    for attempt, minutes in ((1, 1), (2, 2)):
        _run(database, actor, _sent(database))
        assert rows(database, TASK) == [("READY", attempt, "MailDeferred 450")]
        assert figure(database, "SELECT round(extract(epoch FROM due_at - now()) / 60) FROM task") == minutes
        assert rows(database, STATE) == [("PLANNED", None, attempt)]
        make_due(database)
    _run(database, actor, _sent(database))
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
    _run(database, _actor(server.url()), _sent(database))
    assert rows(database, STATE) == [("FAILED", "MailRefused 550", 1)]
    assert rows(database, TASK) == [("FAILED", 1, "MailRefused 550")]
    details = json.loads(rows(database, _ENDED)[0][0])["details"]
    assert (details["error"], details["tries"]) == ("MailRefused 550", 1)


def test_while_the_server_is_away_mails_wait_and_one_of_them_looks_whether_it_is_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage of days costs no mail a try, and no thread its time: only the first of ten goes to the server."""
    monkeypatch.setattr(gates, "GATE_RETRY_MIN_S", 2.0)
    create_member(database)
    for number in range(10):
        plan_test(database, f"r-{number}")
    port = free_port()
    actor = _actor(f"smtp+plain://127.0.0.1:{port}")
    with capture_logs() as logged:
        for task in _all_sent(database):
            _run(database, actor, task)
        assert rows(database, "SELECT DISTINCT state, attempts, last_error FROM task") == [("SENT", 1, None)]
        assert rows(database, "SELECT tries, count(*) FROM mail GROUP BY 1 ORDER BY 1") == [(0, 9), (1, 1)]
        with serving(port=port) as server:
            eventually(lambda: _work(database, actor) == 0)
            assert len({mail.content for mail in server.received}) == len(server.received) == 10
    assert [line["event"] for line in logged] == ["mail server away", "mail server back"]
    assert logged[0]["reason"] == "Connection refused"
    assert rows(database, "SELECT DISTINCT state, error FROM mail") == [("SENT", None)]


def test_a_wrong_password_fails_no_mail(database: Database, tmp_path: Path) -> None:
    """It is the operator's mistake, and mended in a day."""
    create_member(database)
    plan_test(database)
    trust = Certificate(tmp_path)
    with serving(trust, wants_login=True) as server:
        wrong = _actor(server.url("smtp").replace(PASSWORD, "wonderland"), trust)
        for _ in range(3):
            _run(database, wrong, _sent(database))
            assert rows(database, TASK) == [("SENT", 1, None)]
            make_due(database)
        _run(database, _actor(server.url("smtp"), trust), _sent(database))
    assert rows(database, "SELECT state, error FROM mail") == [("SENT", None)]


def test_without_a_mail_server_mails_wait_and_are_looked_at_seldom(database: Database, server: MailServer) -> None:
    """It is not set up yet: nothing is lost, nothing is tried, and the log says once what is missing."""
    create_member(database)
    plan_test(database)
    unset = send_mail(None)
    with capture_logs() as logged:
        for _ in range(30):
            _run(database, unset, _sent(database))
            assert figure(database, "SELECT due_at > now() + interval '4 minutes' FROM task")
            make_due(database)
    assert [(line["event"], line["reason"]) for line in logged] == [("mail server away", "FEALTY_MAIL_URL is not set")]
    assert rows(database, TASK) == [("SENT", 1, None)]
    assert rows(database, STATE) == [("PLANNED", None, 0)]
    _run(database, _actor(server.url()), _sent(database))
    assert rows(database, STATE) == [("SENT", None, 1)]


def test_two_workers_never_send_one_mail_while_the_first_is_at_it(
    database: Database, database_url: str, server: MailServer
) -> None:
    """A slow server is no reason for a second copy: the second worker does not even ask it."""
    create_member(database)
    plan_test(database)
    is_inside, may_end = Event(), Event()

    def hold() -> None:
        is_inside.set()
        may_end.wait()

    server.on_data = hold
    task = _sent(database)
    first = Thread(target=_run_and_close, args=(database, _actor(server.url()), task))
    first.start()
    is_inside.wait()
    others = [Thread(target=_run_and_close, args=(database, _actor(server.url()), task)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert server.connections == 1
    may_end.set()
    first.join()
    assert len(server.received) == server.connections == 1
    assert rows(database, STATE) == [("SENT", None, 1)]


@pytest.mark.parametrize("is_taken", [True, False], ids=["the server took it", "the server did not take it"])
def test_a_worker_killed_with_a_mail_in_hand_leaves_it_to_be_sent_again_as_the_same_mail(
    database: Database,
    database_url: str,
    messages: Broker,
    processes: Processes,
    tmp_path: Path,
    is_taken: bool,
) -> None:
    """Twice rather than never: whoever gets both can tell by the Message-ID, and the bytes, that they are one."""
    create_member(database)
    plan_test(database)
    trust = Certificate(tmp_path)
    relay = Relay(database, messages)
    with serving(trust, wants_login=True) as server, psycopg.connect(database_url) as holder:
        url = server.url("smtp", "localhost")
        may_answer = Event()

        def hold() -> None:
            # Its record waits for the row, where it is to be killed after the answer; else the answer waits.
            holder.execute("SELECT FROM mail FOR UPDATE")
            if not is_taken:
                may_answer.wait()

        server.on_data = hold
        killed = processes.mail_worker(url, SENDER, trust.file)
        assert relay.send_due() == 1
        eventually(lambda: _is_waiting(database) if is_taken else server.received)
        killed.send_signal(SIGKILL)
        killed.wait()
        holder.rollback()
        may_answer.set()
        server.on_data = lambda: None
        assert rows(database, STATE) == [("PLANNED", None, 1)]
        assert rows(database, "SELECT state, attempts, begun, begun_until > now() FROM task") == [("SENT", 1, 1, True)]
        _pass_time(database)
        processes.mail_worker(url, SENDER, trust.file)
        eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
        first, second = server.received
        assert first == second
        assert message_from_bytes(second.content)["Message-ID"]
    assert rows(database, STATE) == [("SENT", None, 2)]
    assert rows(database, TASK) == [("DONE", 1, None)]


def test_a_connection_that_breaks_after_the_mail_sends_it_again_as_the_same_mail(
    database: Database, server: MailServer
) -> None:
    """The server may have taken it: nobody knows, and zero is worse than two."""
    create_member(database)
    plan_test(database)
    actor = _actor(server.url())
    server.is_hanging_up = True
    _run(database, actor, _sent(database))
    assert rows(database, TASK) == [("READY", 1, "SMTPServerDisconnected")]
    server.is_hanging_up = False
    make_due(database)
    _run(database, actor, _sent(database))
    first, second = server.received
    assert first == second
    assert rows(database, STATE) == [("SENT", None, 2)]


def test_nothing_of_a_person_is_left_but_with_the_customer_and_the_mail_server(
    database: Database, database_url: str, own_valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    """Rows of tasks, brokers, logs and records are not where erasure looks. Refusals quote addresses."""
    create_member(database)
    plan_test(database, "r-1")
    plan_test(database, "r-2")
    trust = Certificate(tmp_path)
    own_valkey.start()
    messages = Broker(own_valkey.url)
    processes = Processes(database_url, own_valkey.url, tmp_path)
    with serving(trust, wants_login=True) as server:
        server.answers["RCPT"] += [f"450 4.2.0 <{ADDRESS}> later", f"550 5.1.1 <{ADDRESS}> of {NAME} is unknown"]
        processes.mail_worker(server.url("smtp", "localhost"), SENDER, trust.file)
        relay = Relay(database, messages)
        try:
            eventually(lambda: (relay.send_due(), _make_ready_due(database), open_tasks(database) == 0)[2])
        finally:
            processes.kill_all()
            messages.close()
        assert [mail.recipients for mail in server.received] == [[ADDRESS]]
    states = "SELECT state, error FROM mail ORDER BY state"
    assert rows(database, states) == [("FAILED", "MailRefused 550"), ("SENT", None)]
    tables = ("task", "mail", "activity", "activity_note", "request")
    of_tables = "".join(str(rows(database, f"SELECT {table}::text FROM {table}")) for table in tables)
    of_broker = "".join(file.read_text(errors="replace") for file in own_valkey.data_dir.rglob("*.aof"))
    assert "MailRefused 550" in of_tables
    assert "MailRefused 550" in processes.logs
    assert "send_mail" in of_broker
    kept = of_tables + of_broker + processes.logs
    for secret in (ADDRESS, "liddell", *NAME.split(), PASSWORD):
        assert secret.lower() not in kept.lower()


_ENDED = """
SELECT a.body, m.ended_at FROM mail m JOIN activity a ON a.id = m.end_activity AND a.customer = m.customer
"""


def _actor(url: str, trust: Certificate | None = None) -> ExternalActor[Any, Any]:
    return send_mail(Transport(mail_server(url), mail_sender(SENDER), trust.of_client if trust else None))


def _run(database: Database, actor: ExternalActor[Any, Any], task: str) -> None:
    ExternalRunner(actor, database, Event(), Outage("database")).run(task)


def _run_and_close(database: Database, actor: ExternalActor[Any, Any], task: str) -> None:
    _run(database, actor, task)
    database.close()


def _work(database: Database, actor: ExternalActor[Any, Any]) -> int:
    """Works on what is due; how many are open."""
    for task in _all_sent(database):
        _run(database, actor, task)
    return open_tasks(database)


def _sent(database: Database) -> str:
    [task] = _all_sent(database)
    return task


def _all_sent(database: Database) -> list[str]:
    with transaction(database) as unit:
        return [task.id for task in claim(unit.connection, 100, timedelta(hours=1))]


def _pass_time(database: Database) -> None:
    rows(database, "UPDATE task SET begun_until = now(), due_at = now() RETURNING id")


def _is_waiting(database: Database) -> bool:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"
    )
    return bool(figure(database, waiting))


def _make_ready_due(database: Database) -> int:
    return len(rows(database, "UPDATE task SET due_at = now() WHERE state = 'READY' RETURNING id"))
