"""Mails with a card as workers send them, against the same messages sent by smtplib alone."""

import math
import multiprocessing
import smtplib
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from bench import wallets
from bench.requests import PROGRAM
from bench.row import Row, median
from bench.stage import Stage, personal_keys, stage
from rules.access import Role, in_role
from rules.activity import Kind, by_operator
from storage.engine.commands import CommandContext, carry_out
from storage.engine.database import connection
from storage.engine.requests import Request
from storage.engine.unit import transaction
from storage.passes.acts import EmailPass
from storage.passes.reading.passes import PassName
from storage.tasks.commands import claim
from wallet import accounts
from walletkit.smtp import MailServer
from workers.actors.mail import send_mail
from workers.codes import WorkerSeals
from workers.external import ExternalRunner
from workers.mail.cards import Cards
from workers.mail.settings import mail_sender, mail_server
from workers.mail.transport import Transport
from workers.outage import Outage
from workers.wallet import WorkerWalletKeys

SENDER = "club@coffee.example"
PASSES_URL = "https://passes.example.com"
# As many as a worker has by default.
THREADS = 4
MAILS_PER_S = 100


def mails(seconds: float, rounds: int) -> Iterable[Row]:
    """`mails_vs_smtplib`."""
    count = max(20, round(seconds * MAILS_PER_S))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    service = context.Process(target=_serve, args=(theirs,))
    service.start()
    try:
        with stage(seconds, customers=count) as here, tempfile.TemporaryDirectory() as place:
            wallets.template(here, "gold")
            wallets.cards(here, count, "gold")
            with connection(here.database) as books:
                books.execute("UPDATE customer SET email = customer_id || '@example.com'")
            yield _row(here, rounds, ours.recv(), wallets.operator(Path(place)).accounts)
    finally:
        ours.send(None)
        service.join()


def _row(here: Stage, rounds: int, port: int, folder: Path) -> Row:
    file = personal_keys(here.postgres)
    cards = Cards(accounts.load(folder), {}, WorkerWalletKeys(file), WorkerSeals(file), PASSES_URL)
    transport = _Kept(mail_server(f"smtp+plain://127.0.0.1:{port}"), mail_sender(SENDER))
    actor = send_mail(transport, cards)
    runner = ExternalRunner(actor, here.database, threading.Event(), Outage("database"))
    found, size = [], 0
    for _ in range(rounds + 1):
        tasks = _planned(here)
        with transaction(here.database) as unit:
            loaded = [actor.load(unit, {"mail": mail}) for mail in tasks.values()]
        transport.sent.clear()
        acted = _per_s(lambda begun: actor.act(begun, time.monotonic() + actor.act_limit_s), loaded)
        sent = list(transport.sent)
        if len(sent) != len(tasks):
            raise RuntimeError(f"{len(tasks)} mails were planned, and {len(sent)} sent")
        size = len(sent[0][1])
        found.append((acted, _per_s(partial(_send, port), sent), _per_s(runner.run, [*tasks], here.database.close)))
    del found[0]  # images are read, statements planned
    mine, bare, whole = (median(column) for column in zip(*found, strict=True))
    note = (
        f"{mine:.0f}/s against {bare:.0f}/s, {size / 1e3:.0f} kB each, {THREADS} threads; {whole:.0f}/s with the books"
    )
    return Row("mails_vs_smtplib", median(one / other for one, other, _ in found), 0.6, 0.8, note)


class _Kept(Transport):
    """Remembers what it sent, to be sent again."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent: list[tuple[str, bytes]] = []

    def send(self, message: bytes, recipient: str, deadline: float) -> None:
        super().send(message, recipient, deadline)
        self.sent.append((recipient, message))


def _send(port: int, mail: tuple[str, bytes]) -> None:
    recipient, message = mail
    with smtplib.SMTP("127.0.0.1", port) as session:
        session.sendmail(SENDER, [recipient], message)


def _planned(here: Stage) -> dict[str, str]:
    """A mail to each customer, planned and handed on as the relay does; their tasks, and which mail is whose."""
    known = wallets.keys(here)
    with connection(here.database) as books:
        cards = books.execute("SELECT c.customer_id, p.id FROM pass p JOIN customer c ON c.id = p.customer").fetchall()
    for customer, card in cards:
        carry_out(here.database, EmailPass(PassName(PROGRAM, customer, str(card)), known, PASSES_URL, _context()))
    with transaction(here.database) as unit:
        claim(unit.connection, 4 * len(cards), timedelta(hours=1))
        return dict(unit.connection.execute(_TASKS).fetchall())


def _context() -> CommandContext:
    caller = in_role("bench", "bench", Role.ADMINISTRATOR)
    origin = by_operator(Kind("pass.mailed", "SYSTEM", "CONFIGURATION"))
    request = Request(caller.id, "EmailPass", str(uuid.uuid4()), "00")
    return CommandContext(caller, request, origin, validate_only=False, deadline=math.inf)


def _per_s(work: Callable[[Any], object], each: Sequence[Any], close: Callable[[], object] = lambda: None) -> float:
    left = iter(each)
    lock = threading.Lock()
    failed: list[Exception] = []

    def run() -> None:
        try:
            while True:
                with lock:
                    one = next(left, None)
                if one is None:
                    return
                work(one)
        except Exception as error:
            failed.append(error)
        finally:
            close()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    before = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return len(each) / (time.perf_counter() - before)


def _serve(ready: Pipe) -> None:
    """In a process of its own: it must not share an interpreter with what is measured."""
    server = MailServer()
    ready.send(server.port)
    while not ready.poll(1.0):
        server.received.clear()
    server.close()


_TASKS = "SELECT id::text, args ->> 'mail' FROM task WHERE actor = 'send_mail' AND state = 'SENT'"
