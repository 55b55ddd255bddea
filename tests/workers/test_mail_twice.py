"""Mails whose worker dies, or whose server does, with them in hand: twice rather than never, and known as one."""

from email import message_from_bytes
from pathlib import Path
from signal import SIGKILL
from threading import Event, Thread

import psycopg
import pytest

from storage.engine.database import Database
from tests.workers.acting import figure, make_due, open_tasks, rows
from tests.workers.mailing import (
    ADDRESS,
    NAME,
    PASSWORD,
    SENDER,
    STATE,
    TASK,
    Certificate,
    MailServer,
    create_member,
    plan_test,
    sending,
    sent,
    serving,
    work_and_close,
    work_on,
)
from tests.workers.outside import pass_time
from tests.workers.processes import Processes, eventually
from walletkit.smtp import Received
from workers.broker import Broker
from workers.embedded import EmbeddedValkey
from workers.relay import Relay


def test_two_workers_never_send_one_mail_while_the_first_is_at_it(
    database: Database, database_url: str, server: MailServer
) -> None:
    """A slow server is no reason for a second copy: the second worker does not even ask it."""
    create_member(database)
    plan_test(database)
    is_inside, may_end = Event(), Event()

    def hold(mail: Received) -> None:
        is_inside.set()
        may_end.wait()

    server.on_data = hold
    task = sent(database)
    first = Thread(target=work_and_close, args=(database, sending(server.url()), task))
    first.start()
    is_inside.wait()
    others = [Thread(target=work_and_close, args=(database, sending(server.url()), task)) for _ in range(3)]
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
    trust = Certificate()
    relay = Relay(database, messages)
    with serving(trust, wants_login=True) as server, psycopg.connect(database_url) as holder:
        url = server.url("smtp", "localhost")
        may_answer = Event()

        def hold(mail: Received) -> None:
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
        server.on_data = lambda mail: None
        assert rows(database, STATE) == [("PLANNED", None, 1)]
        assert rows(database, "SELECT state, attempts, begun, begun_until > now() FROM task") == [("SENT", 1, 1, True)]
        pass_time(database)
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
    actor = sending(server.url())
    server.is_hanging_up = True
    work_on(database, actor, sent(database))
    assert rows(database, TASK) == [("READY", 1, "SMTPServerDisconnected")]
    server.is_hanging_up = False
    make_due(database)
    work_on(database, actor, sent(database))
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
    trust = Certificate()
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
    assert rows(database, states) == [("FAILED", "RecipientRefused 550"), ("SENT", None)]
    tables = ("task", "mail", "activity", "activity_note", "request")
    of_tables = "".join(str(rows(database, f"SELECT {table}::text FROM {table}")) for table in tables)
    of_broker = "".join(file.read_text(errors="replace") for file in own_valkey.data_dir.rglob("*.aof"))
    assert "RecipientRefused 550" in of_tables
    assert "RecipientRefused 550" in processes.logs
    assert "send_mail" in of_broker
    kept = of_tables + of_broker + processes.logs
    for secret in (ADDRESS, "liddell", *NAME.split(), PASSWORD):
        assert secret.lower() not in kept.lower()


def _is_waiting(database: Database) -> bool:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"
    )
    return bool(figure(database, waiting))


def _make_ready_due(database: Database) -> int:
    return len(rows(database, "UPDATE task SET due_at = now() WHERE state = 'READY' RETURNING id"))
