"""The client against the stand-in: insert or patch, and every row of Google's table of errors."""

import json
import time
from datetime import timedelta

import pytest

from rules.passes.content import Amount
from rules.passes.designs import PassKind, Source
from tests.wallet.google.cards import ISSUER, SERIAL, Google, class_thing, content, design, object_thing, text
from wallet.google.answers import GoogleAway, NotPermitted, Rejected, TooManyRequests
from wallet.google.client import GoogleClient, Upserted
from walletkit.google_http import Scripted

OBJECT = f"{ISSUER}.{SERIAL}"


@pytest.mark.parametrize("kind", PassKind)
def test_a_card_is_inserted_with_its_class_and_then_patched(google: Google, kind: PassKind) -> None:
    """The class first: Google takes no object without it. An update is one request."""
    assert google.upsert(content(design(kind))) == Upserted(True, True, False)
    assert google.upsert(content(design(kind)), is_known=True, with_class=False) == Upserted(False, False, False)
    assert [(method, status) for method, _, status in google.asked] == [("POST", 200), ("POST", 200), ("PATCH", 200)]
    assert google.wallet.tokens.asked == 1, "a token serves for an hour"


def test_what_is_there_already_is_patched(google: Google) -> None:
    """Somebody was faster, or our note of it was lost with a restored database."""
    google.upsert(content())
    assert google.upsert(content(values={Source.BALANCE: Amount(7)})) == Upserted(False, True, False)
    assert google.wallet.shown(OBJECT)["loyaltyPoints"]["balance"] == {"int": 7}


def test_what_is_not_there_any_more_is_inserted(google: Google) -> None:
    """The note is of another installation, or the issuer began anew; the class is missing, too."""
    assert google.upsert(content(), is_known=True, with_class=False) == Upserted(True, True, False)
    assert [(method, collection, status) for method, collection, status in google.asked] == [
        ("PATCH", "loyaltyObject", 404),
        ("POST", "loyaltyObject", 404),
        ("PATCH", "loyaltyClass", 404),
        ("POST", "loyaltyClass", 200),
        ("PATCH", "loyaltyObject", 404),
        ("POST", "loyaltyObject", 200),
    ]


def test_an_update_takes_away_what_the_card_does_not_say_any_more(google: Google) -> None:
    """A merge would leave name and barcode of somebody who was erased on the phone."""
    google.upsert(content())
    google.upsert(content(fields=(), barcode=None, voided=True), is_known=True, with_class=False)
    shown = google.wallet.shown(OBJECT)
    assert shown["state"] == "INACTIVE"
    assert not {"barcode", "accountId", "accountName", "loyaltyPoints"} & shown.keys()
    assert "Alice" not in json.dumps(shown)


def test_a_balance_may_outgrow_googles_numbers_and_come_back(google: Google) -> None:
    """The two forms exclude each other, also in the merge."""
    google.upsert(content())
    for units, said in ((1 << 31, {"string": "2\u202f147\u202f483\u202f648"}), (5, {"int": 5})):
        google.upsert(content(values={Source.BALANCE: Amount(units)}), is_known=True, with_class=False)
        assert google.wallet.shown(OBJECT)["loyaltyPoints"]["balance"] == said


@pytest.mark.parametrize(
    ("scripted", "meant"),
    [
        (Scripted(403, "quotaExceeded"), TooManyRequests),
        (Scripted(403, "rateLimitExceeded"), TooManyRequests),
        (Scripted(429, "x"), TooManyRequests),
        (Scripted(403, "permissionDenied"), NotPermitted),
        (Scripted(403, "accessNotConfigured", "Wallet API has not been used in project 1"), NotPermitted),
        (Scripted(400, "invalidResource"), Rejected),
        (Scripted(500), GoogleAway),
        (Scripted(502), GoogleAway),
        (Scripted(503), GoogleAway),
        (Scripted(408), GoogleAway),
        (Scripted(302), GoogleAway),
        (Scripted(is_cut=True), GoogleAway),
    ],
)
def test_every_error_of_googles_table_means_something(google: Google, scripted: Scripted, meant: type) -> None:
    """What is ours to mend, an operator's, and what mends itself."""
    google.wallet.script(scripted)
    with pytest.raises(meant):
        google.upsert(content())
    assert google.upsert(content()) == Upserted(True, True, False), "and afterwards it works"


def test_google_says_how_long_to_wait(google: Google) -> None:
    """Whoever asks earlier is only told to wait longer."""
    google.wallet.script(Scripted(429, retry_after="30"), Scripted(429, retry_after="soon"))
    for after in (timedelta(seconds=30), None):
        with pytest.raises(TooManyRequests) as told:
            google.upsert(content())
        assert told.value.after == after


def test_a_token_that_was_withdrawn_is_asked_for_anew(google: Google) -> None:
    """Google may end one before its time. A second refusal is no accident."""
    google.upsert(content())
    google.wallet.tokens.withdraw()
    google.upsert(content(), is_known=True, with_class=False)
    assert [status for *_, status in google.asked[-2:]] == [401, 200]
    google.wallet.script(Scripted(401, "authError"), Scripted(401, "authError"))
    with pytest.raises(NotPermitted, match="refuses the token"):
        google.upsert(content(), is_known=True, with_class=False)


def test_a_key_that_was_deleted_is_an_operators_to_replace(google: Google) -> None:
    """All waits for that; nothing is given up."""
    google.wallet.tokens.accounts.clear()
    with pytest.raises(NotPermitted, match="gives no token"):
        google.upsert(content())


def test_a_token_endpoint_that_is_away_is_waited_for(google: Google) -> None:
    """It has trouble of its own; the library asks it again three times by itself."""
    google.wallet.script_tokens(*[Scripted(503, "internal_failure")] * 3)
    with pytest.raises(GoogleAway):
        google.upsert(content())


def test_an_account_that_may_not_act_for_the_issuer_is_told_apart(google: Google) -> None:
    """The most frequent fault of a first set-up: the sentence says what to do."""
    google.wallet.forbid(ISSUER)
    with pytest.raises(NotPermitted, match="make it a user"):
        google.upsert(content())


def test_no_answer_in_time_ends_the_wait(google: Google) -> None:
    """A worker that stops waits for it."""
    google.wallet.script(Scripted(delay_s=3))
    began = time.monotonic()
    with pytest.raises(GoogleAway):
        google.client.upsert(object_thing(content()), class_thing(design()), True, began + 0.5)
    assert time.monotonic() - began < 2


def test_a_server_that_nobody_vouches_for_is_told_nothing(google: Google) -> None:
    """The certificate is looked at: without the stand-in's authority there is no token."""
    stranger = GoogleClient(google.account, google.wallet.api_url)
    with pytest.raises(GoogleAway):
        stranger.upsert(object_thing(content()), class_thing(design()), True, time.monotonic() + 5)
    assert (google.wallet.tokens.asked, google.asked) == (0, [])


def test_a_card_links_to_coupons_that_are_there(google: Google) -> None:
    """They come into the wallet by themselves. For one that is not there Google refuses the card."""
    coupon = content(design(PassKind.COUPON), serial="pass_coupon")
    google.client.upsert(object_thing(coupon), class_thing(design(PassKind.COUPON)), True, time.monotonic() + 10)
    google.upsert(content(), linked=("pass_coupon",))
    assert google.wallet.shown(OBJECT)["linkedObjectIds"] == [f"{ISSUER}.pass_coupon"]
    with pytest.raises(Rejected):
        google.upsert(content(), linked=("pass_other",))


def test_texts_of_errors_are_not_kept(google: Google) -> None:
    """Google quotes what it was sent, names included; kept is its word."""
    google.wallet.script(Scripted(400, "invalidResource", "Invalid value Alice"))
    with pytest.raises(Rejected) as told:
        google.upsert(content(values={Source.MEMBER_NAME: text("Alice")}))
    assert "Alice" not in repr(told.value)
    assert (told.value.status, told.value.reason) == (400, "invalidResource")


def test_an_answer_that_is_no_json_is_no_success(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy between answers 200 with a page of its own."""
    for answered in (["no object"], {"welcome": "to our network"}):
        monkeypatch.setattr(google.wallet, "answer", lambda *_, answered=answered: (200, answered))
        with pytest.raises(GoogleAway):
            google.upsert(content())
