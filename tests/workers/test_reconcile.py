"""The look of the night: every phone is told again of what it should show and does not."""

from datetime import UTC, datetime
from threading import Event

import pytest
from structlog.testing import capture_logs

from storage.engine.database import Database, connection
from storage.engine.unit import transaction
from storage.passes import reconciling
from tests.wallet.apple.service import Standing
from tests.workers.acting import make_due, rows
from tests.workers.pushing import Cards, Pushing
from workers.actors.passes import reconcile
from workers.actors.passes.reconcile import RECONCILE, next_at, plan_reconcile
from workers.limits import RECONCILE_SINCE
from workers.outage import Outage
from workers.tasks import Runner

PLANNED = "SELECT args ->> 'pass' FROM task WHERE actor = 'push_apple' AND state = 'READY' ORDER BY 1"


def work_through(database: Database) -> int:
    """Every page of a night; answers how many there were."""
    with transaction(database) as unit:
        plan_reconcile(unit)
    pages = 0
    while page := rows(database, _PAGE):
        [(task,)] = page
        Runner(RECONCILE, database, Event(), Outage("database")).run(task)
        pages += 1
    return pages


@pytest.mark.parametrize(
    ("delivery", "is_behind"),
    [
        ("", True),
        ("pushed_at = NULL, answer = '503 ServiceUnavailable'", True),
        ("pushed_at = now() - interval '13 hours', answer = '200'", True),
        ("pushed_at = now() - interval '11 hours', answer = '200'", False),
        ("pushed_at = now() - interval '13 hours', answer = '200', fetched_at = now()", False),
        ("fetched_at = now()", False),
    ],
)
def test_a_phone_that_was_not_told_or_did_not_come_is_told_again(
    database: Database, cards: Cards, delivery: str, is_behind: bool
) -> None:
    """It was off for longer than Apple keeps a push, or nothing took its push for a day."""
    card = cards.issue(5)
    device = cards.phone(card)
    if delivery:
        with connection(database) as books:
            made = "INSERT INTO pass_delivery (pass, device, revision, changed_at) VALUES (%s, %s, 5, now())"
            books.execute(made, (card, device))
            books.execute(f"UPDATE pass_delivery SET {delivery}".encode())
    with capture_logs() as logged:
        work_through(database)
    assert rows(database, PLANNED) == ([(str(card),)] if is_behind else [])
    assert [line["passes"] for line in logged] == ([1] if is_behind else [])


def test_a_phone_that_took_the_card_as_it_is_is_left_alone(database: Database, cards: Cards) -> None:
    """It was installed after the newest change: nothing is missing."""
    card = cards.issue()
    cards.phone(card)
    with connection(database) as books:
        books.execute("UPDATE pass_registration SET registered_at = now()")
    work_through(database)
    assert rows(database, PLANNED) == []


def test_every_card_in_a_phone_is_marked_to_be_built_anew_page_by_page(
    database: Database, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only time has changed has no activity; whoever finds nothing new tells nobody. No page is long."""
    monkeypatch.setattr(reconcile, "RECONCILE_BATCH", 3)
    installed = [cards.issue() for _ in range(7)]
    for card in installed:
        cards.phone(card)
        cards.phone(card)
    saved, removed, nowhere = (cards.issue() for _ in range(3))
    with connection(database) as books:
        for card, removed_at in ((saved, None), (removed, datetime.now(UTC))):
            books.execute(_SAVED, (card, removed_at))
    assert work_through(database) == 3
    marked = {card for (card,) in rows(database, "SELECT pass FROM pass_mark")}
    assert marked == {*installed, saved}
    assert nowhere not in marked
    behind = "SELECT args ->> 'pass' FROM task WHERE actor = 'push_google'"
    assert rows(database, behind) == [(str(saved),)]


def test_what_phones_were_told_long_ago_is_removed(database: Database, cards: Cards) -> None:
    """Of a phone that is gone all of it, of one that never comes all but the newest."""
    card = cards.issue(5)
    device = cards.phone(card)
    with connection(database) as books:
        for which in (device, 4711):
            for revision in (3, 4, 5):
                made = "INSERT INTO pass_delivery VALUES (%s, %s, %s, now() - interval '31 days', now())"
                books.execute(made, (card, which, revision))
        books.execute("INSERT INTO pass_delivery VALUES (%s, 4711, 6, now())", (card,))
    work_through(database)
    assert rows(database, "SELECT device, revision FROM pass_delivery ORDER BY revision") == [(device, 5), (4711, 6)]


def test_a_night_that_is_worked_through_twice_tells_nobody_twice(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """A worker that was killed leaves its page to another."""
    card = cards.issue()
    cards.phone(card)
    with transaction(database) as unit:
        reconciling.look(unit, None, 10, RECONCILE_SINCE)
    with transaction(database) as unit:
        reconciling.look(unit, None, 10, RECONCILE_SINCE)
    make_due(database)
    pushing.work()
    assert len(apple.service.pushes) == 1


def test_the_next_night_is_planned_once_and_for_the_night(database: Database) -> None:
    """The clock looks every hour, and may be started anew in each."""
    for _ in range(3):
        with transaction(database) as unit:
            plan_reconcile(unit)
    assert rows(database, "SELECT count(*), extract(hour FROM min(due_at) AT TIME ZONE 'UTC')::int FROM task") == [
        (1, 2)
    ]
    assert next_at(datetime(2026, 2, 28, 2, tzinfo=UTC), 2) == datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert next_at(datetime(2026, 2, 28, 1, 59, tzinfo=UTC), 2) == datetime(2026, 2, 28, 2, tzinfo=UTC)


_PAGE = "SELECT id::text FROM task WHERE actor = 'reconcile_passes' AND state <> 'DONE'"

_SAVED = """
INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, saved_at, removed_at)
VALUES (%s, 'issuer', 0, now(), now(), '', now(), %s)
"""
