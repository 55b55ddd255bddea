"""What every act on the ledger promises, whichever it is: asked about, done, done again, recorded, of the suspended."""

import json
from collections.abc import Iterator
from copy import copy
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from rules.coupons.coupons import Coupon, Redemption
from rules.refusals import (
    CardArchived,
    CustomerBlocked,
    CustomerClosed,
    CustomerMerged,
    CustomerNotFound,
    CustomerSuspended,
    DeadlinePassed,
    ProgramArchived,
    Refusal,
)
from server.commands import HOT
from storage.coupons.acts.using import Used
from storage.engine.commands import Reason
from storage.engine.database import open_database
from storage.passes.reading.passes import PassRead
from tests.databases import fresh_database
from tests.storage import members
from tests.storage.acts import ACTS, commands, live_a_while
from tests.storage.blocking import Ledger
from tests.storage.policies import Policies
from tests.storage.scene import answered

DAY = timedelta(days=1)
WHY = Reason("GOODWILL", "Ada called, and was angry", "agent_7")
# What is still done for a customer who is blocked: what brings in order, and gives nothing by anybody's hand; and for
# one who is suspended: all of that, and what a person decides.
ORDERLY = {
    *("update", "reject", "refund", "refund pending", "refund with points", "write off", "release", "take away"),
    *("cancel", "record event", "record event that was waited for", "record activity", "let go", "void"),
}
KINDLY = {
    "accept",
    "cancel claim",
    "roll back",
    "roll back and extend",
    "roll back without restoring",
    "add",
    "activate",
}
KINDLY |= {"give back"}
# What is about a coupon, whoever has it.
OF_NOBODY = {"void"}


@pytest.fixture(scope="module")
def lived(server_url: str, template: str) -> Iterator[Policies]:
    """A program with that past, to whose database nobody is connected: a copy is there faster than another life."""
    with fresh_database(server_url, template) as url:
        database = open_database(url)
        made = live_a_while(Policies(database))
        database.close()
        yield made


@pytest.fixture
def shop(server_url: str, lived: Policies) -> Iterator[Policies]:
    """The same in books of this test's own."""
    with fresh_database(server_url, urlsplit(lived.database.database).path.removeprefix("/")) as url:
        made = copy(lived)
        made.database = open_database(url)
        made.ledger = Ledger(made.database)
        yield made
        made.database.close()


def test_every_command_that_is_gathered_is_among_them(shop: Policies) -> None:
    """One that is added and forgotten here is one of which nobody knows whether it keeps these promises."""
    assert {type(act(shop, {})) for act in ACTS.values()} == commands(HOT)


@pytest.mark.parametrize("act", ACTS)
def test_asked_about_an_act_says_to_the_last_figure_what_it_then_does(shop: Policies, act: str) -> None:
    """A clerk decides by what he is shown; and asking leaves nothing behind."""
    before = shop.contents()
    asked = shop.do(ACTS[act](shop, {"validate_only": True}))
    assert shop.contents() == before
    done = shop.do(ACTS[act](shop, {}))
    assert asked.activity is None
    assert done.activity is not None
    assert _figures(asked.value) == _figures(done.value)
    shop.assert_conserved()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("together", [True, False])
def test_asked_for_again_an_act_answers_the_same_and_does_nothing(shop: Policies, act: str, together: bool) -> None:
    """The answer was lost on the way; a second refund, capture or transfer would be money."""
    command = ACTS[act](shop, {})
    if together:
        first, again = (answered(outcome) for outcome in shop.group(command, command))
    else:
        first = shop.do(command)
        shop.advance(40 * DAY)
        before = shop.contents()
        again = shop.do(command)
        assert shop.contents() == before
    assert again == first._replace(replayed=True)
    assert type(again.value) is type(first.value)
    shop.assert_conserved()


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_recorded_once_with_its_reason_and_an_event_of_its_customer(shop: Policies, act: str) -> None:
    """Whoever asks later why a balance changed finds who, when and why; what was said about a person lies aside."""
    shop.sweep()
    [[before]] = shop.rows("SELECT count(*) FROM activity")
    done = shop.do(ACTS[act](shop, {"reason": WHY}))
    legs = 2 if act == "transfer" else 1
    assert shop.rows("SELECT count(*) FROM activity") == [(before + legs,)]
    [(body, actor, customer, event)] = shop.rows(
        "SELECT a.body, a.actor, c.customer_id, a.event FROM activity a JOIN customer c ON c.id = a.customer"
        " WHERE a.id = %s",
        [done.activity],
    )
    details = json.loads(body)["details"]
    assert (details["reason_code"], details["admin"]) == ("GOODWILL", "agent_7")
    assert (actor, customer) == ("caller_1", "ada")
    # What gives no points, and never could, is no event.
    assert (event is None) == (act == "record activity")
    assert "angry" not in body
    notes = shop.rows("SELECT note FROM activity_note WHERE activity = %s", [done.activity])
    assert notes == [("Ada called, and was angry",)]


@pytest.mark.parametrize("act", ACTS)
def test_the_points_of_the_event_are_those_by_which_the_account_changed(shop: Policies, act: str) -> None:
    """The timeline shows them beside the event; its reader adds them up."""
    before = _all_points(shop)
    done = shop.do(ACTS[act](shop, {}))
    changed = _all_points(shop) - before
    [(points,)] = shop.rows("SELECT coalesce(points, 0) FROM activity WHERE id = %s", [done.activity])
    if act in ("accept", "activate", "record event that was waited for"):
        assert changed == 0
    else:
        assert points == changed


@pytest.mark.parametrize("act", ACTS)
def test_with_a_suspended_customer_nothing_is_earned_or_spent_and_the_rest_goes_on(shop: Policies, act: str) -> None:
    """A suspicion must not keep anybody from giving an order back, nor from being corrected."""
    shop.suspend()
    command = ACTS[act](shop, {})
    if act in ORDERLY | KINDLY:
        assert not shop.do(command).replayed
        shop.assert_conserved()
    else:
        refused = shop.refused(command)
        assert (type(refused), refused.facts) == (CustomerSuspended, {"customer": "ada"})


@pytest.mark.parametrize("act", ACTS)
def test_to_a_blocked_customer_nobody_gives_anything_and_the_rest_goes_on(shop: Policies, act: str) -> None:
    """A ban that a kind clerk can get around by hand is none; a refund must be booked all the same."""
    shop.suspend(state="BLOCKED")
    command = ACTS[act](shop, {})
    if act in ORDERLY:
        assert not shop.do(command).replayed
        shop.assert_conserved()
    else:
        refused = shop.refused(command)
        assert (type(refused), refused.facts) == (CustomerBlocked, {"customer": "ada"})


@pytest.mark.parametrize("act", ACTS)
def test_of_a_closed_customer_nothing_is_changed_any_more(shop: Policies, act: str) -> None:
    """Its books were settled for good; a purchase that comes late is somebody else's."""
    members.close(shop)
    shop.assert_conserved()
    refused = shop.refused(ACTS[act](shop, {}))
    assert (type(refused), refused.facts) == (CustomerClosed, {"customer": "ada"})


@pytest.mark.parametrize("act", ACTS)
def test_in_an_archived_program_nothing_begins_and_what_had_begun_goes_on(shop: Policies, act: str) -> None:
    """Whoever paid before can still bring it back; and a checkout that was begun is finished."""
    shop.archive()
    command = ACTS[act](shop, {})
    if act in (ORDERLY | KINDLY | {"capture"}) - {"add", "take away"}:
        assert not shop.do(command).replayed
        shop.assert_conserved()
    else:
        refused = shop.refused(command)
        assert (type(refused), refused.facts) == (ProgramArchived, {"program": "coffee"})


@pytest.mark.parametrize("act", ACTS)
def test_to_an_archived_card_nothing_comes_and_what_is_there_lives_on(shop: Policies, act: str) -> None:
    """It is phased out: what people have of it they may spend."""
    for one in shop.program.settings.cards:
        shop.archive(one.card_id)
    command: Any = ACTS[act](shop, {})
    if act in {"record", "record pending", "record sliding", "add", "transfer", "record event that gives"}:
        refused = shop.refused(command)
        assert (type(refused), refused.facts) == (CardArchived, {"card": getattr(command[0], "card", "plain")})
    elif act == "redeem points":
        assert type(shop.refused(command)) is CardArchived
    else:
        assert not shop.do(command).replayed
        shop.assert_conserved()


def test_nobody_gives_points_to_somebody_suspended(shop: Policies) -> None:
    """What comes in could not be used, and would look like a way around it."""
    shop.suspend("ben")
    refused = shop.refused(shop.transfer(10))
    assert (type(refused), refused.facts) == (CustomerSuspended, {"customer": "ben"})


@pytest.mark.parametrize("act", ACTS)
def test_an_act_whose_caller_gave_up_is_not_done(shop: Policies, act: str) -> None:
    """Nobody would hear of it."""
    assert type(shop.refused(ACTS[act](shop, {"deadline": 0.0}))) is DeadlinePassed


@pytest.mark.parametrize("act", ACTS)
def test_somebody_elses_things_and_those_of_nobody_are_not_found(shop: Policies, act: str) -> None:
    """A number is only good together with whom it belongs to."""
    if act in OF_NOBODY:
        return
    command: Any = ACTS[act](shop, {})
    first = command[0]
    refused: Refusal = shop.refused(command._replace(**{command._fields[0]: first._replace(customer="nobody")}))
    assert type(refused) is CustomerNotFound
    if act.split()[0] in ("update", "accept", "reject", "refund", "capture", "release", "activate", "cancel"):
        refused = shop.refused(command._replace(**{command._fields[0]: first._replace(customer="ben")}))
        assert type(refused).__name__.endswith("NotFound")
    assert not isinstance(refused, CustomerMerged)


def _figures(value: Any) -> Any:
    """An answer without the instant and the ids of its recording; of a pass, which lives by the database's clock, also
    without its own instants."""
    ids = ["recorded_at", "received_by", "id", "activity", "claim"]
    if isinstance(value, PassRead):
        ids += ["name", "created_at", "updated_at", "coupon"]
    found = value._replace(**{name: None for name in ids if name in value._fields})
    parts = {name: _figures(part) for name, part in found._asdict().items() if _has_ids(part)}
    lists = {
        name: tuple(map(_figures, part))
        for name, part in found._asdict().items()
        if isinstance(part, tuple) and part and _has_ids(part[0])
    }
    return found._replace(**parts, **lists)


def _has_ids(value: Any) -> bool:
    """A redemption, a coupon or a pass that has an id or a record of its own."""
    return isinstance(value, Used | Redemption | Coupon | PassRead)


def _all_points(shop: Policies) -> int:
    """Ada's active and pending points of all cards."""
    return sum(sum(shop.figures("ada", card.card_id)[:2]) for card in shop.program.settings.cards)
