"""The simulated Android phone does what a real one does, and Google for it."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.wallet.google.cards import ISSUER, SERIAL, Google, content, design
from tests.wallet.google.cards import google as running
from wallet.google.callback import Event, root_keys, verify
from wallet.google.classes import class_of
from wallet.google.names import Kind, class_id
from wallet.google.objects import inserted
from wallet.google.savelink import save_link
from walletkit.android import Android, CannotSave
from walletkit.authority import Authority

OBJECT = f"{ISSUER}.{SERIAL}"


class Issuer:
    """An issuer's server: takes callbacks, serves images, leads links on."""

    def __init__(self, folder: Path) -> None:
        self.received: list[bytes] = []
        self.leads_to = ""
        self.status = 200
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Nobody is there any more."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                issuer.received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(issuer.status)
                self.end_headers()

            def do_GET(self) -> None:
                is_image = self.path.startswith("/images/")
                self.send_response(200 if is_image else 302)
                self.send_header("Content-Type", "image/png")
                self.send_header("Location", issuer.leads_to)
                self.end_headers()
                self.wfile.write(b"\x89PNG" if is_image else b"")

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Google]:
    """Nothing is there yet."""
    with running(tmp_path, Authority.root()) as made:
        yield made


@pytest.fixture
def issuer(google: Google, tmp_path: Path) -> Iterator[Issuer]:
    """An issuer whose card Google has."""
    made = Issuer(tmp_path)
    name = class_id(ISSUER, "club", "card")
    google.wallet.store.insert("loyaltyClass", inserted(class_of(design(), name, made.url)))
    google.upsert(content(), with_class=False)
    made.leads_to = _link(google)
    yield made
    made.close()


def test_a_phone_follows_a_link_saves_the_card_and_google_tells_the_issuer(google: Google, issuer: Issuer) -> None:
    """With a signature that the issuer can check; and the images are fetched from the issuer."""
    phone = Android(google.wallet, google.ca_file)
    assert phone.follow(f"{issuer.url}/p/token") == [OBJECT]
    [body] = issuer.received
    told = verify(body, [ISSUER], root_keys(google.wallet.keys().encode()), datetime.now(UTC))
    assert (told.object_id, told.event) == (OBJECT, Event.SAVED)
    assert set(phone.fetch_images(OBJECT).values()) == {b"\x89PNG"}
    assert len(phone.fetch_images(OBJECT)) == 2


def test_google_tells_again_what_was_not_taken_and_the_phone_keeps_its_card(google: Google, issuer: Issuer) -> None:
    """Best effort: the nonce is the same."""
    issuer.status = 503
    phone = Android(google.wallet, google.ca_file)
    phone.follow(f"{issuer.url}/p/token")
    assert phone.callbacks[0][2] == 503
    assert phone.shown(OBJECT)["programName"] == "Coffee"
    issuer.status = 200
    assert phone.repeat_callback() == 200
    assert len({json.loads(json.loads(body)["signedMessage"])["nonce"] for body in issuer.received}) == 1


def test_a_card_is_removed_and_google_says_whether_anybody_has_it(google: Google, issuer: Issuer) -> None:
    """Of two phones the second has it still."""
    first, second = Android(google.wallet, google.ca_file), Android(google.wallet, google.ca_file)
    for phone in (first, second):
        phone.follow(f"{issuer.url}/p/token")
    first.remove(OBJECT)
    assert google.wallet.shown(OBJECT)["hasUsers"]
    second.remove(OBJECT)
    assert not google.wallet.shown(OBJECT)["hasUsers"]
    with pytest.raises(KeyError):
        first.shown(OBJECT)
    assert [json.loads(json.loads(body)["signedMessage"])["eventType"] for body in issuer.received] == [
        *("save", "save"),
        *("del", "del"),
    ]


def test_a_phone_shows_an_update_when_google_has_it(google: Google, issuer: Issuer) -> None:
    """Nobody asks for it; a card that is not on the phone is no update of it."""
    phone = Android(google.wallet, google.ca_file)
    google.upsert(content(), is_known=True, with_class=False)
    assert not phone.updates
    phone.follow(f"{issuer.url}/p/token")
    google.upsert(content(voided=True), is_known=True, with_class=False)
    assert [updated for _, updated in phone.updates] == [OBJECT]
    assert phone.shown(OBJECT)["state"] == "INACTIVE"


def test_a_phone_saves_no_card_that_is_not_valid(google: Google, issuer: Issuer) -> None:
    """Nor by a link that leads nowhere, is cut, or saves nothing."""
    google.upsert(content(voided=True), is_known=True, with_class=False)
    phone = Android(google.wallet, google.ca_file)
    with pytest.raises(CannotSave, match="not valid"):
        phone.follow(f"{issuer.url}/p/token")
    issuer.leads_to = f"{issuer.url}/p/again"
    with pytest.raises(CannotSave, match="on and on"):
        phone.follow(f"{issuer.url}/p/token")
    with pytest.raises(CannotSave, match="too long"):
        phone.open("https://pay.google.com/gp/v/save/" + "a" * 1_800)
    with pytest.raises(CannotSave, match="not signed"):
        phone.open("https://pay.google.com/gp/v/save/a.b.c")
    with pytest.raises(CannotSave, match="none that saves"):
        phone.open("https://pay.google.com/gp/v/save/" + google.account.sign_jwt({"iss": google.account.client_email}))


def _link(google: Google) -> str:
    return save_link(google.account, [(Kind.LOYALTY, OBJECT)], datetime.now(UTC))
