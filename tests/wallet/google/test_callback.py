"""Google's callbacks: what is believed, and everything that is not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.wallet.google.cards import ISSUER, SERIAL, Google
from wallet.google import rootkeys
from wallet.google.callback import Event, NotGenuine, RootKey, root_keys, verify
from wallet.google.rootkeys import KeysAway, RootKeys
from walletkit.google_callbacks import DAY_MS, CallbackSigner, now_ms

CLASS, OBJECT = f"{ISSUER}.club.card", f"{ISSUER}.{SERIAL}"
STRANGER = "3388000000099999999"


def roots(signer: CallbackSigner) -> list[RootKey]:
    """What Google publishes."""
    return root_keys(signer.keys().encode())


def now() -> datetime:
    """The clock's."""
    return datetime.now(UTC)


@pytest.mark.parametrize("event", ["save", "del"])
def test_a_callback_of_googles_is_believed(event: str) -> None:
    """It says who saved or removed which card; the stand-in signs as Google's documents say."""
    signer = CallbackSigner()
    body = signer.sign(ISSUER, signer.message(CLASS, OBJECT, event, nonce="n-1"))
    told = verify(body.encode(), [STRANGER, ISSUER], roots(signer), now())
    assert (told.issuer, told.class_id, told.object_id, told.event, told.nonce) == (
        *(ISSUER, CLASS, OBJECT),
        Event(event),
        "n-1",
    )


def test_lengths_are_of_bytes() -> None:
    """With letters beyond ASCII the number of characters is another one, and a signature by it is Google's never."""
    signer = CallbackSigner()
    message = signer.message(CLASS, OBJECT, "save", comment="Žluťoučký kůň")
    assert verify(signer.sign(ISSUER, message).encode(), [ISSUER], roots(signer), now()).object_id == OBJECT


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[CallbackSigner], str]:
    def make(signer: CallbackSigner) -> str:
        body = json.loads(signer.sign(ISSUER, signer.message(CLASS, OBJECT, "save")))
        change(body)
        return json.dumps(body)

    return make


def _saying(**other: Any) -> Callable[[CallbackSigner], str]:
    return lambda signer: signer.sign(ISSUER, {**signer.message(CLASS, OBJECT, "save"), **other})


def _expired_intermediate(signer: CallbackSigner) -> str:
    signer.intermediate_expires_ms = now_ms() - 1
    return signer.sign(ISSUER, signer.message(CLASS, OBJECT, "save"))


def _foreign_root(signer: CallbackSigner) -> str:
    published, signer.root = signer.root, ec.generate_private_key(ec.SECP256R1())
    body = signer.sign(ISSUER, signer.message(CLASS, OBJECT, "save"))
    signer.root = published
    return body


def _for(issuer: str, class_id: str, object_id: str) -> Callable[[CallbackSigner], str]:
    return lambda signer: signer.sign(issuer, signer.message(class_id, object_id, "save"))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_for(STRANGER, f"{STRANGER}.a", f"{STRANGER}.b"), "for an issuer of ours"),
        (_for(STRANGER, CLASS, OBJECT), "for an issuer of ours"),
        (_for(ISSUER, CLASS, f"{STRANGER}.b"), "another issuer"),
        (_for(ISSUER, f"{ISSUER}x.a", OBJECT), "another issuer"),
        (_expired_intermediate, "intermediate key has expired"),
        (_foreign_root, "not signed by a root key"),
        (lambda signer: signer.sign(ISSUER, signer.message(CLASS, OBJECT, "save"), sender="GooglePay"), "not signed"),
        (lambda signer: signer.sign(ISSUER, signer.message(CLASS, OBJECT, "save"), protocol="ECv1"), "protocol"),
        (_changed(lambda body: body.update(protocolVersion="ECv2")), "protocol"),
        (_changed(lambda body: body.update(signature=body["intermediateSigningKey"]["signatures"][0])), "not signed"),
        (_changed(lambda body: body.update(signature="?")), "base64"),
        (_changed(lambda body: body.pop("signature")), "signature"),
        (_changed(lambda body: body.update(intermediateSigningKey=[])), "intermediate"),
        (_changed(lambda body: body["intermediateSigningKey"].update(signatures=[])), "root key"),
        (_changed(lambda body: body["intermediateSigningKey"].update(signatures=[1])), "base64"),
        (_changed(lambda body: body["intermediateSigningKey"].update(signatures=["A"] * 11)), "signatures"),
        (_changed(lambda body: body.update(signedMessage=body["signedMessage"].replace("save", "del"))), "not signed"),
        (_changed(lambda body: body.update(signedMessage="\ud800")), "text"),
        (_changed(lambda body: body.update(filler="x" * 20_000)), "too long"),
        (_saying(expTimeMillis=now_ms() - 1), "expired"),
        (_saying(expTimeMillis="soon"), "no time"),
        (_saying(expTimeMillis=True), "no time"),
        (_saying(expTimeMillis="9" * 15), "none that we know"),
        (_saying(expTimeMillis=f"{now_ms() + DAY_MS}\u0664"), "no time"),
        (_saying(eventType="steal"), "none that we know"),
        (_saying(nonce=""), "nonce"),
        (_saying(nonce="a\0b"), "nonce"),
        (_saying(nonce="n" * 201), "nonce"),
        (_saying(nonce=None), "nonce"),
        (lambda signer: "[]", "no JSON object"),
        (lambda signer: "[" * 16_000, "no JSON object"),
        (lambda signer: "", "no JSON object"),
    ],
)
def test_what_google_did_not_sign_for_us_now_is_refused(make: Callable[[CallbackSigner], str], reason: str) -> None:
    """Else anybody marks cards as removed, and they are updated no more. Callbacks for others are signed, too."""
    signer = CallbackSigner()
    with pytest.raises(NotGenuine, match=reason):
        verify(make(signer).encode("utf-8", "surrogatepass"), [ISSUER], roots(signer), now())


def test_a_root_key_that_has_expired_signs_nothing() -> None:
    """Google withdraws keys by their end."""
    signer = CallbackSigner()
    signer.root_expires_ms = now_ms() - 1
    body = signer.sign(ISSUER, signer.message(CLASS, OBJECT, "save"))
    with pytest.raises(NotGenuine, match="a root key that counts"):
        verify(body.encode(), [ISSUER], roots(signer), now())


def test_keys_of_another_protocol_or_kind_are_none_of_ours() -> None:
    """Google publishes keys of several; one of another curve is no key of this protocol."""
    assert len(root_keys(CallbackSigner().keys().encode())) == 1
    for listed in ("{}", "[]", '{"keys": 1}', '{"keys": [{"protocolVersion": "ECv2SigningOnly", "keyValue": "AA=="}]}'):
        with pytest.raises(NotGenuine):
            root_keys(listed.encode())


def test_root_keys_are_fetched_once_and_anew_where_none_fits(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of false callbacks is no flood at Google; a key that Google made new is believed within a minute."""
    keys = RootKeys(google.wallet.keys_url, google.ca_file)
    first = keys.current(now())
    google.wallet.signer.root = ec.generate_private_key(ec.SECP256R1())
    assert keys.current(now()) == keys.current(now(), newest=True) == first
    monkeypatch.setattr(rootkeys, "LOOK_MIN_S", 0.0)
    assert keys.current(now(), newest=True) != first


def test_without_keys_nothing_is_decided(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google sends it again to whoever says that they cannot now. Keys that expired are none."""
    with pytest.raises(KeysAway):
        RootKeys(f"{google.wallet.url}/elsewhere", google.ca_file).current(now())
    with pytest.raises(KeysAway):
        RootKeys("https://localhost:9/", google.ca_file).current(now())
    monkeypatch.setattr(rootkeys, "LOOK_MIN_S", 0.0)
    keys = RootKeys(google.wallet.keys_url, google.ca_file)
    assert keys.current(now())
    with pytest.raises(KeysAway):
        keys.current(now() + timedelta(days=400))
