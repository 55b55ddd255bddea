"""The events history of customers who were merged: one list, as if all of it had happened to one, until they part."""

from typing import Any

import pytest

from rules.refusals import CustomerMerged
from storage.engine.database import Database
from storage.ledger.addresses import CustomerName
from storage.ledger.reading import events
from storage.ledger.reading.events import EventOrder, EventRead
from tests.storage import members
from tests.storage.deep import DAY, Deep

pytestmark = pytest.mark.long

NAMES = ("ada", "ben", "cyd")


@pytest.fixture
def scene(database: Database) -> Deep:
    """Three customers to whom things happen in turn: some at one instant, some with the same points."""
    made = Deep(database, *NAMES)
    for day in range(3):
        for name in NAMES:
            made.earn(10 * (day + 1), name)
            made.do(made.event("reviewed", name))
            made.do(made.spending(5, name))
        made.pass_time(DAY)
    return made


def listed(
    scene: Deep,
    name: str,
    event_type: str = "",
    order: EventOrder = EventOrder.OCCURRED_AT,
    ascending: bool = False,
    after: Any = None,
    size: int = 100,
) -> list[EventRead]:
    """The history of a customer, or a page of it."""
    return scene.read(events.page, CustomerName("coffee", name), event_type, order, ascending, after, size)


def whose(found: list[EventRead]) -> set[str]:
    """The customers to whom it happened."""
    return {event.subject.split("/")[3] for event in found}


def test_both_histories_are_one_and_each_event_says_whose_it_was(scene: Deep) -> None:
    """Whoever is asked what happened to a customer must see what happened before the merge."""
    ada, ben = listed(scene, "ada"), listed(scene, "ben")
    members.merge(scene)
    found = listed(scene, "ben")
    assert {event.event_type for event in found[:2]} == {"customer.merged"}
    assert found[2:] == sorted(ada + ben, key=lambda event: event.cursor(EventOrder.OCCURRED_AT), reverse=True)
    assert sorted(event.points for event in found[:2]) == [-120, 120]
    assert all(event.subject.startswith("programs/coffee/customers/ada") for event in found if event in ada)
    assert "ada" not in whose(listed(scene, "cyd"))
    with pytest.raises(CustomerMerged):
        listed(scene, "ada")


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("order", EventOrder)
def test_pages_show_each_event_of_both_once(scene: Deep, order: EventOrder, ascending: bool, size: int) -> None:
    """Whatever it is sorted by, and while more happens to the one that is left."""
    members.merge(scene)
    scene.pass_time(DAY)
    whole = listed(scene, "ben", order=order, ascending=ascending)
    values: list[Any] = [event.cursor(order)[0] for event in whole]
    assert values == sorted(values, reverse=not ascending)
    assert (len(whole), whose(whole)) == (20, {"ada", "ben"})
    paged: list[EventRead] = []
    after = None
    while page := listed(scene, "ben", order=order, ascending=ascending, after=after, size=size):
        paged += page
        after = paged[-1].cursor(order)
        if len(paged) < 7:
            scene.pass_time(DAY)
            scene.do(scene.event("reviewed", "ben"))
    assert len({event.id for event in paged}) == len(paged)
    there = {event.id for event in whole}
    assert [event for event in paged if event.id in there] == whole


def test_a_type_is_picked_out_of_both(scene: Deep) -> None:
    """Also where it happened to one of them only."""
    scene.do(scene.event("delivered"))
    members.merge(scene)
    found = listed(scene, "ben", "reviewed")
    assert (len(found), whose(found)) == (6, {"ada", "ben"})
    [delivered] = listed(scene, "ben", "delivered")
    assert whose([delivered]) == {"ada"}
    assert listed(scene, "ben", "nothing.such") == []


def test_the_least_points_come_first_whoever_lost_them(scene: Deep) -> None:
    """Where equal, newest first, also across the two."""
    members.merge(scene)
    found = listed(scene, "ben", order=EventOrder.POINTS, ascending=True)
    assert [event.points for event in found[:8]] == [-120, -5, -5, -5, -5, -5, -5, 10]
    equal = [event.id for event in found[1:7]]
    assert equal == sorted(equal, reverse=True)
    assert whose(found[1:3]) == {"ada", "ben"}


def test_a_chain_of_merges_is_one_history_too(scene: Deep) -> None:
    """What happened to each is shown with the last of them, and with whoever parts from it."""
    before = {event.id for name in NAMES for event in listed(scene, name)}
    members.merge(scene, "ada", "ben")
    members.merge(scene, "ben", "cyd")
    found = listed(scene, "cyd")
    assert {event.id for event in found if event.event_type != "customer.merged"} == before
    assert (len(found), whose(found)) == (len(before) + 4, set(NAMES))
    for name in ("ada", "ben"):
        with pytest.raises(CustomerMerged) as refused:
            listed(scene, name)
        assert refused.value.facts["target"].endswith({"ada": "ben", "ben": "cyd"}[name])
    members.unmerge(scene, "ben")
    assert (whose(listed(scene, "cyd")), whose(listed(scene, "ben"))) == ({"cyd"}, {"ada", "ben"})


def test_who_parts_takes_its_own_history_along(scene: Deep) -> None:
    """What happened to the other meanwhile stays there."""
    ada, ben = listed(scene, "ada"), listed(scene, "ben")
    members.merge(scene)
    scene.do(scene.event("delivered", "ben"))
    members.unmerge(scene)
    mine, theirs = listed(scene, "ada"), listed(scene, "ben")
    told = ["customer.unmerged", "customer.merged"]
    assert [event.event_type for event in mine] == told + [event.event_type for event in ada]
    assert [event.event_type for event in theirs] == [told[0], "delivered", told[1]] + [one.event_type for one in ben]
    assert (whose(mine), whose(theirs)) == ({"ada"}, {"ben"})


def test_a_target_to_whom_nothing_happened_shows_what_happened_to_the_source(database: Database) -> None:
    """A new record of an old customer: its first page is full all the same."""
    scene = Deep(database)
    for _ in range(3):
        scene.do(scene.event("delivered"))
    members.merge(scene)
    assert len(listed(scene, "ben", "delivered", size=2)) == 2
    assert whose(listed(scene, "ben", "delivered")) == {"ada"}
