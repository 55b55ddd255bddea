"""Save links: short, signed, and of cards that are there."""

from datetime import UTC, datetime

import pytest

from tests.wallet.google.cards import ISSUER, SERIAL, Google, content
from wallet.google.names import Kind
from wallet.google.savelink import SaveLinkTooLong, save_link
from walletkit.android import Android, CannotSave

OBJECT = f"{ISSUER}.{SERIAL}"


def link(google: Google, *objects: tuple[Kind, str]) -> str:
    """One of now."""
    return save_link(google.account, objects, datetime.now(UTC), ["https://shop.example"])


def test_a_phone_saves_the_card_that_the_link_names(google: Google) -> None:
    """The link names, and the card comes from Google: it is as new as the last update, however old the link is."""
    google.upsert(content())
    phone = Android(google.wallet, google.ca_file)
    assert phone.open(link(google, (Kind.LOYALTY, OBJECT))) == [OBJECT]
    assert phone.shown(OBJECT)["programName"] == "Coffee"
    assert google.upsert(content(), is_known=True, with_class=False).has_users


def test_a_link_is_short_enough_for_browsers(google: Google) -> None:
    """They cut it, and then it is not signed any more."""
    assert len(link(google, (Kind.LOYALTY, OBJECT), (Kind.OFFER, OBJECT))) < 1_000
    with pytest.raises(SaveLinkTooLong):
        link(google, *[(Kind.OFFER, f"{OBJECT}{number}") for number in range(30)])


def test_a_link_of_somebody_else_or_of_no_card_saves_nothing(google: Google) -> None:
    """The stand-in phone checks as the real one does."""
    phone = Android(google.wallet, google.ca_file)
    with pytest.raises(CannotSave, match="does not know"):
        phone.open(link(google, (Kind.LOYALTY, OBJECT)))
    google.upsert(content())
    signed = link(google, (Kind.LOYALTY, OBJECT))
    google.wallet.create_account("", "wallet")
    with pytest.raises(CannotSave, match="not signed"):
        phone.open(signed)
