"""The stand-in of Apple's push service refuses what the real one refuses."""

import ssl
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.wallet.apple.service import TOKEN, TOPIC, Standing, authorities, leaf, push
from wallet.apple.answers import BadToken, Done
from wallet.apple.apns import client_context
from walletkit.apns import Scripted

GOOD = {"apns-topic": TOPIC, "apns-expiration": "0", "apns-priority": "10"}


def client(apple: Standing, http2: bool = True, certificate: Path | None = None) -> httpx.Client:
    """Any client with the certificate of the account."""
    place = apple.folder / "apple" / TOPIC
    context = client_context(certificate or place / "certificate.pem", place / "key.pem", "", apple.trust)
    return httpx.Client(verify=context, http1=not http2, http2=http2)


def post(apple: Standing, path: str = f"/3/device/{TOKEN}", body: bytes = b"{}", **headers: str) -> tuple[int, str]:
    """Status and reason of an answer to a push with these headers beside the good ones; None leaves one out."""
    sent = {**GOOD, **{name.replace("_", "-"): value for name, value in headers.items()}}
    with client(apple) as http:
        answer = http.post(f"{apple.service.url}{path}", content=body, headers={k: v for k, v in sent.items() if v})
    assert answer.headers["apns-id"]
    return answer.status_code, answer.json()["reason"] if answer.content else ""


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ({}, (200, "")),
        ({"body": b""}, (400, "PayloadEmpty")),
        ({"body": b'{"aps":{}}'}, (400, "PayloadEmpty")),
        ({"body": b"x" * 5000}, (413, "PayloadTooLarge")),
        ({"path": "/3/device/"}, (400, "MissingDeviceToken")),
        ({"path": "/3/devices"}, (404, "BadPath")),
        ({"path": "/3/device/xyz"}, (400, "BadDeviceToken")),
        ({"apns_topic": ""}, (400, "MissingTopic")),
        ({"apns_topic": "pass.com.example.other"}, (400, "TopicDisallowed")),
        ({"apns_id": "one"}, (400, "BadMessageId")),
        ({"apns_expiration": "tomorrow"}, (400, "BadExpirationDate")),
        ({"apns_priority": "7"}, (400, "BadPriority")),
        ({"apns_push_type": "pass"}, (400, "InvalidPushType")),
        ({"apns_push_type": "background"}, (400, "BadPriority")),
        ({"apns_push_type": "background", "apns_priority": "5"}, (200, "")),
        ({"apns_collapse_id": "c" * 65}, (400, "BadCollapseId")),
    ],
)
def test_each_fault_of_a_request_has_its_answer(apple: Standing, sent: dict[str, str], answer: tuple[int, str]) -> None:
    """A client that never saw them is wrong on its first day with Apple."""
    assert post(apple, **sent) == answer  # type: ignore[arg-type]


def test_other_methods_and_headers_said_twice_are_refused(apple: Standing) -> None:
    """405, and DuplicateHeaders."""
    with client(apple) as http:
        url = f"{apple.service.url}/3/device/{TOKEN}"
        assert http.get(url).json()["reason"] == "MethodNotAllowed"
        twice = [*GOOD.items(), ("apns-topic", TOPIC)]
        assert http.post(url, content=b"{}", headers=twice).json()["reason"] == "DuplicateHeaders"


def test_who_speaks_no_http_2_is_shown_out(apple: Standing) -> None:
    """Apple's service speaks nothing else."""
    with client(apple, http2=False) as http, pytest.raises(httpx.TransportError):
        http.post(f"{apple.service.url}/3/device/{TOKEN}", content=b"{}", headers=GOOD)
    assert apple.service.connections == 0 or apple.service.pushes == []


@pytest.mark.parametrize("shown", ["none", "foreign", "expired"])
def test_certificates_of_strangers_and_of_yesterday_are_refused(apple: Standing, tmp_path: Path, shown: str) -> None:
    """The handshake fails; nothing is heard of what would have been sent."""
    context = ssl.create_default_context(cafile=str(apple.trust))
    if shown != "none":
        identity = authorities()[1].server() if shown == "foreign" else leaf(expired=True)
        identity.write(tmp_path / "c.pem", tmp_path / "c.key")
        context.load_cert_chain(tmp_path / "c.pem", tmp_path / "c.key")
    with httpx.Client(verify=context, http1=False, http2=True) as http, pytest.raises(httpx.TransportError):
        http.post(f"{apple.service.url}/3/device/{TOKEN}", content=b"{}", headers=GOOD)
    assert apple.service.pushes == []


def test_a_phone_is_woken_by_what_is_taken_and_by_nothing_else(apple: Standing) -> None:
    """It is told the topic, and until when the push would be kept for it."""
    woken: list[tuple[str, float]] = []
    token = apple.service.issue(lambda topic, until: woken.append((topic, until)))
    apple.service.script(token, Scripted(503, "ServiceUnavailable"))
    transport = apple.transport()
    push(transport, token)
    assert woken == []
    assert push(transport, token).outcome == Done()
    [(topic, until)] = woken
    assert topic == TOPIC
    assert until > time.time()
    assert [one.apns_id for one in apple.service.taken(token)] == [apple.service.pushes[-1].apns_id]


def test_tokens_that_nobody_was_given_can_be_unknown(apple: Standing) -> None:
    """As those of the sandbox are to the real service."""
    apple.service.knows_only_issued = True
    token = apple.service.issue(lambda topic, until: None)
    transport = apple.transport()
    assert push(transport).outcome == BadToken("BadDeviceToken")
    assert push(transport, token).outcome == Done()


def test_it_is_as_slow_as_it_is_told_to_be_and_comes_back_where_it_was(apple: Standing) -> None:
    """A service that is away for a while is away at the same address."""
    apple.service.delay_s = 0.2
    before = time.monotonic()
    push(apple.transport())
    assert time.monotonic() - before >= 0.2
    url = apple.service.url
    apple.service.stop()
    apple.service.start()
    assert apple.service.url == url
    apple.service.delay_s = 0.0
    transport = apple.transport()
    assert push(transport).outcome == Done()
    apple.service.cut_all()
    assert push(transport, apns_id=str(uuid4())).outcome == Done()
