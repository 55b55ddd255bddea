"""The simulated phone does what a real one does, also where that is inconvenient."""

import httpx
import pytest

from tests.wallet.apple.service import TOPIC, Standing, push
from tests.walletkit.shop import TOKEN, Reply, Shop
from wallet.apple.answers import Done, Gone
from walletkit.iphone import IPhone
from walletkit.pkpass import NotAPass

SERIAL = "pass_1"


def install(phone: IPhone, shop: Shop, serial: str = SERIAL, points: int = 100) -> None:
    """A card that shows so many points."""
    shop.set(serial, points)
    phone.install(shop.card(serial))


def change(apple: Standing, phone: IPhone, shop: Shop, points: int, serial: str = SERIAL) -> None:
    """The points change, the phone is pushed to, and does what it does."""
    shop.set(serial, points)
    assert push(apple.transport(), phone.push_token).outcome == Done()
    phone.settle()


def points(phone: IPhone, serial: str = SERIAL) -> object:
    """What the card shows."""
    return phone.shown(serial)["points"]


def test_a_card_is_taken_registered_pushed_to_and_shows_what_is_new(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """The whole way, over real sockets; and the phone tells of the change in the card's words."""
    shop.set(SERIAL, 100)
    phone.install_from(f"{shop.url}/p/{SERIAL}")
    assert points(phone) == 100
    assert shop.registered == {(phone.library_id, SERIAL): phone.push_token}
    change(apple, phone, shop, 120)
    assert points(phone) == 120
    assert phone.alerts == ["Now 120 points"]
    assert phone.web.complaints == []
    asked = [(method, target.partition("/v1")[2].partition("?")[0]) for method, target, _ in shop.asked[1:]]
    devices = f"/devices/{phone.library_id}/registrations/{TOPIC}"
    assert asked == [("POST", f"{devices}/{SERIAL}"), ("GET", devices), ("GET", f"/passes/{TOPIC}/{SERIAL}")]


def test_the_list_is_asked_for_without_the_token_and_the_card_with_it(
    apple: Standing, phone: IPhone, shop: Shop
) -> None:
    """A service that wants it for both works with no phone."""
    install(phone, shop)
    change(apple, phone, shop, 120)
    with_token = [headers.get("authorization") == f"ApplePass {TOKEN}" for _, _, headers in shop.asked]
    assert with_token == [True, False, True]


def test_tag_and_date_are_sent_back_as_they_came(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """Phones understand neither."""
    install(phone, shop)
    change(apple, phone, shop, 120)
    change(apple, phone, shop, 130)
    listed = [target.partition("?")[2] for _, target, _ in shop.asked if "registrations/" in target]
    assert listed == ["", "", "passesUpdatedSince=2"]
    dates = [headers.get("if-modified-since") for _, target, headers in shop.asked if "/passes/" in target]
    assert dates == [None, "revision 2"]


def test_a_card_that_was_not_modified_stays(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """304: whatever was said to have changed."""
    install(phone, shop)
    change(apple, phone, shop, 120)
    shop.instead["passes"].append(Reply(304))
    change(apple, phone, shop, 130)
    assert points(phone) == 120
    assert len(phone.installed(SERIAL).got_at) == 2


def test_a_tag_that_is_a_number_is_ignored_with_all_that_came_with_it(
    apple: Standing, phone: IPhone, shop: Shop
) -> None:
    """The most common fault of web services: real phones say nothing, and never fetch."""
    install(phone, shop)
    shop.instead["registrations"].append(Reply(200, {}, b'{"serialNumbers": ["pass_1"], "lastUpdated": 7}'))
    change(apple, phone, shop, 120)
    assert points(phone) == 100
    assert phone.web.complaints == []


def test_a_tag_that_stays_the_same_is_complained_of(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """In the words of a real phone; the card is fetched all the same."""
    install(phone, shop)
    change(apple, phone, shop, 120)
    shop.instead["registrations"].append(Reply(200, {}, b'{"serialNumbers": ["pass_1"], "lastUpdated": "2"}'))
    change(apple, phone, shop, 130)
    [line] = shop.logs
    assert line.endswith(
        "Response to 'What changed?' request included 1 serial numbers but the lastUpdated tag (2) remained the same."
    )
    assert points(phone) == 130


def test_a_card_without_a_date_is_taken_and_complained_of(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """It is asked for without one the next time."""
    install(phone, shop)
    shop.set(SERIAL, 120)
    shop.instead["passes"].append(Reply(200, {}, shop.card(SERIAL)))
    change(apple, phone, shop, 120)
    [line] = shop.logs
    assert line.endswith(
        "Server returned the pass data for serial number 'pass_1' but did not provide a 'last-modified' header"
    )
    assert points(phone) == 120


@pytest.mark.parametrize("wrong", ["no card", "another card"])
def test_what_is_no_card_or_another_is_not_shown(apple: Standing, phone: IPhone, shop: Shop, wrong: str) -> None:
    """The old card stays, and the service is told."""
    install(phone, shop)
    shop.set("pass_2", 1)
    body = b"PK" if wrong == "no card" else shop.card("pass_2")
    shop.instead["passes"].append(Reply(200, {"last-modified": "x"}, body))
    change(apple, phone, shop, 120)
    assert points(phone) == 100
    assert "Pass data was invalid" in shop.logs[0]


def test_a_card_that_nobody_may_sign_is_not_installed(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """Nor is what was sent as something else than a card."""
    shop.set(SERIAL, 100)
    card = bytearray(shop.card(SERIAL))
    card[len(card) // 2] ^= 1
    with pytest.raises(NotAPass):
        phone.install(bytes(card))
    shop.instead["link"].append(Reply(200, {"content-type": "application/zip"}, shop.card(SERIAL)))
    with pytest.raises(NotAPass, match="not sent as a card"):
        phone.install_from(f"{shop.url}/p/{SERIAL}")
    assert phone.cards == {}


def test_a_service_that_fails_is_asked_again_with_growing_pauses_and_then_left(
    apple: Standing, phone: IPhone, shop: Shop
) -> None:
    """What it had to say is fetched at the next occasion: the phone has not forgotten that the card changed."""
    install(phone, shop)
    shop.instead["passes"] += [Reply(503)] * 3
    change(apple, phone, shop, 120)
    assert points(phone) == 120
    shop.instead["passes"] += [Reply(500)] * 4
    change(apple, phone, shop, 130)
    assert points(phone) == 120
    assert "Unexpected response code 500" in shop.logs[-1]
    phone.poll()
    assert points(phone) == 130


def test_requests_and_answers_get_lost_and_the_card_is_right_all_the_same(
    apple: Standing, phone: IPhone, shop: Shop
) -> None:
    """Underground, in lifts: a request that never arrives, an answer that never comes."""
    install(phone, shop)
    lost = iter([True, False, True, False, True, False, False, False])

    def lose(_method: str, _path: str) -> None:
        if next(lost, False):
            raise httpx.ReadError("")

    phone.web.on_request = phone.web.on_answer = lose
    change(apple, phone, shop, 120)
    assert points(phone) == 120


def test_a_phone_that_is_off_gets_the_newest_push_when_it_is_back(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """APNs keeps one of each topic, for as long as the push said."""
    install(phone, shop)
    phone.switch_off()
    for number in (120, 130):
        change(apple, phone, shop, number)
    assert points(phone) == 100
    phone.switch_on()
    phone.settle()
    assert points(phone) == 130


def test_without_a_push_a_phone_finds_out_when_it_asks_by_itself(phone: IPhone, shop: Shop) -> None:
    """About once a day."""
    install(phone, shop)
    shop.set(SERIAL, 120)
    phone.poll()
    assert points(phone) == 120


def test_several_cards_are_updated_by_one_push(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """The push names the pass type, and the phone asks for all that changed."""
    for number in range(3):
        install(phone, shop, f"pass_{number}")
    shop.set("pass_0", 7)
    change(apple, phone, shop, 8, "pass_2")
    assert [points(phone, f"pass_{number}") for number in range(3)] == [7, 100, 8]


def test_a_new_push_token_is_told_and_the_old_one_is_dead(apple: Standing, phone: IPhone, shop: Shop) -> None:
    """As after a restore: who pushes to the old one is told that it is gone."""
    install(phone, shop)
    old = phone.push_token
    phone.replace_token()
    assert shop.registered == {(phone.library_id, SERIAL): phone.push_token}
    assert phone.push_token != old
    assert isinstance(push(apple.transport(), old).outcome, Gone)
    change(apple, phone, shop, 120)
    assert points(phone) == 120


def test_a_card_that_is_deleted_is_unregistered_and_a_phone_that_is_lost_tells_nobody(
    apple: Standing, phone: IPhone, shop: Shop
) -> None:
    """The one is a person's decision, the other shows only when somebody pushes."""
    install(phone, shop)
    install(phone, shop, "pass_2")
    phone.remove(SERIAL)
    assert set(shop.registered) == {(phone.library_id, "pass_2")}
    phone.lose()
    assert set(shop.registered) == {(phone.library_id, "pass_2")}
    assert isinstance(push(apple.transport(), phone.push_token).outcome, Gone)
