"""What rows of passes stand on: cards and phones as Fealty would have written them, and a load of HTTP that is counted
right."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bench import processes, wallets
from bench.row import clean
from bench.rows.passes_list import TEMPLATES, address, question
from bench.stage import Stage, stage
from bench.wallets import PASS_TYPE
from bench.web import CONNECTIONS, Gets, load, request
from storage.engine.database import connection
from storage.passes import facts
from wallet import accounts

# More than the requests of a second: of one phone only so many are taken.
CUSTOMERS = 400
PARTS = (b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r\nhe", b"llo")


@pytest.fixture(scope="module")
def here() -> Iterator[Stage]:
    """A small one, whose customers have cards and phones."""
    with stage(0.2, customers=CUSTOMERS) as here:
        for name in TEMPLATES:
            wallets.template(here, name)
        wallets.cards(here, CUSTOMERS, *TEMPLATES)
        yield here


def test_cards_that_were_loaded_can_be_read_as_any_other(here: Stage) -> None:
    """Refreshes would look at what is none, and cost nothing."""
    with connection(here.database) as books:
        cards = [card for (card,) in books.execute("SELECT id FROM pass").fetchall()]
        read = facts.read(books, cards)
        counted = books.execute("SELECT count(DISTINCT revision), max(revision) FROM pass_content").fetchone()
        assert books.execute("SELECT revision FROM pass_counter").fetchone() == (2 * CUSTOMERS,)
    assert len(read) == len(cards) == 2 * CUSTOMERS
    assert counted == (2 * CUSTOMERS, 2 * CUSTOMERS)


@pytest.mark.process
def test_a_phone_that_was_loaded_is_told_of_the_one_card_that_changed(here: Stage, tmp_path: Path) -> None:
    """An answer that nothing has changed would be quicker than what is measured."""
    ports = processes.passes_ports()
    environment = {
        **ports,
        "FEALTY_WALLET_DIR": str(wallets.operator(tmp_path).accounts),
        "FEALTY_TRUSTED_PROXIES": "127.0.0.1",
    }
    with processes.running(here, environment, "passes"):
        work = Gets(int(ports["FEALTY_PASSES_PORT"]), [question(n) for n in range(CUSTOMERS)], 200, 0.1, 0.2)
        assert clean(load(work)).calls > 0
    with connection(here.database) as books:
        told = books.execute("SELECT count(DISTINCT pass), min(revision) FROM pass_delivery").fetchone()
    assert told == (CUSTOMERS, CUSTOMERS + 1)


def test_the_account_of_the_stand_in_is_one_that_signs(tmp_path: Path) -> None:
    """Cards are signed with it, and pushes sent."""
    found = accounts.load(wallets.operator(tmp_path).accounts)
    assert not found.faults
    assert found.apple(PASS_TYPE).sign(b"{}")


@pytest.mark.process
def test_an_answer_in_pieces_is_one_answer_and_another_status_a_failure() -> None:
    """Otherwise a server that refuses all would be the fastest of all."""
    with answering(PARTS) as port:
        good = load(Gets(port, [request("/", address(1))], 200, 0.1, 0.3))
        bad = load(Gets(port, [request("/", address(1))], 204, 0.1, 0.3))
    assert good.calls > CONNECTIONS
    assert not good.failed
    assert bad.calls == 0
    assert bad.failed["HTTP/1.1 200 OK"] > 0


@contextmanager
def answering(parts: Sequence[bytes]) -> Iterator[int]:
    """A server that answers each request with these pieces, one after the other; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                for part in parts:
                    writer.write(part)
                    await asyncio.sleep(0.001)
        writer.close()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(answer, "127.0.0.1", 0), loop).result(30)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
