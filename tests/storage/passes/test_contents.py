"""What cards say is what reads of the books say, whoever has settled what, and for many in few statements."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from rules.coupons.terms import GiveBack
from rules.passes.content import Amount
from rules.passes.designs import Field, Slot, Source
from storage.engine.database import Database, connection
from storage.engine.ids import typeid
from storage.ledger.nouns import load_lots
from storage.passes import balances, facts
from storage.passes.contents import contents
from tests.personal import CODES
from tests.storage.coupons.till import FIVE_OFF, Till
from tests.storage.members import block, close, merge, more_cards
from tests.storage.passes.carrying import COUPON, LOYALTY, card, issue, template, values
from tests.storage.scene import Scene

NEXT = (
    Field("ending", Slot.SECONDARY, Source.EXPIRING),
    Field("ends_at", Slot.SECONDARY, Source.EXPIRES_AT),
    Field("points", Slot.HEADER, Source.BALANCE),
    Field("pending", Slot.HEADER, Source.PENDING),
    Field("next", Slot.BACK, Source.NEXT_REWARD),
    Field("missing", Slot.BACK, Source.NEXT_REWARD_MISSING),
)


def test_a_card_says_the_balance_that_a_read_says(database: Database) -> None:
    """Also what fell due and nobody has settled: a card that waits for a worker shows yesterday's points."""
    scene = Scene(database)
    made = issue(scene, template(scene, replace(LOYALTY, card_id="slow", fields=NEXT)))
    scene.earn(1_000, card="slow")
    for days in (0, 9, 11, 40, 90):
        scene.advance(timedelta(days=days))
        balance = scene.balance(card="slow")
        shown = values(card(scene, made))
        assert (shown["points"], shown["pending"]) == (Amount(balance.spendable, 2), Amount(balance.pending, 2))


def test_what_expires_next_is_the_same_before_and_after_a_sweep(database: Database) -> None:
    """Settling early is no change of what a customer has: it may not change the card."""
    scene = Scene(database)
    more_cards(scene)
    slow = issue(scene, template(scene, replace(LOYALTY, card_id="slow", fields=NEXT)))
    sliding = issue(scene, template(scene, replace(LOYALTY, card_id="sliding", fields=NEXT), "sliding"))
    for name in ("slow", "sliding"):
        scene.earn(1_000, card=name)
    scene.advance(timedelta(days=5))
    for name in ("slow", "sliding"):
        scene.earn(300, card=name)
    for days in (0, 6, 5, 25, 3, 30, 60):
        scene.advance(timedelta(days=days))
        before = card(scene, slow), card(scene, sliding)
        scene.sweep()
        after = card(scene, slow), card(scene, sliding)
        assert [one.content for one in before] == [one.content for one in after]
    assert "ending" not in values(after[0])


def test_a_card_says_what_expires_next_and_the_last_second_of_it(database: Database) -> None:
    """Of two lots the earlier; an end at midnight is read as the day before."""
    scene = Scene(database)
    made = issue(scene, template(scene, replace(LOYALTY, card_id="slow", fields=NEXT)))
    scene.earn(1_000, card="slow")
    scene.advance(timedelta(days=20))
    scene.earn(500, card="slow")
    scene.advance(timedelta(days=11))
    shown = values(card(scene, made))
    assert shown["ending"] == Amount(1_000, 2)
    assert shown["ends_at"] == datetime(2025, 2, 28, 22, 59, 59, tzinfo=UTC) - timedelta(days=16)


def test_the_next_reward_is_the_cheapest_that_is_out_of_reach(database: Database) -> None:
    """And says how much is missing; of those that can be claimed now."""
    scene = Scene(database)
    scene.offer("mug", price=60)
    scene.offer("cup", price=40)
    scene.offer("old", price=50, last_day=datetime(2024, 1, 1, tzinfo=UTC).date())
    made = issue(scene, template(scene, replace(LOYALTY, fields=NEXT)))
    assert values(card(scene, made))["next"] == (("en", "Cup"),)
    scene.earn(45)
    assert values(card(scene, made))["missing"] == Amount(15)
    scene.earn(45)
    assert "next" not in values(card(scene, made))


def test_cards_of_many_customers_are_each_their_own(database: Database) -> None:
    """They are read together, and must not be dealt to the wrong ones."""
    names = ("ada", "ben", "cid")
    scene = Scene(database, *names)
    more_cards(scene)
    made = template(scene)
    passes = {name: issue(scene, made, name) for name in names}
    for points, name in enumerate(names, start=1):
        scene.earn(points * 100, name)
    with connection(database) as books:
        found = contents(books, [*passes.values(), UUID(int=7)], None)
    assert [values(found[passes[name]])["points"] for name in names] == [Amount(100), Amount(200), Amount(300)]
    assert len(found) == len(names)


def test_cards_of_customers_who_are_gone_are_not_valid(database: Database) -> None:
    """Whoever is closed or merged has nothing any more; whoever is banned keeps what he has."""
    scene = Scene(database, "ada", "ben", "cid")
    made = template(scene)
    passes = {name: issue(scene, made, name) for name in ("ada", "ben", "cid")}
    close(scene, "ada")
    merge(scene, "ben", "cid")
    block(scene, "cid")
    assert {name: card(scene, one).content.voided for name, one in passes.items()} == {
        "ada": True,
        "ben": True,
        "cid": False,
    }


def test_an_erased_card_says_nothing_about_anybody(database: Database) -> None:
    """It is the last that a phone shows of somebody who wants to be forgotten."""
    scene = Scene(database)
    scene.earn(100)
    made = issue(scene, template(scene), erased_at=datetime.now(UTC))
    content = card(scene, made).content
    assert content.voided
    assert (content.fields, content.barcode) == ((), None)


def test_cards_of_points_link_the_coupons_of_their_customer(database: Database) -> None:
    """Google pushes them into the wallet; a voided one is not to be offered."""
    scene = Till(database)
    scene.campaign()
    scene.coupon(name="ada")
    [(campaign, coupon)] = scene.rows("SELECT campaign, id FROM coupon")
    loyalty = issue(scene, template(scene))
    assert card(scene, loyalty).content.linked == ()
    of_coupon = issue(scene, template(scene, COUPON, "coupon"), campaign=campaign, coupon=coupon)
    assert card(scene, loyalty).content.linked == (card(scene, of_coupon).content.serial,)
    scene.rows("UPDATE pass SET voided_at = now() WHERE id = %s RETURNING id", [of_coupon])
    assert card(scene, loyalty).content.linked == ()


def test_only_the_newest_coupons_that_are_valid_are_linked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member of some years has had hundreds, and Google leaves out what is too much without a word."""
    monkeypatch.setattr(facts, "LINKED_MAX", 2)
    scene = Till(database)
    scene.campaign()
    loyalty = issue(scene, template(scene))
    scene.coupon(name="ada")
    [(campaign, coupon)] = scene.rows("SELECT campaign, id FROM coupon")
    several = [issue(scene, template(scene, COUPON, of), campaign=campaign, coupon=coupon) for of in ("a", "b", "c")]
    newest = tuple(typeid("pass", one.int) for one in sorted(several)[1:])
    assert card(scene, loyalty).content.linked == newest
    scene.execute("UPDATE coupon SET voided_at = now()")
    assert card(scene, loyalty).content.linked == ()


def test_a_code_is_on_the_card_for_who_has_the_seals_and_changes_nothing_else(database: Database) -> None:
    """Workers that compare cards need no keys: what they compare is sealed."""
    scene = Till(database)
    scene.campaign()
    scene.coupon(name="ada", code="SPRING2345")
    [(campaign, coupon)] = scene.rows("SELECT campaign, id FROM coupon")
    made = issue(scene, template(scene, COUPON), campaign=campaign, coupon=coupon)
    with_seals, without = card(scene, made, CODES), card(scene, made)
    assert values(with_seals)["code"] == (("en", "SPRING2345"),)
    assert "code" not in values(without)
    assert with_seals.digest == without.digest


def test_a_coupon_that_is_used_up_is_not_valid_until_its_use_is_rolled_back(database: Database) -> None:
    """What a till would refuse a phone should not offer; and a return gives it back."""
    scene = Till(database)
    scene.campaign(terms=replace(FIVE_OFF, give_back=GiveBack.ANY))
    key = scene.coupon(name="ada")
    [(campaign, coupon)] = scene.rows("SELECT campaign, id FROM coupon")
    made = issue(scene, template(scene, COUPON), campaign=campaign, coupon=coupon)
    assert not card(scene, made).content.voided
    redeemed = scene.do(scene.redeem(key)).value
    assert card(scene, made).content.voided
    scene.do(scene.give_back(redeemed.redemptions[0].id))
    assert not card(scene, made).content.voided


def test_a_code_for_many_that_others_used_up_stays_as_it_is(database: Database) -> None:
    """No record of this customer's tells of it, so nothing would tell the phone when it comes back."""
    scene = Till(database)
    scene.campaign(terms=replace(FIVE_OFF, unlimited_for_customer=True, uses_per_code=1))
    key = scene.shared()
    [(campaign, coupon)] = scene.rows("SELECT campaign, id FROM coupon")
    made = issue(scene, template(scene, COUPON), campaign=campaign, coupon=coupon)
    scene.do(scene.redeem(key, name="ben"))
    assert not card(scene, made).content.voided


def test_a_card_of_a_claim_says_the_reward_as_it_was_claimed(database: Database) -> None:
    """Until it is cancelled."""
    scene = Scene(database)
    scene.offer("mug", price=10)
    scene.earn(100)
    claimed = scene.do(scene.claim("mug")).value
    field = Field("reward", Slot.PRIMARY, Source.REWARD_NAME)
    made = issue(scene, template(scene, replace(LOYALTY, fields=(field,))), claim=_id(scene, "claim"))
    assert values(card(scene, made))["reward"] == (("en", "Mug"),)
    scene.do(scene.cancelling(claimed.claim))
    assert card(scene, made).content.voided


def _id(scene: Scene, table: str) -> UUID:
    return UUID(str(scene.rows(f"SELECT id FROM {table}")[0][0]))


def test_an_account_that_is_settled_while_it_is_read_is_read_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lots of after with its figures of before would be points that nobody has."""
    scene = Scene(database)
    made = issue(scene, template(scene, replace(LOYALTY, card_id="slow", fields=NEXT)))
    scene.earn(1_000, card="slow")
    scene.advance(timedelta(days=20))
    before = card(scene, made)

    def settle() -> None:
        scene.sweep()
        database.close()

    sweeps = [Thread(target=settle)]

    async def between(*asked: Any) -> None:
        """Somebody else settles it, the first time."""
        while sweeps:
            sweep = sweeps.pop()
            sweep.start()
            sweep.join()
        await load_lots(*asked)

    monkeypatch.setattr(balances, "load_lots", between)
    assert card(scene, made).content == before.content
    assert not sweeps
    assert scene.rows("SELECT pending, active FROM account WHERE card_id = 'slow'") == [(0, 1_000)]
