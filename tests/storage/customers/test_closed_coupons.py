"""Coupons of customers who are blocked or closed: what they reserved others can have, and what is theirs ends."""

import json
from datetime import timedelta

import pytest

from storage.activity.records import ActivityRow
from storage.coupons.closing import Ended
from storage.engine.database import Database
from tests.storage.coupons.standing import campaign, coupon, figures, redemption, redemptions_of
from tests.storage.members import assert_conserved, block, close
from tests.storage.scene import START, Scene

DAY = timedelta(days=1)


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers without anything."""
    return Scene(database, "ada", "ben")


def test_what_is_reserved_is_free_for_others_at_once(scene: Scene) -> None:
    """The last of a hundred must not wait for somebody who is gone."""
    summer = coupon(scene, campaign(scene, capacity=100), capacity=3)
    waiting = [redemption(scene, summer, state="RESERVED") for _ in range(2)]
    others = redemption(scene, summer, "ben", state="RESERVED")
    preview = close(scene, validate_only=True).value.ended
    assert set(redemptions_of(scene, "ada").values()) == {"RESERVED"}
    assert preview == close(scene).value.ended == Ended(reservations=2)
    assert redemptions_of(scene, "ada") == dict.fromkeys(waiting, "RELEASED")
    assert redemptions_of(scene, "ben") == {others: "RESERVED"}
    assert figures(scene, summer) == (0, 0, None, False, [1, 1])


def test_what_ended_before_anybody_looked_has_expired(scene: Scene) -> None:
    """It was not released: its time had passed."""
    own = coupon(scene, campaign(scene), "ada")
    late = redemption(scene, own, state="RESERVED", expires_at=START)
    assert close(scene).value.ended == Ended(coupons=1)
    assert scene.rows("SELECT state, ended_at FROM redemption WHERE id = %s", [late]) == [("EXPIRED", START)]
    assert figures(scene, own) == (0, 0, None, True, [0])


def test_a_gift_card_has_its_reserved_balance_again_before_it_is_void(scene: Scene) -> None:
    """What is on it then is what a report says was lost."""
    card = coupon(scene, campaign(scene), "ada", initial_minor=1000, balance_minor=1000)
    redemption(scene, card, discount_minor=300)
    redemption(scene, card, state="RESERVED", discount_minor=700)
    assert figures(scene, card)[:3] == (1, 1, 0)
    assert close(scene).value.ended == Ended(reservations=1, coupons=1)
    assert figures(scene, card) == (1, 0, 700, True, [1])
    assert_conserved(scene)


def test_only_what_could_still_be_used_is_voided(scene: Scene) -> None:
    """Of one that was used it can still be read that it was; one of nobody is for whoever has it next."""
    once, ended = campaign(scene), campaign(scene, "ended", last_day="2024-12-31")
    twice, last_day = campaign(scene, "twice", uses_per_code=2), campaign(scene, "today", last_day="2025-01-01")
    fresh, today, part = (coupon(scene, of, "ada") for of in (once, last_day, twice))
    redemption(scene, part)
    kept = [
        used := coupon(scene, once, "ada"),
        coupon(scene, ended, "ada"),
        coupon(scene, once, "ada", expires_at=START),
        coupon(scene, once, "ada", initial_minor=100, balance_minor=0),
        coupon(scene, once, "ben"),
        bearers := coupon(scene, twice),
    ]
    redemption(scene, used)
    redemption(scene, bearers)
    void = coupon(scene, once, "ada", voided_at=START - DAY)
    assert close(scene).value.ended == Ended(coupons=3)
    assert [figures(scene, one)[3] for one in (fresh, today, part)] == [True] * 3
    assert [figures(scene, one)[3] for one in kept] == [False] * len(kept)
    assert scene.rows("SELECT voided_at FROM coupon WHERE id = %s", [void.id]) == [(START - DAY,)]


def test_one_who_is_blocked_keeps_its_coupons_and_no_reservation(scene: Scene) -> None:
    """As with points and holds: it may be let in again."""
    own = coupon(scene, campaign(scene), "ada")
    redemption(scene, own, state="RESERVED")
    assert block(scene).value.ended == Ended(reservations=1)
    assert figures(scene, own) == (0, 0, None, False, [0])


def test_the_record_counts_what_ended(scene: Scene) -> None:
    """Who closed her, and what it cost her."""
    redemption(scene, coupon(scene, campaign(scene), "ada"), state="RESERVED")
    row = ActivityRow.get(ActivityRow.id == close(scene).activity)
    details = json.loads(row.body)["details"]
    assert (details["reservations"], details["coupons"]) == (1, 1)
    assert scene.rows("SELECT activity::text FROM redemption") == [(str(row.id),)]


def test_thousands_of_reservations_of_one_code_end_in_one_act(scene: Scene) -> None:
    """A bot that reserved all there was is closed: all of it is there again."""
    summer = coupon(scene, campaign(scene), capacity=300)
    redemption(scene, summer, state="RESERVED")
    scene.execute(
        "INSERT INTO redemption SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid()))).*"
        " FROM redemption r, generate_series(1, 299)"
    )
    scene.execute("UPDATE stock_slot SET taken = 300 WHERE slot = 0 AND stock = %s", [summer.stocks[0]])
    scene.execute("UPDATE stock_slot SET taken = capacity WHERE stock = %s", [summer.stocks[1]])
    assert close(scene).value.ended == Ended(reservations=300)
    assert figures(scene, summer)[-1] == [0, 0]
