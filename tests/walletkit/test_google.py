"""The stand-in of Google Wallet refuses what the real one refuses: tests against it would say nothing otherwise."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth import crypt, jwt

from walletkit.authority import Authority
from walletkit.discovery import faults
from walletkit.google import GoogleWallet
from walletkit.google_http import Scripted
from walletkit.google_tokens import AUDIENCE, GRANT, SCOPE, ServiceAccount

ISSUER = "3388000000012345678"
CLASS: dict[str, Any] = {
    "id": f"{ISSUER}.club",
    "issuerName": "Club",
    "programName": "Club",
    "programLogo": {"sourceUri": {"uri": "https://club.example/logo.png"}},
    "reviewStatus": "UNDER_REVIEW",
}
OBJECT: dict[str, Any] = {
    "id": f"{ISSUER}.card",
    "classId": f"{ISSUER}.club",
    "state": "ACTIVE",
    "loyaltyPoints": {"label": "Points", "balance": {"int": 120}},
    "textModulesData": [{"id": "a", "header": "A", "body": "1"}, {"id": "b", "header": "B", "body": "2"}],
}


class Caller:
    """Somebody with an account, by hand."""

    def __init__(self, google: GoogleWallet, ca_file: Path) -> None:
        self.google = google
        google.create_account(ISSUER)
        [self.account] = google.tokens.accounts.values()
        self._session = requests.Session()
        self._session.verify, self._session.trust_env = str(ca_file), False
        self.token = self.ask_token(assertion(self.account)).json()["access_token"]

    def ask_token(self, signed: str, grant: str = GRANT) -> requests.Response:
        """What the token endpoint answers."""
        return self._session.post(f"{self.google.url}/token", {"grant_type": grant, "assertion": signed}, timeout=10)

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> requests.Response:
        """What the API answers."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self._session.request(method, f"{self.google.api_url}/{path}", json=body, headers=headers, timeout=10)


def assertion(account: ServiceAccount, **claims: Any) -> str:
    """What an account signs for a token."""
    now = int(time.time())
    made = {"iss": account.email, "aud": AUDIENCE, "scope": SCOPE, "iat": now, "exp": now + 3_600, **claims}
    signer = crypt.RSASigner.from_service_account_info(json.loads(account.json("")))  # type: ignore[no-untyped-call]
    return bytes(jwt.encode(signer, made)).decode()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Whom the certificate is of."""
    return Authority.root()


@pytest.fixture
def caller(tmp_path: Path, authority: Authority) -> Iterator[Caller]:
    """Of a stand-in where nothing is yet."""
    authority.server().write(tmp_path / "server.pem", tmp_path / "server.key")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    with GoogleWallet(tmp_path / "server.pem", tmp_path / "server.key") as google:
        yield Caller(google, tmp_path / "ca.pem")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://localhost/token"},
        {"scope": "https://www.googleapis.com/auth/cloud-platform"},
        {"iss": "stranger@stand-in.iam.gserviceaccount.com"},
        {"iat": int(time.time()) + 86_400, "exp": int(time.time()) + 90_000},
        {"exp": int(time.time()) + 180_000},
    ],
)
def test_a_token_is_for_an_assertion_as_google_wants_it(caller: Caller, claims: dict[str, Any]) -> None:
    """The audience is Google's own whatever address was asked; a clock that goes wrong gets none."""
    assert caller.ask_token(assertion(caller.account, **claims)).status_code == 400


def test_a_token_is_for_who_signed(caller: Caller) -> None:
    """A key that nobody knows, another grant, something that is no JWT."""
    stranger = caller.google.tokens.create("stranger@example")
    caller.google.tokens.accounts.pop("stranger@example")
    forged = assertion(stranger, iss=caller.account.email)
    for signed in (forged, "a.b.c", "", assertion(caller.account)[:-4] + "AAAA"):
        assert caller.ask_token(signed).json()["error"] == "invalid_grant"
    assert caller.ask_token(assertion(caller.account), "password").status_code == 400
    assert caller.call("GET", f"loyaltyClass/{ISSUER}.club", token="forged").status_code == 401


def test_things_are_kept_as_google_keeps_them(caller: Caller) -> None:
    """The class first; twice is a conflict; an update merges, replaces lists whole, and null takes away."""
    assert caller.call("POST", "loyaltyObject", OBJECT).status_code == 404
    assert caller.call("POST", "loyaltyClass", CLASS).json()["reviewStatus"] == "APPROVED"
    assert [caller.call("POST", "loyaltyObject", OBJECT).status_code for _ in range(2)] == [200, 409]
    change = {"loyaltyPoints": {"balance": {"int": 130}}, "textModulesData": [OBJECT["textModulesData"][0]]}
    answered = caller.call("PATCH", f"loyaltyObject/{ISSUER}.card", change).json()
    assert answered["loyaltyPoints"] == {"label": "Points", "balance": {"int": 130}}
    assert answered["textModulesData"] == change["textModulesData"]
    assert "loyaltyPoints" not in caller.call("PATCH", f"loyaltyObject/{ISSUER}.card", {"loyaltyPoints": None}).json()
    whole = {name: OBJECT[name] for name in ("id", "classId", "state")}
    assert "textModulesData" not in caller.call("PUT", f"loyaltyObject/{ISSUER}.card", whole).json()
    assert caller.call("GET", f"loyaltyObject/{ISSUER}.card").json()["hasUsers"] is False
    for method in ("GET", "PATCH", "PUT"):
        assert caller.call(method, f"loyaltyObject/{ISSUER}.other", whole).status_code == 404
    assert caller.call("DELETE", f"loyaltyObject/{ISSUER}.card").status_code == 404


@pytest.mark.parametrize(
    ("collection", "wrong"),
    [
        ("loyaltyObject", {"loyaltyPoint": {}}),
        ("loyaltyObject", {"loyaltyPoints": {"balance": {"int": "120"}}}),
        ("loyaltyObject", {"loyaltyPoints": {"balance": {"int": 1 << 31}}}),
        ("loyaltyObject", {"loyaltyPoints": {"balance": {"int": 1, "string": "1"}}}),
        ("loyaltyObject", {"state": "VOIDED"}),
        ("loyaltyObject", {"notifyPreference": "notifyOnUpdate"}),
        ("loyaltyObject", {"barcode": {"type": "QR", "value": "1"}}),
        ("loyaltyObject", {"heroImage": "https://club.example/hero.png"}),
        ("loyaltyObject", {"heroImage": {"sourceUri": {"uri": "http://club.example/hero.png"}}}),
        ("loyaltyObject", {"validTimeInterval": {"end": "2027-01-01"}}),
        ("loyaltyObject", {"linkedObjectIds": [f"{ISSUER}.nobody"]}),
        ("loyaltyObject", {"classId": None}),
        ("loyaltyObject", {"id": f"{ISSUER}.other"}),
        ("loyaltyClass", {"reviewStatus": "APPROVED"}),
        ("loyaltyClass", {"issuerName": None}),
    ],
)
def test_what_google_does_not_take_is_refused(caller: Caller, collection: str, wrong: dict[str, Any]) -> None:
    """Each was sent to Google by somebody, and found out about in production."""
    caller.call("POST", "loyaltyClass", CLASS)
    caller.call("POST", "loyaltyObject", OBJECT)
    id_ = (CLASS if collection == "loyaltyClass" else OBJECT)["id"]
    refused = caller.call("PATCH", f"{collection}/{id_}", wrong)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 400)
    assert caller.google.store.kept["loyaltyObject", f"{ISSUER}.card"]["loyaltyPoints"] == OBJECT["loyaltyPoints"]


def test_a_body_is_inserted_whole_and_in_no_draft(caller: Caller) -> None:
    """What is required is missing; null is nothing to insert; no card is of a class that is a draft."""
    bodies: list[Any] = [{**CLASS, "issuerName": None}, {"id": CLASS["id"]}, [], "text", None, {**CLASS, "id": "club"}]
    for body in bodies:
        assert caller.call("POST", "loyaltyClass", body).status_code in (400, 403)
    caller.call("POST", "loyaltyClass", {**CLASS, "reviewStatus": "DRAFT"})
    assert caller.call("POST", "loyaltyObject", OBJECT).json()["error"]["errors"][0]["reason"] == "classNotApproved"


def test_an_account_acts_for_its_issuers_only(caller: Caller) -> None:
    """For no other id, and no class of another issuer."""
    foreign = "3388000000099999999"
    assert caller.call("POST", "loyaltyClass", {**CLASS, "id": f"{foreign}.club"}).status_code == 403
    assert caller.call("POST", "loyaltyObject", {**OBJECT, "classId": f"{foreign}.club"}).status_code == 403
    caller.google.forbid(ISSUER)
    assert caller.call("GET", f"loyaltyClass/{ISSUER}.club").json()["error"]["status"] == "PERMISSION_DENIED"


def test_what_is_linked_stays_linked(caller: Caller) -> None:
    """Google never unlinks a coupon from a card."""
    offer = {"id": f"{ISSUER}.gift", "issuerName": "Club", "title": "Gift", "provider": "Club"}
    caller.call("POST", "offerClass", {**offer, "redemptionChannel": "BOTH", "reviewStatus": "UNDER_REVIEW"})
    gift = {"id": f"{ISSUER}.gift-1", "classId": offer["id"], "state": "ACTIVE"}
    assert caller.call("POST", "offerObject", gift).status_code == 200
    caller.call("POST", "loyaltyClass", CLASS)
    caller.call("POST", "loyaltyObject", {**OBJECT, "linkedObjectIds": [gift["id"]]})
    patched = caller.call("PATCH", f"loyaltyObject/{ISSUER}.card", {"linkedObjectIds": []})
    assert patched.json()["linkedObjectIds"] == [gift["id"]]


def test_messages_and_save_links_are_looked_at(caller: Caller) -> None:
    """Ten messages are kept; a link that names what is not there is said to."""
    caller.call("POST", "loyaltyClass", CLASS)
    caller.call("POST", "loyaltyObject", OBJECT)
    for number in range(12):
        body = {"message": {"header": f"{number}", "body": "Hello"}}
        answered = caller.call("POST", f"loyaltyObject/{ISSUER}.card/addMessage", body)
    assert [one["header"] for one in answered.json()["resource"]["messages"]] == [f"{n}" for n in range(2, 12)]
    assert caller.call("POST", f"loyaltyObject/{ISSUER}.card/addMessage", {"text": "Hello"}).status_code == 400
    for id_, status in ((f"{ISSUER}.card", 200), (f"{ISSUER}.other", 404), ("1.card", 403)):
        signed = assertion(caller.account, payload={"loyaltyObjects": [{"id": id_}]})
        assert caller.call("POST", "jwt/validate", {"jwtResource": {"jwt": signed}}).status_code == status
    assert caller.call("POST", "jwt/validate", {"jwtResource": {"jwt": "a.b.c"}}).status_code == 400


def test_answers_are_given_as_a_test_wrote_them(caller: Caller) -> None:
    """Each in its turn; then all is well."""
    caller.google.script(Scripted(503), Scripted(429, "rateLimitExceeded", retry_after="7"), Scripted(is_cut=True))
    assert caller.call("POST", "loyaltyClass", CLASS).status_code == 503
    assert caller.call("POST", "loyaltyClass", CLASS).headers["Retry-After"] == "7"
    with pytest.raises(requests.ConnectionError):
        caller.call("POST", "loyaltyClass", CLASS)
    began = time.monotonic()
    caller.google.script(Scripted(delay_s=0.2))
    assert caller.call("POST", "loyaltyClass", CLASS).status_code == 200
    assert time.monotonic() - began > 0.2
    assert [one.status for one in caller.google.asked] == [503, 429, 0, 200]


def test_the_discovery_document_says_where_a_fault_is() -> None:
    """Also inside of what may be null."""
    assert faults("LoyaltyObject", {"loyaltyPoints": {"balance": {"int": "3"}}}, is_patch=True) == [
        "/loyaltyPoints/balance/int: '3' is not of type 'integer'"
    ]
    assert faults("LoyaltyObject", {"loyaltyPoints": None}, is_patch=True) == []
    assert faults("LoyaltyObject", {"messages": [None]}, is_patch=True) == ["/messages/0: None is not of type 'object'"]
