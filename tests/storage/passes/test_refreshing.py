"""A pass that says something else gets the next revision and is pushed, once for a burst; one that says the same is
not; and revisions are in the order of commits, so that no phone overlooks one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from rules.passes.content import Amount
from storage.engine.database import Database, connection
from storage.engine.unit import run, transaction
from storage.passes import facts, marking
from storage.passes.refreshing import refresh as refreshing
from tests.storage.passes.carrying import (
    LOYALTY,
    card,
    follow,
    issue,
    listed,
    marked,
    phone,
    pushes,
    redesign,
    refresh,
    template,
    update,
    values,
)
from tests.storage.scene import Scene


def test_a_new_pass_gets_its_first_revision_without_a_push(database: Database) -> None:
    """Nobody has it yet."""
    scene = Scene(database)
    made = _issued(scene)
    assert card(scene, made).is_ahead
    assert refresh(scene) == (1, 1)
    assert (card(scene, made).revision, card(scene, made).is_ahead) == (1, False)
    assert not pushes(scene)
    assert not marked(scene)


def test_a_change_is_told_to_the_wallets_that_have_the_pass(database: Database) -> None:
    """To no other: a push for nobody is one too many."""
    scene = Scene(database, "ada", "ben")
    made, other = _issued(scene), _issued(scene, "ben")
    refresh(scene)
    phone(scene, made)
    query = "INSERT INTO pass_google VALUES (%s, 'issuer', 0, now(), now(), 'OK') RETURNING pass"
    scene.rows(query, [other])
    for name in ("ada", "ben"):
        scene.earn(100, name)
    assert update(scene).changed == 2
    assert (pushes(scene), pushes(scene, "push_google")) == ([made], [other])


def test_a_burst_of_changes_is_one_push(database: Database) -> None:
    """A till records a purchase, redeems coupons and gives points within a second."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)
    phone(scene, made)
    for _ in range(7):
        scene.earn(100)
        follow(scene, timedelta(minutes=1))
    assert refresh(scene).looked_at == 0
    scene.execute("UPDATE pass_mark SET due_at = now() WHERE position = (SELECT min(position) FROM pass_mark)")
    assert refresh(scene) == (1, 1)
    assert pushes(scene) == [made]
    assert values(card(scene, made))["points"] == Amount(700)


def test_what_comes_to_the_same_is_no_news(database: Database) -> None:
    """A purchase that is taken back at once, a profile that is saved as it was, a template that is only renamed."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)
    phone(scene, made)
    before = card(scene, made)
    scene.earn(100)
    scene.do(scene.adjustment(-100))
    scene.rows("UPDATE pass_template SET version = 2, display_name = 'Renamed' RETURNING id")
    assert update(scene) == (1, 0)
    assert not pushes(scene)
    after = card(scene, made)
    assert (after.revision, after.modified_at, after.is_ahead) == (before.revision, before.modified_at, False)


def test_what_was_handed_out_ahead_is_told_even_if_it_comes_to_the_same(database: Database) -> None:
    """A phone that asked in between has what was never a revision. It would show it for ever."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)
    device = phone(scene, made)
    tag = listed(scene, device).tag
    scene.earn(100)
    ahead = card(scene, made)
    assert ahead.is_ahead
    with connection(database) as books:
        marking.note_ahead(books, [made])
    scene.do(scene.adjustment(-100))
    assert update(scene) == (1, 1)
    assert pushes(scene) == [made]
    assert listed(scene, device, tag).passes == (made,)
    assert card(scene, made).modified_at > ahead.modified_at


def test_last_modified_is_never_twice_the_same(database: Database) -> None:
    """However soon one change follows the other: HTTP's seconds are long."""
    scene = Scene(database)
    made = _issued(scene)
    seen = [card(scene, made).modified_at]
    for _ in range(5):
        scene.earn(100)
        update(scene)
        seen.append(card(scene, made).modified_at)
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(seen))
    assert all(at.microsecond == 0 for at in seen)


def test_a_refresh_is_since_the_first_change_that_it_tells(database: Database) -> None:
    """From when it was recorded: so one sees how long it took to arrive."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)
    for _ in range(3):
        scene.earn(100)
        follow(scene)
    [(first,)] = scene.rows("SELECT min(since) FROM pass_mark")
    refresh(scene)
    assert scene.rows("SELECT changed_at FROM pass_content WHERE pass = %s", [made]) == [(first,)]


def test_many_are_refreshed_in_steps_the_longest_waiting_first(database: Database) -> None:
    """A sweep that expires a million points is as many cards; each step is a short transaction."""
    scene = Scene(database, *(names := [f"c{number}" for number in range(12)]))
    made = template(scene)
    passes = [issue(scene, made, name) for name in names]
    for number, one in enumerate(passes):
        query = "INSERT INTO pass_mark VALUES (%s, 1, now() - %s, now() - %s) RETURNING pass"
        age = timedelta(minutes=number)
        scene.rows(query, [one, age, age])
    assert [refresh(scene, 5).looked_at for _ in range(4)] == [5, 5, 2, 0]
    told = scene.rows("SELECT pass FROM pass_content ORDER BY revision")
    assert [one for (one,) in told] == passes[::-1]


def test_revisions_are_in_the_order_of_commits(database: Database) -> None:
    """A phone that saw the later would never ask for the earlier: two refreshes take turns."""
    scene = Scene(database, "ada", "ben")
    _issued(scene), _issued(scene, "ben")
    began: list[int] = []
    with transaction(database) as unit:
        assert refreshing(unit, 1).changed == 1
        other = Thread(target=lambda: began.append(_refreshed_elsewhere(scene)))
        other.start()
        other.join(0.3)
        assert not began
    other.join()
    assert began == [1]
    assert scene.rows("SELECT count(*), max(revision) FROM pass_content") == [(2, 2)]


def test_a_change_that_commits_during_a_refresh_is_told_by_the_next(database: Database) -> None:
    """Its mark comes later than those that were taken: nothing that is seen of it is lost."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)
    scene.earn(100)
    follow(scene)
    with transaction(database) as unit:
        refreshing(unit, 10)
        _elsewhere(scene, lambda: scene.earn(23))
    assert card(scene, made).is_ahead
    assert update(scene) == (1, 1)
    assert not card(scene, made).is_ahead
    assert values(card(scene, made))["points"] == Amount(123)


def test_a_refresh_that_is_cut_off_is_done_again(database: Database) -> None:
    """A worker may be killed at any point: marks go with the revisions that they became, or stay."""
    scene = Scene(database)
    made = _issued(scene)
    with transaction(database) as unit:
        refreshing(unit, 10)
        unit.discard()
    assert marked(scene) == {made}
    assert refresh(scene) == (1, 1)


def test_a_pass_that_cannot_be_read_keeps_the_others_from_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours in one template is no reason for a million cards to stand still. It is tried again later."""
    scene = Scene(database, "ada", "ben", "cid")
    broken = template(scene, template_id="broken")
    passes = [_issued(scene, name) for name in ("ada", "ben")]
    lost = issue(scene, broken, "cid")
    with connection(database) as books:
        marking.note_ahead(books, [lost])
    scene.rows('UPDATE pass_template SET design = \'{"kind": "UNKNOWN"}\' WHERE id = %s RETURNING id', [broken])
    with capture_logs() as logs:
        assert refresh(scene) == (3, 2)
    assert [line["passes"] for line in logs] == [[str(lost)]]
    assert all(card(scene, one).revision for one in passes)
    assert marked(scene) == {lost}
    assert refresh(scene).looked_at == 0
    redesign(scene, broken, LOYALTY)
    scene.execute("UPDATE pass_mark SET due_at = now()")
    assert refresh(scene) == (1, 1)


@pytest.mark.parametrize(("position", "changed"), [(5, 0), (marking.AGAIN, 0), (marking.AHEAD, 1)])
def test_a_pass_that_could_not_be_read_is_told_only_as_before(
    database: Database, monkeypatch: pytest.MonkeyPatch, position: int, changed: int
) -> None:
    """Of one that says the same phones hear nothing; and who has it looked at again meanwhile keeps no refresh from its
    end."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)

    def broken(*_: object) -> None:
        if position > 0:
            scene.execute("INSERT INTO pass_mark VALUES (%s, %s, now(), now())", [made, marking.AGAIN])
        raise ValueError

    scene.execute("INSERT INTO pass_mark VALUES (%s, %s, now(), now())", [made, position])
    with monkeypatch.context() as patched:
        patched.setattr(facts, "read", broken)
        refresh(scene)
    scene.execute("UPDATE pass_mark SET due_at = now()")
    assert refresh(scene) == (1, changed)


def test_a_card_that_is_emptied_is_told(database: Database) -> None:
    """The last thing that a phone hears of somebody who wants to be forgotten."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)
    phone(scene, made)
    scene.rows("UPDATE pass SET erased_at = now(), voided_at = now() RETURNING id")
    with connection(database) as books:
        marking.note_ahead(books, [made])
    assert refresh(scene).changed == 1
    assert pushes(scene) == [made]


def test_a_wrong_figure_of_a_template_changes_all_of_its_cards(database: Database) -> None:
    """A new design is told to everybody who has the card."""
    scene = Scene(database, "ada", "ben")
    made = template(scene)
    passes = {issue(scene, made), issue(scene, made, "ben")}
    with connection(database) as books:
        marking.note_ahead(books, passes)
    refresh(scene)
    redesign(scene, made, replace(LOYALTY, organization_name="Tea club"))
    assert all(card(scene, one).is_ahead for one in passes)


def _issued(scene: Scene, name: str = "ada") -> UUID:
    """A pass, noted like one that was just issued."""
    found = scene.rows("SELECT id FROM pass_template WHERE template_id = 'card'")
    made = issue(scene, found[0][0] if found else template(scene), name)
    with connection(scene.database) as books:
        marking.note_ahead(books, [made])
    return made


def _refreshed_elsewhere(scene: Scene) -> int:
    return run(scene.database, lambda unit: refreshing(unit, 10)).changed


def _elsewhere(scene: Scene, act: Callable[[], Any]) -> None:
    """Does something on another thread's connection."""
    other = Thread(target=act)
    other.start()
    other.join()


def test_time_of_a_revision_is_of_the_database(database: Database) -> None:
    """And within a second of now, unless changes come faster than seconds pass."""
    scene = Scene(database)
    made = _issued(scene)
    refresh(scene)
    with connection(database) as books:
        told = facts.read(books, [made])[made].told
    assert told is not None
    assert abs(told.modified_at - datetime.now(UTC)) < timedelta(seconds=60)
