"""What a phone is told has changed: all of it, nothing twice, and nothing of others (rules W4 to W8)."""

from dataclasses import replace
from uuid import UUID

from storage.engine.database import Database, connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.passes import marking
from storage.passes.listing import Question, list_changed
from tests.storage.passes.carrying import LOYALTY, issue, listed, phone, refresh, template, update
from tests.storage.scene import Scene


def _several(scene: Scene, count: int = 3) -> list[UUID]:
    passes = [issue(scene, template(scene, template_id=f"card{number}")) for number in range(count)]
    with connection(scene.database) as books:
        marking.note_ahead(books, passes)
    refresh(scene)
    return passes


def test_w6_without_a_tag_all_passes_of_the_phone_are_listed(database: Database) -> None:
    """And none of other phones."""
    scene = Scene(database)
    passes = _several(scene)
    device = phone(scene, *passes[:2])
    phone(scene, passes[2], name="other")
    assert set(listed(scene, device).passes) == set(passes[:2])


def test_w6_with_a_tag_every_pass_that_changed_after_it_is_listed(database: Database) -> None:
    """Not just the newest; and once told, not again."""
    scene = Scene(database)
    passes = _several(scene)
    device = phone(scene, *passes)
    tag = listed(scene, device).tag
    assert listed(scene, device, tag).passes == ()
    scene.earn(100)
    update(scene)
    news = listed(scene, device, tag)
    assert set(news.passes) == set(passes)
    assert listed(scene, device, news.tag).passes == ()


def test_w8_an_answer_with_passes_has_another_tag(database: Database) -> None:
    """A phone that is given its own tag again says so in its log."""
    scene = Scene(database)
    device = phone(scene, *_several(scene))
    tags = [listed(scene, device).tag]
    for _ in range(3):
        scene.earn(100)
        update(scene)
        tags.append(listed(scene, device, tags[-1]).tag)
    assert len(set(tags)) == 4


def test_w7_a_tag_that_is_none_of_ours_lists_all(database: Database) -> None:
    """Of too many passes a phone keeps those that it has; of too few it never hears."""
    scene = Scene(database)
    passes = _several(scene)
    device = phone(scene, *passes)
    for tag in ("2026-01-01T00:00:00Z", "-1", "9" * 19, "9" * 30, "٣", "' OR 1=1 --", "\x00", "1.5", " 1"):
        assert set(listed(scene, device, tag).passes) == set(passes), tag


def test_w7_a_tag_from_before_the_books_were_restored_lists_all(database: Database) -> None:
    """A backup has an older counter; phones keep their tags, and would hear of nothing until it has caught up."""
    scene = Scene(database)
    device = phone(scene, *(passes := _several(scene)))
    tag = listed(scene, device).tag
    scene.execute("UPDATE pass_content SET revision = 1")
    scene.execute("UPDATE pass_counter SET revision = 1")
    news = listed(scene, device, tag)
    assert set(news.passes) == set(passes)
    assert listed(scene, device, news.tag).passes == ()


def test_w4_an_unknown_phone_is_told_nothing(database: Database) -> None:
    """As one of which nothing has changed."""
    scene = Scene(database)
    _several(scene)
    assert listed(scene, b"?" * 32) == ((), "")


def test_only_passes_of_the_pass_type_are_listed(database: Database) -> None:
    """A phone asks for each of its pass types; a design that names none is of the only one."""
    scene = Scene(database)
    designs = [replace(LOYALTY, apple_pass_type=one) for one in ("pass.one", "pass.two", "")]
    made = [issue(scene, template(scene, design, f"t{number}")) for number, design in enumerate(designs)]
    device = phone(scene, *made)
    assert listed(scene, device, pass_types=("pass.one",)).passes == (made[0],)
    assert set(listed(scene, device, pass_types=("pass.two", "")).passes) == set(made[1:])
    assert set(listed(scene, device).passes) == set(made)


def test_a_pass_before_its_first_revision_is_listed_to_who_asks_for_all(database: Database) -> None:
    """A phone may register within the second in which a pass was made."""
    scene = Scene(database)
    made = issue(scene, template(scene))
    device = phone(scene, made)
    assert listed(scene, device) == ((made,), "0")
    with connection(database) as books:
        marking.note_ahead(books, [made])
    refresh(scene)
    assert listed(scene, device, "0").passes == (made,)


def test_questions_that_come_together_get_their_own_answers(database: Database) -> None:
    """They share a round trip and nothing else."""
    scene = Scene(database)
    passes = _several(scene)
    one, other = phone(scene, passes[0]), phone(scene, passes[1], name="other")
    asked = [Question(other), Question(one, tag="3"), Question(b"?" * 32), Question(one)]
    with connection(database) as books:
        found = blocking(list_changed(session(books), asked))
        assert blocking(list_changed(session(books), [])) == []
    assert [answer.passes for answer in found] == [(passes[1],), (), (), (passes[0],)]
