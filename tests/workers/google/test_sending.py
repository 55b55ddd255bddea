"""Cards on their way to Google: what it is sent, and when."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from rules.passes.designs import PassKind
from storage.engine.database import connection
from tests.storage.passes.carrying import issue, redesign, template
from tests.wallet.google.cards import ISSUER
from tests.workers.google.sending import POINTS, ROW, Sending, ask, object_name
from wallet.accounts import Accounts
from wallet.google.account import load_account


def test_a_card_that_is_handed_out_is_there_and_then_kept_up_to_date(sending: Sending, card: UUID) -> None:
    """The class once, then one request for each change: of ten purchases one."""
    for _ in range(10):
        sending.scene.earn(5)
    sending.refresh()
    sending.work()
    assert sending.points(card) == 50
    assert sending.asked(since=2) == [("PATCH", "loyaltyObject", 200)]
    assert sending.scene.rows(ROW) == [("200", False, False)]
    assert not sending.waiting()


def test_a_card_that_nobody_was_handed_is_not_sent(sending: Sending) -> None:
    """A club with a million members shows Google those who want that."""
    issue(sending.scene, template(sending.scene, POINTS))
    sending.scene.earn(5)
    sending.refresh()
    sending.work()
    assert sending.asked() == []


def test_what_google_has_is_not_sent_again_unless_somebody_asks(sending: Sending, card: UUID) -> None:
    """Of several tasks for one card the first sends what there is, and leaves the others nothing; Push sends it."""
    sending.scene.earn(5)
    sending.refresh()
    sending.scene.earn(5)
    sending.refresh()
    assert len(sending.sent()) == 2
    sending.scene.execute("UPDATE task SET state = 'READY' WHERE actor = 'push_google' AND state = 'SENT'")
    sending.work()
    assert (sending.points(card), len(sending.asked())) == (10, 3)
    sending.hand_out(card)
    sending.work()
    assert len(sending.asked()) == 3
    with connection(sending.database) as books:
        assert books.execute(
            "SELECT revision = (SELECT max(revision) FROM pass_content) FROM pass_google"
        ).fetchall() == [(True,)]
    ask(sending, card)
    sending.work()
    assert len(sending.asked()) == 4


def test_a_change_that_was_taken_back_is_not_sent(sending: Sending, card: UUID) -> None:
    """What it says decides, and not how often it was looked at."""
    sending.scene.execute("UPDATE pass_content SET revision = revision + 1")
    sending.hand_out(card)
    sending.work()
    assert len(sending.asked()) == 2
    assert sending.scene.rows("SELECT w.revision = k.revision FROM pass_google w JOIN pass_content k USING (pass)") == [
        (True,)
    ]


def test_a_new_version_of_the_template_is_sent_once(sending: Sending, card: UUID) -> None:
    """The class with the first card, the other cards without it."""
    [(made,)] = sending.scene.rows("SELECT template FROM pass WHERE id = %s", [card])
    redesign(sending.scene, made, replace(POINTS, organization_name="Tea club"))
    ask(sending, card)
    ask(sending, card, "again")
    sending.work()
    assert sending.asked(since=2) == [("PATCH", "loyaltyClass", 200)] + [("PATCH", "loyaltyObject", 200)] * 2
    classes = [kept for (collection, _), kept in sending.google.wallet.store.kept.items() if "Class" in collection]
    assert [kept["issuerName"] for kept in classes] == ["Tea club"]


def test_the_card_of_somebody_who_was_erased_is_emptied_even_where_nobody_has_it(sending: Sending, card: UUID) -> None:
    """Google keeps what it has for ever, and cannot be asked to delete it."""
    sending.scene.execute("UPDATE pass_google SET removed_at = now()")
    sending.scene.execute("UPDATE pass SET voided_at = now(), erased_at = now()")
    with connection(sending.database) as books:
        books.execute("INSERT INTO pass_mark SELECT id, 0, now(), now() FROM pass")
    sending.refresh()
    sending.work()
    shown = sending.shown(card)
    assert shown["state"] == "INACTIVE"
    assert not {"loyaltyPoints", "barcode", "accountId", "accountName"} & shown.keys()
    assert shown["textModulesData"] == []


def test_the_phone_rings_for_what_the_design_tells_three_times_a_day(sending: Sending, card: UUID) -> None:
    """Points ring twice; Google would drop what is beyond three."""
    for _ in range(4):
        sending.scene.earn(5)
        sending.refresh()
        sending.work()
    assert len(sending.google.wallet.rings[object_name(card)]) == 2
    asked = [one.body.get("notifyPreference") for one in sending.google.wallet.asked[2:]]
    assert asked == ["NOTIFY_ON_UPDATE", "NOTIFY_ON_UPDATE", None, None]


def test_a_template_that_moves_to_another_issuer_takes_its_cards_along(
    sending: Sending, card: UUID, tmp_path: Path
) -> None:
    """There Google has nothing of them, though they say what they said."""
    other = "3388000000099999999"
    file = tmp_path / f"{other}.json"
    file.write_text(sending.google.wallet.create_account(other, "other"))
    [(made,)] = sending.scene.rows("SELECT template FROM pass WHERE id = %s", [card])
    redesign(sending.scene, made, replace(POINTS, google_issuer=other))
    sending.fresh(Accounts({}, {ISSUER: sending.google.account, other: load_account(file)}))
    sending.hand_out(card)
    sending.work()
    assert sending.google.wallet.shown(object_name(card).replace(ISSUER, other))["state"] == "ACTIVE"
    assert sending.asked(since=2) == [("POST", "loyaltyClass", 200), ("POST", "loyaltyObject", 200)]


def test_a_card_of_another_kind_is_made_as_such(sending: Sending) -> None:
    """A card of nothing in particular is a generic one to Google."""
    made = issue(sending.scene, template(sending.scene, replace(POINTS, kind=PassKind.GENERIC, card_id="")))
    sending.hand_out(made)
    sending.work()
    assert sending.asked() == [("POST", "genericClass", 200), ("POST", "genericObject", 200)]
    assert sending.shown(made)["cardTitle"]["defaultValue"]["value"] == "Coffee club"
