"""Words are taken behind the writers: of each activity once, and as much as one says of itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from rules.access import ActorType
from rules.activity import Kind, Origin
from rules.words import NOTHING, wanted
from storage.activity import pages, words
from storage.activity.commands import Scope, record
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.activity.pages import Page
from storage.activity.queries import Activity
from storage.engine.database import Connection, Database, connection
from storage.engine.unit import transaction
from tests.storage.activity.living import READER
from tests.storage.activity.positioning import MANY, PROGRAM, act, act_in, assign
from tests.storage.activity.positioning import one as only
from tests.storage.scene import Scene


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program, and a customer of it."""
    return Scene(database, "ada")


def take(database: Database, limit: int = MANY) -> int:
    """One step."""
    with transaction(database) as unit:
        return words.advance(unit.connection, limit)


def find(database: Database, text: str) -> Page:
    """What is found of it, in all programs."""
    with connection(database) as books:
        return pages.page(books, Search(filters=[Filter(text=wanted(text))]), READER, None, 100, MANY)


def subjects(database: Database, text: str) -> list[str]:
    """The same, by what it is about."""
    return [one.body["subject"] for one in find(database, text).activities]


def kept(database: Database) -> list[Any]:
    """All that is kept."""
    with connection(database) as books:
        return books.execute("SELECT * FROM activity_word ORDER BY segment, program, word, block").fetchall()


def test_what_is_recorded_is_found_once_its_words_were_taken(scene: Scene, database: Database) -> None:
    """Seconds later; and the answer says up to when nothing is missing."""
    assert find(database, "lot-1") == Page([], None, None)
    act(database, "lot-1")
    assign(database)
    assert subjects(database, "lot-1") == []
    before = _now(database)
    take(database)
    found = find(database, "LOT-1")
    assert [one.body["subject"] for one in found.activities] == ["lot-1"]
    assert found.complete_at is not None
    assert before < found.complete_at < _now(database)


def test_it_is_complete_up_to_when_everything_committed_was_taken(scene: Scene, database: Database) -> None:
    """Neither what has no position yet, nor what waits for its turn, may be believed to be found."""
    act(database, "lot-1")
    assign(database)
    take(database)
    complete_at = find(database, "lot-1").complete_at
    for number in range(3):
        act(database, f"late-{number}")
    take(database)
    assert find(database, "lot-1").complete_at == complete_at
    assign(database)
    take(database, 2)
    assert find(database, "lot-1").complete_at == complete_at
    take(database, 2)
    now = find(database, "late-2")
    assert now.complete_at is not None
    assert complete_at is not None
    assert now.complete_at > complete_at
    # Where nothing happens, it goes on with the clock.
    take(database)
    assert _later(find(database, "late-2").complete_at, now.complete_at)


def _now(database: Database) -> datetime:
    with connection(database) as books:
        now: datetime = only(books, "SELECT clock_timestamp()")
        return now


def _later(one: datetime | None, other: datetime | None) -> bool:
    assert one is not None
    assert other is not None
    return one > other


def test_what_is_kept_is_the_same_however_it_was_taken(scene: Scene, database: Database) -> None:
    """In one step, in many, after one that was stopped, and made anew."""
    with transaction(database) as unit:
        for number in range(300):
            act_in(unit, f"lot-{number % 7} of {number}")
    assign(database)
    with pytest.raises(InterruptedError):
        _stopped(database)
    assert kept(database) == []
    while take(database, 13):
        pass
    once = kept(database)
    assert len(subjects(database, "lot-3")) == 43
    with transaction(database) as unit:
        words.begin_anew(unit.connection)
    assert find(database, "lot-3") == Page([], None, None)
    take(database)
    assert kept(database) == once


def _stopped(database: Database) -> None:
    with transaction(database) as unit:
        assert words.advance(unit.connection, 100) == 100
        raise InterruptedError


def test_what_was_forgotten_is_not_kept(scene: Scene, database: Database) -> None:
    """Retention drops what activities said: then their words must find nothing, and take no room."""
    for subject in ("lot-1 of eve", "lot-2 of eve"):
        act(database, subject)
    assign(database)
    with connection(database) as books:
        take(database)
        [first, second] = [one.id for one in find(database, "eve").activities][::-1]
        with transaction(database) as unit:
            words.forget(unit.connection, [first])
        assert subjects(database, "eve") == ["lot-2 of eve"]
        assert _is_kept(books, "eve")
        assert not _is_kept(books, "lot-1")
        with transaction(database) as unit:
            words.forget(unit.connection, [first, second])
        assert not _is_kept(books, "eve")


def _is_kept(books: Connection, word: str) -> bool:
    [(found,)] = books.execute("SELECT EXISTS (SELECT FROM activity_word WHERE word = %s)", (words.digest(word),))
    return bool(found)


def test_a_phrase_stands_in_the_sentence(scene: Scene, database: Database) -> None:
    """Ids that happen to be neighbours in the record are no phrase."""
    purchase = Origin(ActorType.SERVICE, "caller_x", "API", Kind("transaction.recorded", "ORDERS", "ORDER"))
    details = {"amount_minor": 500, "currency": "EUR", "points": 5, "card": "plain"}
    with transaction(database) as unit:
        record(unit, purchase, "programs/coffee/customers/ada/transactions/71", Scope(PROGRAM), details=details)
    assign(database)
    take(database)
    [found] = find(database, '"purchase 71 of"').activities
    told = words.told(found)
    assert told.startswith("Purchase 71 of ")
    assert words.matches(found, wanted('"purchase 71 of" ada'))
    assert subjects(database, '"of 71"') == []
    assert subjects(database, '"71 ada"') == []
    assert not words.matches(found, wanted('"71 ada"'))


SAID: dict[str, Callable[[dict[str, Any]], None]] = {
    "a code": lambda body: body["details"].update(reason="GIFT_OF_THE_HOUSE"),
    "a thing elsewhere": lambda body: body["details"].update(related="gifts/gift_of_the_house"),
    "a request": lambda body: body.update(request_id="gift_of_the_house"),
    "a subject": lambda body: body.update(subject="programs/coffee/customers/gift_of_the_house"),
}


@pytest.mark.parametrize("said", SAID)
def test_an_activity_is_found_by_the_ids_and_codes_it_names(said: str) -> None:
    """Whoever has the number on a receipt, or the code of an error, finds what it belongs to."""
    one = _activity()
    assert not words.matches(one, wanted("gift_of_the_house"))
    SAID[said](one.body)
    assert words.matches(one, wanted("GIFT_OF_THE_HOUSE"))


def test_an_activity_that_names_ten_thousand_things_is_found_by_some() -> None:
    """One record may not make the index as large as many."""
    one = _activity()
    one.body["details"]["list"] = " ".join(f"lot{number}" for number in range(10_000))
    assert len(words.by(one)) == words.WORDS_MAX


def test_what_was_dropped_is_found_by_no_word() -> None:
    """Neither in a stream nor in a file: what lists and counts do not find must not be elsewhere."""
    activity = _activity()
    assert words.matches(activity, wanted("till"))
    activity.body["dropped_by"] = "01a22bc3-e632-7b2b-a69a-9cc2aebe368e"
    assert not words.matches(activity, wanted("till"))
    assert words.matches(activity, NOTHING)


def test_times_are_no_words() -> None:
    """Each is another one, and would be kept for nobody."""
    one = _activity()
    before = words.by(one)
    one.body["details"].update(expires_at="2026-03-01T00:00:00+00:00", day="2026-03-01")
    assert words.by(one) == before


def _activity() -> Activity:
    body = {
        "action": "points.spent",
        "subject": "programs/coffee",
        "details": {},
        "changes": [],
        "actor": {"type": "SERVICE", "id": "caller_x"},
        "outcome": "SUCCEEDED",
        "request_id": "",
        "method": "",
    }
    return Activity(None, body, None, None, "till")  # type: ignore[arg-type]
