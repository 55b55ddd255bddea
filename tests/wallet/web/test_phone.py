"""A phone and the endpoints, whole: it installs, is told, fetches, and shows what the books say."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from rules.passes.designs import Image, ImageRole
from storage.engine.ids import typeid
from tests.storage.passes.carrying import LOYALTY, issue, template, update
from tests.storage.scene import Scene
from tests.wallet.apple.service import authorities
from tests.wallet.web.serving import Public, keep, png
from tests.wallet.web.test_links import link
from walletkit.iphone import IPhone


@pytest.fixture
def card(scene: Scene) -> UUID:
    """Ada's card of points, with the icon that phones want."""
    design = replace(LOYALTY, images=(Image(ImageRole.ICON, keep(scene, png()), 1, 1),))
    return issue(scene, template(scene, design))


@pytest.fixture
def phone(public: Public) -> Iterator[IPhone]:
    """One that believes our certificate."""
    made = IPhone(authorities()[0].root.certificate, public.trust)
    yield made
    made.close()


def test_a_phone_shows_what_the_books_say(public: Public, scene: Scene, card: UUID, phone: IPhone) -> None:
    """From the link to the card, through changes that it polls for, to the day on which it is deleted."""
    scene.earn(100)
    phone.install_from(f"{public.url}/p/{link(scene, card)}")
    serial = typeid("pass", card.int)
    assert phone.shown(serial)["points"] == 100
    for points in (50, 7, 43):
        scene.earn(points)
        update(scene)
        phone.poll()
    assert phone.shown(serial)["points"] == 200
    phone.poll()
    phone.remove(serial)
    assert scene.rows("SELECT count(*) FROM pass_device") == [(0,)]
    assert phone.web.complaints == [], "iOS would complain"


def test_a_change_between_the_link_and_the_registration_is_not_lost(
    public: Public, scene: Scene, card: UUID, phone: IPhone
) -> None:
    """The file lay in a mail for a week: nobody was told of what changed meanwhile, for nobody had the card."""
    update(scene)
    file = public.http.get(f"/p/{link(scene, card)}/apple").content
    scene.earn(500)
    update(scene)
    phone.install(file)
    update(scene)
    phone.poll()
    assert phone.shown(typeid("pass", card.int))["points"] == 500
