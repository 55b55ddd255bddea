"""No answer needs the body of an activity: bodies may be dropped one day, and every reading must answer as before."""

import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from types import CodeType, FrameType
from typing import Any, NamedTuple, get_args

import pytest

from rules.accounts import EntryKind
from rules.coupons.orders import Order
from rules.refusals import Refusal
from storage.coupons.acts.using import Wanted
from storage.coupons.nouns import by_code
from storage.coupons.validating import ValidateCoupons
from storage.engine.database import open_database
from storage.ledger import queries, reading
from storage.ledger.addresses import CustomerName
from storage.ledger.queries import GetBalance, GetBalances, ListEntries
from storage.ledger.reading import (
    accounts,
    entries,
    events,
    explain,
    holds,
    liability,
    lots,
    past,
    refunds,
    shortfalls,
    transactions,
)
from storage.ledger.reading.entries import EntryFilter
from storage.ledger.reading.events import EventOrder
from storage.ledger.verify import verify
from storage.ledger.verifying.rebuild import rebuild
from tests.databases import fresh_database
from tests.storage.blocking import Reader
from tests.storage.deep import CARDS, Deep, lived

pytestmark = pytest.mark.long

# Balances are read at so many instants of the past, spread over all at which something happened.
MOMENTS = 10
_PURCHASES = """
SELECT transaction_id FROM transaction t JOIN account a ON a.id = t.account JOIN customer c ON c.id = a.customer
WHERE c.customer_id = %s
"""
# As a superuser would: nobody else can.
EMPTY = """
ALTER TABLE activity DISABLE TRIGGER only_dropped;
UPDATE activity SET body = NULL, body_hash = '', dropped_by = id;
ALTER TABLE activity ENABLE ALWAYS TRIGGER only_dropped;
"""


class Read(NamedTuple):
    """A scene, what every reading answered while all bodies were there, and the code that ran for it."""

    scene: Deep
    answers: dict[tuple[str, ...], Any]
    called: set[CodeType]


@pytest.fixture(scope="module", params=range(2))
def read(request: pytest.FixtureRequest, server_url: str, template: str) -> Iterator[Read]:
    """Long lives, read once. The last of the tests here empties the bodies."""
    with fresh_database(server_url, template) as url:
        scene = lived(open_database(url), request.param)
        with _called() as called:
            answers = _everything(scene)
        yield Read(scene, answers, called)
        scene.database.close()


def test_everything_that_can_be_read_is_read(read: Read) -> None:
    """A reading that is added and forgotten here could ask a body again, and nobody would notice."""
    assert {name for name, code in _readings().items() if code not in read.called} == set()
    assert {kind.__name__ for kind in get_args(queries.Query)} <= {what for what, *_ in read.answers}


def test_something_of_every_kind_is_there_to_be_read(read: Read) -> None:
    """What nobody did is not read either: each table of history has rows, of each kind of movement too."""
    rows = read.scene.rows
    guarded = {
        table for (table,) in rows("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
    }
    # Of coupons that moved with their customers other tests read (tests/storage/customers), of passes those of passes,
    # of roles and approvals those of theirs.
    by_workers = {"activity_place"}
    lacking = {table for table in guarded if not rows(f"SELECT FROM {table} LIMIT 1")}
    elsewhere = {"merge_belonging", "pass_template_version", "role_version", "approval_decision"}
    assert lacking - elsewhere == by_workers
    assert rows("SELECT count(DISTINCT kind) FROM movement") == [(3,)]
    assert all(rows("SELECT count(*) FILTER (WHERE pending > 0), count(*) FILTER (WHERE debt > 0) FROM refund")[0])


def test_every_reading_answers_the_same_when_all_bodies_are_gone(read: Read) -> None:
    """The day retention drops them, no debt of last year and no explanation may change."""
    read.scene.execute(EMPTY)
    assert read.scene.rows("SELECT DISTINCT body FROM activity") == [(None,)]
    after = _everything(read.scene)
    assert after.keys() == read.answers.keys()
    for asked, answer in read.answers.items():
        assert after[asked] == answer, asked


def _everything(scene: Deep) -> dict[tuple[str, ...], Any]:
    """What every reading answers about everybody and everything, by what was asked; or why it refused to."""
    found: dict[tuple[str, ...], Any] = {}

    def ask(what: Callable[..., Any], *asked: Any) -> None:
        name = (what.__module__, what.__name__, str(asked))
        try:
            found[name] = scene.read(what, *asked)
        except Refusal as refusal:
            found[name] = (type(refusal), refusal.facts)

    moments = _moments(scene)
    [(program,)] = scene.rows("SELECT id FROM program")
    ask(lots.awaiting, program, ["delivered"])
    ask(shortfalls.page, scene.program_id, None, False, None, 1000)
    for card in CARDS:
        ask(liability.report, scene.program_id, card.card_id)
    for name in scene.names:
        whose = CustomerName(scene.program_id, name)
        unknown = ValidateCoupons(whose, Order("o1", 100, "EUR"), (Wanted(by_code(scene.program_id, "00")),))
        [answer] = Reader(scene.database).run([unknown])
        found[type(unknown).__name__, str(unknown)] = repr(answer)
        ask(accounts.cards, whose)
        ask(transactions.page, whose, "", "", None, 1000)
        ask(shortfalls.page, scene.program_id, name, True, None, 1000)
        for order in EventOrder:
            ask(events.page, whose, "", order, False, None, 1000)
        for (transaction_id,) in scene.rows(_PURCHASES, [name]):
            ask(transactions.get, scene.named(transaction_id, name))
            ask(transactions.lookup, scene.program_id, transaction_id)
            ask(refunds.page, scene.named(transaction_id, name), None, 1000)
            ask(refunds.get, scene.named(transaction_id, name), 1)
        for card in CARDS:
            _of_account(scene, name, card.card_id, ask, moments)
            asked = (
                GetBalance(scene.address(name, card.card_id)),
                GetBalances((scene.address(name, card.card_id),)),
                ListEntries(scene.address(name, card.card_id), 999, 999),
            )
            for query, answer in zip(asked, Reader(scene.database).run(asked), strict=True):
                found[type(query).__name__, str(query)] = _in_words(answer)
    ask(verify)
    ask(rebuild)
    return found


def _in_words(answer: Any) -> Any:
    """An answer that can be compared: no two refusals are equal."""
    if isinstance(answer, list):
        return [_in_words(one) for one in answer]
    return str(answer) if isinstance(answer, Refusal) else answer


def _of_account(scene: Deep, name: str, card: str, ask: Callable[..., None], moments: Sequence[datetime]) -> None:
    address = scene.address(name, card)
    ask(lots.page, address, "", None, 1000)
    ask(holds.page, address, "", None, 1000)
    for kind in EntryKind:
        ask(entries.page, address, EntryFilter(kind), 999, 1000)
    ask(explain.explain, address, None, 1000)
    for get in (lots.get, holds.get, shortfalls.get):
        ask(get, address, 1)
    for moment in moments:
        ask(past.balance_at, address, moment)


def _moments(scene: Deep) -> list[datetime]:
    happened = [at for (at,) in scene.rows("SELECT DISTINCT occurred_at FROM activity ORDER BY 1")]
    return happened[:: len(happened) // MOMENTS]


def _readings() -> dict[str, CodeType]:
    """Every public function of storage.ledger.reading, by its name."""
    found = {}
    for module in pkgutil.iter_modules(reading.__path__, f"{reading.__name__}."):
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
            if function.__module__ == module.name and not name.startswith("_"):
                found[f"{module.name}.{name}"] = inspect.unwrap(function).__code__
    return found


@contextmanager
def _called() -> Iterator[set[CodeType]]:
    """Whatever code runs on this thread meanwhile."""
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        called.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(None)
