"""Who has a card: what Google tells by callbacks, and by its answers."""

from uuid import UUID

from storage.engine.unit import transaction
from tests.workers.google.sending import ROW, Sending, told
from workers.actors.prune import prune


def test_a_card_is_in_a_wallet_when_somebody_saved_it(sending: Sending, card: UUID) -> None:
    """Google's word for it counts, whether its callback came once, twice or never."""
    sending.shown(card)["hasUsers"] = True
    assert [sending.call_back(card, "n-1", saved=True) for _ in range(2)] == [True, False]
    sending.work()
    assert sending.scene.rows(ROW) == [("200", True, False)]
    assert told(sending) == ["pass.installed"]
    assert len(sending.asked()) == 3, "whoever saves it is sent it as it is now"


def test_a_save_that_nobody_told_us_of_is_seen_with_the_next_update(sending: Sending, card: UUID) -> None:
    """Callbacks are best effort."""
    sending.shown(card)["hasUsers"] = True
    sending.scene.earn(5)
    sending.refresh()
    sending.work()
    assert (sending.scene.rows(ROW), told(sending)) == ([("200", True, False)], ["pass.installed"])


def test_a_card_is_sent_until_the_last_who_has_it_removes_it(sending: Sending, card: UUID) -> None:
    """A family shares it. One that is saved again is up to date again, however much happened meanwhile."""
    sending.shown(card)["hasUsers"] = True
    sending.call_back(card, "n-1", saved=True)
    sending.call_back(card, "n-2", saved=False)
    sending.work()
    assert sending.scene.rows(ROW) == [("200", True, False)], "somebody has it still"
    sending.shown(card)["hasUsers"] = False
    sending.call_back(card, "n-3", saved=False)
    sending.work()
    assert sending.scene.rows(ROW) == [("200", True, True)]
    asked = len(sending.asked())
    sending.scene.earn(5)
    sending.refresh()
    sending.work()
    assert len(sending.asked()) == asked
    sending.shown(card)["hasUsers"] = True
    sending.call_back(card, "n-4", saved=True)
    sending.work()
    assert (sending.points(card), sending.scene.rows(ROW)) == (5, [("200", True, False)])
    assert told(sending) == ["pass.installed", "pass.removed", "pass.installed"]


def test_callbacks_are_forgotten_when_they_can_come_no_more(sending: Sending, card: UUID) -> None:
    """Google ends them by an expiry, and one that is forgotten earlier would be taken twice."""
    for nonce, age in (("old", 9), ("new", 7)):
        sending.call_back(card, nonce, saved=True)
        sending.scene.execute(
            "UPDATE pass_google_callback SET received_at = now() - %s * interval '1 day' WHERE nonce = %s", [age, nonce]
        )
    with transaction(sending.database) as unit:
        prune(unit, {})
    assert sending.scene.rows("SELECT nonce FROM pass_google_callback") == [("new",)]
