"""Coupons at Google: made with their codes, and linked from the card of points, into the wallet that has that."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from rules.passes.designs import Barcode, BarcodeFormat, BarcodeSource
from storage.engine.database import Database, connection
from storage.passes import google_pushes
from tests.storage.coupons.till import Till
from tests.storage.passes.carrying import issue, redesign, template
from tests.wallet.google.cards import ISSUER
from tests.wallet.google.cards import google as running
from tests.workers.google.sending import GIFT, POINTS, Sending, object_name
from walletkit.android import Android
from walletkit.authority import Authority

CODE = "FREECAKE2026"


@pytest.fixture
def sending(database: Database, tmp_path: Path) -> Iterator[Sending]:
    """A till with the customer ada, and a worker."""
    with running(tmp_path, Authority.root()) as at:
        yield Sending(Till(database), at)


@pytest.fixture
def points(sending: Sending) -> UUID:
    """Ada's card of points, which Google has."""
    made = issue(sending.scene, template(sending.scene, POINTS))
    sending.refresh()
    sending.hand_out(made)
    sending.work()
    return made


def coupon(sending: Sending) -> UUID:
    """A pass of a coupon of ada's, which she was not handed."""
    assert isinstance(sending.scene, Till)
    sending.scene.campaign()
    sending.scene.coupon(name="ada", code=CODE)
    [(campaign, number)] = sending.scene.rows("SELECT campaign, id FROM coupon")
    design = replace(GIFT, barcode=Barcode(BarcodeFormat.CODE128, BarcodeSource.COUPON_CODE))
    of_coupon = template(sending.scene, design, "gift")
    made = issue(sending.scene, of_coupon, campaign=campaign, coupon=number)
    sending.refresh()
    return made


def test_a_coupon_comes_into_the_wallet_of_who_has_the_card(sending: Sending, points: UUID) -> None:
    """By itself: Google refuses a card that links to what it does not know, so the coupon is there first."""
    phone = Android(sending.google.wallet, sending.google.ca_file)
    phone.saved.append(object_name(points))
    made = coupon(sending)
    sending.work()
    assert sending.shown(points)["linkedObjectIds"] == []
    sending.hand_out(made)
    sending.work(2)
    assert sending.shown(points)["linkedObjectIds"] == [object_name(made)]
    assert [status for *_, status in sending.asked()] == [200] * len(sending.asked()), "Google refused nothing"


def test_a_coupon_shows_its_code(sending: Sending) -> None:
    """It is scanned at the till. The books have it sealed, and a worker without the keys makes no such card."""
    made = coupon(sending)
    sending.hand_out(made)
    sending.work()
    assert sending.shown(made)["barcode"]["type"] == "CODE_128"
    assert sending.shown(made)["barcode"]["value"] == CODE
    assert sending.asked() == [("POST", "offerClass", 200), ("POST", "offerObject", 200)]
    with connection(sending.database) as books:
        kept = books.execute(
            "SELECT row_to_json(pass_google)::text || (SELECT args FROM task LIMIT 1) FROM pass_google"
        )
        assert CODE not in str(kept.fetchall())


def test_a_coupon_that_was_used_is_greyed(sending: Sending) -> None:
    """Nobody is to stand at the till with it again."""
    made = coupon(sending)
    sending.hand_out(made)
    sending.work()
    assert isinstance(sending.scene, Till)
    sending.scene.do(sending.scene.redeem(sending.scene.coded(CODE)))
    sending.refresh()
    sending.work()
    assert sending.shown(made)["state"] == "INACTIVE"


def test_a_class_that_came_behind_a_newer_one_is_put_right(sending: Sending, points: UUID) -> None:
    """Two workers send the class in two versions. Whoever was late has it sent once more."""
    [(of_points,)] = sending.scene.rows("SELECT template FROM pass WHERE id = %s", [points])
    redesign(sending.scene, of_points, replace(POINTS, organization_name="Tea club"))
    other = issue(sending.scene, of_points, campaign=None, claim=None, name="ben")
    sending.hand_out(other)
    # Somebody sends the third version meanwhile.
    sending.scene.execute("UPDATE pass_google_class SET version = 1")
    [task] = sending.sent()
    sending.google.wallet.watchers.append(lambda _: sending.scene.execute("UPDATE pass_google_class SET version = 3"))
    sending.run(task)
    sending.google.wallet.watchers.clear()
    with connection(sending.database) as books:
        assert google_pushes.class_version(books, of_points, ISSUER) == 0
    assert len(sending.sent()) == 1
    sending.scene.execute("UPDATE task SET state = 'READY' WHERE state = 'SENT'")
    sending.work()
    with connection(sending.database) as books:
        assert google_pushes.class_version(books, of_points, ISSUER) == 2
