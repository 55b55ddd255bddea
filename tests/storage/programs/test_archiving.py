"""Programs and cards that are archived: what holds from that moment on, in every server, and what still happens."""

from dataclasses import replace
from uuid import uuid4

import pytest

from rules.refusals import CardArchived, CardFixed, ProgramArchived, StaleEtag
from storage.activity.records import ActivityRow
from storage.customers.commands import CreateCustomer
from storage.customers.queries import Profile
from storage.engine.commands import Reason
from storage.engine.database import Database
from storage.programs.commands import UpdateProgram
from tests.storage import members
from tests.storage.acts import DAY
from tests.storage.blocking import Ledger
from tests.storage.policies import SETTINGS, Policies
from tests.storage.scene import asked

WHY = Reason("SHOP_CLOSED", "Gwendolyn has had enough", "agent_7")


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers, one with points, a hold, and points that wait."""
    made = Policies(database)
    made.earn(100, transaction_id="paid")
    made.do(made.hold(30))
    made.earn(50, card="slow")
    return made


def test_every_server_knows_from_the_next_act_on(shop: Policies) -> None:
    """Each has the settings in its memory: it is the version that tells them."""
    servers = (shop.ledger, Ledger(shop.database))
    for server in servers:
        server.run([shop.purchase(1)])
    shop.archive("plain")
    assert [type(server.run([shop.purchase(1)])[0]) for server in servers] == [CardArchived] * 2
    shop.archive("plain", archive=False)
    assert shop.earn(1).points == 1
    shop.archive()
    assert [type(server.run([shop.purchase(1)])[0]) for server in servers] == [ProgramArchived] * 2
    assert type(shop.refused(shop.spending(1))) is ProgramArchived


def test_a_purchase_that_stands_in_the_books_is_answered(shop: Policies) -> None:
    """A till whose answer was lost asks again, and must not be told that nothing was recorded."""
    shop.archive("plain")
    shop.archive()
    assert shop.do(shop.purchase(100, transaction_id="paid")).replayed


def test_time_goes_on_and_what_had_begun_ends(shop: Policies) -> None:
    """Points become active and expire as promised; the hold of a checkout is captured; a purchase comes back."""
    shop.archive()
    shop.do(shop.capture(1, 0))
    shop.advance(11 * DAY)
    shop.sweep()
    assert shop.figures(card="slow")[:2] == (0, 50)
    shop.do(shop.refund("paid", 10))
    shop.advance(60 * DAY)
    assert shop.figures(card="slow")[:2] == (0, 0)
    assert shop.figures()[1] == 60
    shop.assert_conserved()


def test_persons_are_suspended_closed_and_merged_there_and_nobody_joins(shop: Policies) -> None:
    """Customers leave a club that has ended; nobody comes."""
    shop.archive()
    with pytest.raises(ProgramArchived) as refused:
        shop.carry_out(CreateCustomer("coffee", "cyd", Profile(), asked("cyd")))
    assert refused.value.facts == {"program": "coffee"}
    members.merge(shop)
    members.suspend(shop, "ben")
    members.close(shop, "ben")
    members.assert_conserved(shop)


def test_its_settings_stay_as_they_are_but_for_the_state_itself(shop: Policies) -> None:
    """New rates of a program in which nobody earns would surprise whoever takes it up again."""
    shop.archive("plain")
    shop.archive()
    for change in (lambda: shop.change(display_name="Tea club"), lambda: shop.archive("slow")):
        with pytest.raises(ProgramArchived):
            change()
    settings = shop.archive(archive=False).value.settings
    assert settings == replace(SETTINGS, cards=(replace(SETTINGS.cards[0], archived=True), *SETTINGS.cards[1:]))


def test_a_change_of_the_settings_keeps_states_that_it_does_not_name(shop: Policies) -> None:
    """A client that was written before there were states must not bring a card back to life."""
    shop.archive("plain")
    with pytest.raises(CardFixed):
        shop.change(cards=SETTINGS.cards)
    changes = {"cards": SETTINGS.cards}
    change = UpdateProgram("coffee", "", changes, asked("cards"), frozenset({"plain"}))
    assert shop.carry_out(change).value.settings.cards[0].archived
    assert type(shop.refused(shop.purchase(1))) is CardArchived


@pytest.mark.parametrize("card", ["", "plain"])
def test_who_did_it_and_why_stands_in_the_log(shop: Policies, card: str) -> None:
    """Each is a version of the settings of its own, named by its record."""
    done = shop.archive(card, reason=WHY)
    row = ActivityRow.get(ActivityRow.id == done.activity)
    about = "programs/coffee/cards/plain" if card else "programs/coffee"
    assert f'"subject":"{about}"' in row.body
    assert '"changes":[{"after":"ARCHIVED","before":"ACTIVE","field":"state","kind":"TEXT"}]' in row.body
    assert '"details":{"admin":"agent_7","reason_code":"SHOP_CLOSED"}' in row.body
    assert shop.rows("SELECT note FROM activity_note WHERE activity = %s", [done.activity]) == [(WHY.note,)]
    assert shop.rows("SELECT version FROM program_version WHERE activity = %s", [done.activity]) == [(2,)]


@pytest.mark.parametrize("card", ["", "plain"])
def test_asked_twice_it_is_done_once_only_asked_about_not_at_all_and_not_by_an_old_etag(
    shop: Policies, card: str
) -> None:
    """The same promise as for every change."""
    before = shop.contents()
    preview = shop.archive(card, validate_only=True)
    assert shop.contents() == before
    request_id = str(uuid4())
    done = shop.archive(card, request_id=request_id)
    assert done.value.settings == preview.value.settings
    before = shop.contents()
    assert shop.archive(card, request_id=request_id) == done._replace(replayed=True)
    assert shop.contents() == before
    with pytest.raises(StaleEtag):
        shop.archive(card, archive=False, etag=shop.program.etag)
    shop.archive(card, archive=False, etag=done.value.etag)
