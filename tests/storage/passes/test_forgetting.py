"""Cards of people who were erased: forgotten when no phone shows anything of them any more, and not before."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from storage.engine.database import Database
from storage.engine.unit import run
from storage.passes.forgetting import FORGOTTEN_AFTER, forget, still_shown
from storage.passes.reconciling import look
from tests.storage.members import erase
from tests.storage.passes import carrying
from tests.storage.passes.carrying import fetched, follow, issue, phone, refresh, standing, template, update, values
from tests.storage.scene import Scene

TABLES = ("pass_registration", "pass_delivery", "pass_link", "pass_google", "pass_device", "pass_device_log")
MINUTE = timedelta(minutes=1)
_LINK = """
INSERT INTO pass_link (id, pass, token_hash, created_at, expires_at, activity)
SELECT id, id, %s, now(), now(), activity FROM pass WHERE id = %s
"""


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers."""
    return Scene(database, "ada", "ben")


def _carried(scene: Scene, *phones: str, name: str = "ada", of: str = "card") -> UUID:
    """A pass on some phones, which have what it says, and of which it is known by all that there is."""
    made = issue(scene, template(scene, template_id=of), name)
    scene.earn(5, name)
    update(scene)
    for one in phones:
        phone(scene, made, name=one)
        fetched(scene, made, _device(one))
    scene.execute(_LINK, [uuid4().bytes, made])
    scene.execute("INSERT INTO pass_device_log (pass, received_at, line) VALUES (%s, now(), 'Ada')", [made])
    return made


def _device(name: str) -> bytes:
    return name.encode().ljust(32, b".")


def _forget(scene: Scene, limit: int = 10) -> int:
    return run(scene.database, lambda unit: forget(unit.connection, limit))


def _left(scene: Scene) -> set[str]:
    return {table for table in TABLES if scene.rows(f"SELECT FROM {table}")}


def test_when_every_phone_has_fetched_the_empty_card_only_its_row_is_left(scene: Scene) -> None:
    """A phone that is told nothing would show the name for ever."""
    gold = _carried(scene, "hers", "his")
    assert _left(scene) >= {"pass_registration", "pass_delivery", "pass_link", "pass_device", "pass_device_log"}
    erase(scene)
    assert _forget(scene) == 0, "nobody has marked it yet"
    follow(scene)
    assert _forget(scene) == 0, "nobody has built the empty card yet"
    assert refresh(scene).changed == 1
    emptied = carrying.card(scene, gold)
    assert emptied.content.voided
    assert values(emptied) == {}
    assert _forget(scene) == 0, "no phone has fetched it"
    fetched(scene, gold, _device("hers"))
    assert _forget(scene) == 0, "the other phone has not"
    fetched(scene, gold, _device("his"))
    assert _forget(scene) == 1
    assert _left(scene) == set()
    assert standing(scene) == {gold: ("ada", True, True, True)}
    assert scene.rows("SELECT digest FROM pass_content") == [(b"",)]
    assert _forget(scene) == 0


def test_google_must_have_been_sent_it_too(scene: Scene) -> None:
    """It shows the card to its owner on every device."""
    gold = _carried(scene)
    scene.execute(
        "INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, digest)"
        " SELECT pass, 'issuer', revision, now(), now(), '200', digest FROM pass_content WHERE pass = %s",
        [gold],
    )
    erase(scene)
    update(scene)
    assert _forget(scene) == 0
    scene.execute("UPDATE pass_google SET revision = k.revision FROM pass_content k WHERE k.pass = pass_google.pass")
    assert _forget(scene) == 1
    assert _left(scene) == set()


def test_what_google_goes_on_showing_is_never_forgotten(scene: Scene) -> None:
    """It refused the empty card, once or for a month. What is known of phones goes meanwhile; and when Google has taken
    it, the rest."""
    gold = _carried(scene, "lost")
    scene.execute(
        "INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, digest, removed_at)"
        " SELECT pass, 'issuer', revision, now(), now(), '400', digest, now() FROM pass_content WHERE pass = %s",
        [gold],
    )
    erase(scene)
    update(scene)
    scene.execute("UPDATE pass SET erased_at = now() - %s", [FORGOTTEN_AFTER])
    scene.execute("UPDATE pass_content SET built_at = now() - interval '2 days'")
    assert [_forget(scene), _forget(scene)] == [1, 0]
    assert _left(scene) == {"pass_google"}
    assert run(scene.database, lambda unit: still_shown(unit.connection, MINUTE)) == 1
    scene.execute("DELETE FROM task")
    assert run(scene.database, lambda unit: look(unit, None, 10, MINUTE)).told_again == 1
    assert scene.rows("SELECT actor FROM task WHERE actor LIKE 'push%%'") == [("push_google",)]
    scene.execute("UPDATE pass_google SET revision = k.revision FROM pass_content k WHERE k.pass = pass_google.pass")
    refresh(scene)
    assert run(scene.database, lambda unit: still_shown(unit.connection, MINUTE)) == 0
    assert _forget(scene) == 1
    assert _left(scene) == set()


def test_what_google_never_had_is_not_waited_for_unless_somebody_is_at_it(scene: Scene) -> None:
    """A link was handed out, and nobody followed it."""
    gold = _carried(scene)
    scene.execute(
        "INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, begun_until)"
        " VALUES (%s, 'issuer', 0, now(), now(), '', now() + interval '1 minute')",
        [gold],
    )
    erase(scene)
    update(scene)
    assert _forget(scene) == 0
    scene.execute("UPDATE pass_google SET begun_until = NULL")
    assert _forget(scene) == 1


def test_a_phone_that_never_comes_is_waited_for_a_month(scene: Scene) -> None:
    """It lies in a drawer, or in a river: what is known of it goes all the same."""
    _carried(scene, "lost")
    erase(scene)
    update(scene)
    scene.execute("UPDATE pass SET erased_at = now() - %s", [FORGOTTEN_AFTER - MINUTE])
    assert _forget(scene) == 0
    scene.execute("UPDATE pass SET erased_at = now() - %s", [FORGOTTEN_AFTER])
    assert _forget(scene) == 1
    assert _left(scene) == set()


def test_a_phone_with_another_card_is_kept_with_that(scene: Scene) -> None:
    """Two share one phone: one was erased, the other wants to see the points."""
    hers, his = _carried(scene, "ours"), _carried(scene, "ours", name="ben", of="other")
    erase(scene)
    update(scene)
    fetched(scene, hers, _device("ours"))
    assert _forget(scene) == 1
    assert _left(scene) == {"pass_registration", "pass_delivery", "pass_link", "pass_device", "pass_device_log"}
    assert scene.rows("SELECT pass FROM pass_registration") == [(his,)]
    assert standing(scene)[his] == ("ben", False, False, False)


def test_as_many_at_a_time_as_it_may(scene: Scene) -> None:
    """Of a thousand that were erased in a night, each batch is a short transaction."""
    for name in "abc":
        _carried(scene, of=name)
    erase(scene)
    update(scene)
    assert [_forget(scene, 2), _forget(scene, 2), _forget(scene, 2)] == [2, 1, 0]
