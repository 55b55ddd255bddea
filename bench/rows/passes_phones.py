"""Cards on their way to phones: how long an update takes, and what it takes from those who record purchases."""

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import processes, wallets
from bench.payload import Payload
from bench.processor import spent_s
from bench.pushing import push_service
from bench.requests import PROGRAM, account, customer, purchase, purchases
from bench.row import Row, clean, cost, median, rate, speeds
from bench.server import RECORD
from bench.stage import Stage, stage
from bench.wallets import PASS_TYPE, Operator
from fealty import Fealty, connect
from fealty.v1 import passes_pb2, transactions_pb2
from storage.activity import followers, positions
from storage.engine.database import connection
from storage.passes.marking import FOLLOWER
from walletkit.apns import PushService
from walletkit.iphone import IPhone
from walletkit.web_service import Home
from workers.limits import PASS_WINDOW

TEMPLATE = "gold"
PHONES = 20
# Customers with cards, and as many without.
CUSTOMERS = 5_000
# From the first purchase on, until worker and clock are as busy with cards as they will be: longer than the window.
LEAD_S = 4.0
# What everything that was begun may take to end on a busy machine.
SETTLE_S = 300.0


def arriving(seconds: float, rounds: int) -> Iterable[Row]:
    """`pass_seconds`: purchases at moments of their own, each of another customer with a phone."""
    with (
        _operated(seconds, PHONES) as (here, operator, environment),
        PushService(*operator.server, operator.clients) as push,
    ):
        ports = processes.passes_ports()
        url = f"https://localhost:{ports['FEALTY_PASSES_PORT']}"
        certificate, key = map(str, operator.server)
        served = {
            **environment,
            **ports,
            "FEALTY_PASSES_URL": url,
            "FEALTY_PASSES_CERTIFICATE_FILE": certificate,
            "FEALTY_PASSES_KEY_FILE": key,
            "FEALTY_APNS_URL": push.url,
        }
        with processes.running(here, served, "passes", "worker", "clock"), connect(here.target, here.token) as fealty:
            phones = [_phone(here, fealty, number, operator, push, url) for number in range(PHONES)]
            _settle(here)
            waits = sorted(wait for _ in range(rounds) for wait in _waits(here, fealty, phones, seconds))
            for phone in phones:
                phone.close()
    note = (
        f"median of {len(waits)}, longest {waits[-1]:.2f} s; {PHONES} phones, beyond the {PASS_WINDOW.seconds} s window"
    )
    yield Row("pass_seconds", median(waits), 1.5, 0.8, note, lower=True)


def earning(seconds: float, rounds: int) -> Iterable[Row]:
    """`earn_with_passes`: while worker and clock tell the phones of what was recorded."""
    with _operated(seconds, 2 * CUSTOMERS) as (here, operator, environment), push_service(operator) as url:
        wallets.cards(here, CUSTOMERS, TEMPLATE)
        have, have_none = purchases(range(CUSTOMERS)), purchases(range(CUSTOMERS, 2 * CUSTOMERS))
        with processes.running(here, {**environment, "FEALTY_APNS_URL": url}, "worker", "clock") as busy:
            here.unary(RECORD, have_none)
            before, done, beside_us = [], [], []
            lead = replace(here, seconds=LEAD_S)
            for _ in range(rounds):
                # Both begin when the clock is busy with what comes, as with the words of the log.
                _settle(here)
                lead.unary(RECORD, have_none)
                before.append(clean(here.unary(RECORD, have_none)))
                lead.unary(RECORD, have)
                began_s = spent_s(busy)
                done.append(clean(here.unary(RECORD, have)))
                beside_us.append((spent_s(busy) - began_s) / (done[-1].per_s * here.seconds_in_all) * 1e6)
            with connection(here.database) as books:
                [(told,)] = books.execute("SELECT count(*) FROM pass_delivery WHERE pushed_at IS NOT NULL")
    if not told:
        raise RuntimeError("no phone was told of anything")
    costs = f"{cost(done)}, worker and clock {median(beside_us):.0f} us a call against {cost(before)}"
    note = f"{rate(done)} against {rate(before)}; {costs}; {told} pushes"
    yield Row("earn_with_passes", speeds(done, before), 0.85, 0.95, note)


@contextmanager
def _operated(seconds: float, customers: int) -> Iterator[tuple[Stage, Operator, dict[str, str]]]:
    """A stage with a template, an operator's account, and what worker and clock are told."""
    with stage(seconds, customers=customers) as here, tempfile.TemporaryDirectory() as place:
        operator = wallets.operator(Path(place))
        wallets.template(here, TEMPLATE)
        with processes.broker(here.postgres.data_dir) as redis_url:
            yield (
                here,
                operator,
                {
                    "FEALTY_REDIS_URL": redis_url,
                    "FEALTY_WALLET_DIR": str(operator.accounts),
                    "FEALTY_WALLET_CA_FILE": str(operator.trust),
                },
            )


def _phone(here: Stage, fealty: Fealty, number: int, operator: Operator, push: PushService, url: str) -> IPhone:
    """That of a customer, with a card."""
    issued = fealty.passes.IssuePass(
        passes_pb2.IssuePassRequest(
            parent=customer(number),
            pass_template=f"programs/{PROGRAM}/passTemplates/{TEMPLATE}",
            request_id=f"{number}",
        )
    )
    serial = issued.wallet_pass.name.rpartition("/")[2]
    phone = IPhone(operator.root, operator.trust, push)
    card = phone.web.fetch(Home(PASS_TYPE, serial, url, wallets.keys(here).authentication_token(serial)), "")
    if card is None or card.status_code != 200:
        raise RuntimeError(f"a phone got no card: {card}, {phone.web.complaints}")
    phone.install(card.content)
    return phone


def _waits(here: Stage, fealty: Fealty, phones: list[IPhone], seconds: float) -> Iterable[float]:
    """A purchase for each phone, and the seconds from there to the moment in which it shows the points."""
    began = {}
    for number in random.sample(range(len(phones)), len(phones)):
        phone = phones[number]
        [card] = phone.cards.values()
        message = Payload(purchase(account(number)).SerializeToString())(0)
        held, at = len(card.got_at), time.time()
        fealty.transactions.RecordTransaction(transactions_pb2.RecordTransactionRequest.FromString(message))
        began[number] = (card, held, at)
        time.sleep(seconds / len(phones))
    _until(lambda: all(len(card.got_at) > held for card, held, _ in began.values()))
    return [card.got_at[held] - at - PASS_WINDOW.total_seconds() for card, held, at in began.values()]


def _settle(here: Stage) -> None:
    """Returns once all that was recorded has been looked at, and all phones are told."""

    def is_settled() -> bool:
        with connection(here.database) as books:
            is_read = positions.all_given(books) and followers.reached(books, FOLLOWER) >= positions.newest(books)
            return is_read and books.execute(_OPEN).fetchone() == (0,)

    _until(is_settled)


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SETTLE_S
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError("phones were not told in time")
        time.sleep(0.05)


# Cards that are still to be looked at, phones that are still to be told.
_OPEN = """
SELECT (SELECT count(*) FROM pass_mark)
    + (SELECT count(*) FROM task WHERE actor IN ('refresh_passes', 'push_apple') AND state IN ('READY', 'SENT'))
"""
