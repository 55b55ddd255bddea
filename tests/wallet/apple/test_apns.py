"""Pushes, against a service that speaks the real protocol and refuses what the real one refuses."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.wallet.apple.service import TOKEN, TOPIC, Standing, authorities, leaf, push
from wallet.apple.answers import BadToken, Done, Gone, Later, Misconfigured
from wallet.apple.apns import KEPT, TRIES_MAX, ApnsAway, ApnsTransport, client_context
from walletkit.apns import Scripted


def test_a_push_says_look_and_nothing_else(apple: Standing) -> None:
    """Apple carries nothing about a customer; it keeps the push for a phone that is off."""
    identity = str(uuid4())
    answer = push(apple.transport(), apns_id=identity)
    assert (answer.outcome, answer.status, answer.reason, answer.apns_id) == (Done(), 200, "", identity)
    [sent] = apple.service.pushes
    assert (sent.token, sent.topic, sent.body) == (TOKEN, TOPIC, b"{}")
    assert sent.headers["apns-priority"] == "10"
    assert "apns-push-type" not in sent.headers
    assert abs(int(sent.headers["apns-expiration"]) - time.time() - KEPT.total_seconds()) < 60


def test_a_push_type_that_an_operator_chose_is_sent_with_the_priority_that_apple_wants_for_it(apple: Standing) -> None:
    """`background` with another priority than 5 is refused."""
    assert push(apple.transport("background")).outcome == Done()
    assert push(apple.transport("alert")).outcome == Done()
    assert [(one.headers["apns-push-type"], one.headers["apns-priority"]) for one in apple.service.pushes] == [
        ("background", "5"),
        ("alert", "10"),
    ]


def test_a_thread_has_one_connection_and_keeps_it(apple: Standing) -> None:
    """Apple takes many short connections for an attack."""
    transport = apple.transport()

    def many(_: int) -> None:
        for _ in range(20):
            assert push(transport).outcome == Done()

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(many, range(3)))
    assert apple.service.connections <= 3
    by_connection = {one.connection for one in apple.service.pushes}
    assert len(apple.service.pushes) == 60
    assert len(by_connection) == apple.service.connections


@pytest.mark.parametrize("script", ["goaway_after", "cut_after"])
def test_no_push_fails_because_connections_end(apple: Standing, script: str) -> None:
    """Apple ends connections every day, in the middle of whatever is sent."""
    setattr(apple.service, script, 3)
    transport = apple.transport()
    ids = [str(uuid4()) for _ in range(20)]
    assert [push(transport, apns_id=identity).outcome for identity in ids] == [Done()] * 20
    assert {one.apns_id for one in apple.service.pushes} == set(ids)
    assert apple.service.connections >= 6


def test_a_push_whose_answer_is_lost_is_sent_again_with_the_same_id(apple: Standing) -> None:
    """It may have been taken; the id is what Apple could tell the second by."""
    apple.service.cuts_before_answer = True
    identity = str(uuid4())
    with pytest.raises(ApnsAway, match="hangs up"):
        push(apple.transport(), apns_id=identity)
    assert [one.apns_id for one in apple.service.pushes] == [identity] * TRIES_MAX


def test_a_connection_that_was_idle_for_too_long_is_replaced_at_once(apple: Standing) -> None:
    """400 IdleTimeout is an answer about the connection, and not about the push."""
    apple.service.script(TOKEN, Scripted(400, "IdleTimeout"))
    assert push(apple.transport()).outcome == Done()
    assert apple.service.connections == 2


def test_after_shutdown_a_push_waits_and_takes_another_connection(apple: Standing) -> None:
    """The server that said so is going away, and others of Apple's are there."""
    apple.service.script(TOKEN, Scripted(503, "Shutdown"))
    transport = apple.transport()
    assert isinstance(push(transport).outcome, Later)
    assert push(transport).outcome == Done()
    assert apple.service.connections == 2


def test_a_service_that_allows_one_push_at_a_time_gets_one_at_a_time(apple: Standing) -> None:
    """Apple begins new connections like that."""
    apple.service.max_concurrent_streams = 1
    transport = apple.transport()
    assert [push(transport).outcome for _ in range(5)] == [Done()] * 5


def test_what_apple_answers_is_understood(apple: Standing) -> None:
    """Reason, timestamp and pause come from the answer as it is sent."""
    scripted = (
        Scripted(410, "Unregistered", timestamp_ms=1_700_000_000_123),
        Scripted(503, "ServiceUnavailable", retry_after_s=7),
        Scripted(400, "BadDeviceToken"),
    )
    apple.service.script(TOKEN, *scripted)
    transport = apple.transport()
    gone, later, bad = (push(transport).outcome for _ in scripted)
    assert isinstance(gone, Gone)
    assert gone.since is not None
    assert gone.since.timestamp() == pytest.approx(1_700_000_000.123)
    assert isinstance(later, Later)
    assert later.after is not None
    assert later.after.total_seconds() == 7
    assert bad == BadToken("BadDeviceToken")


def test_a_reason_that_is_no_word_is_not_repeated(apple: Standing) -> None:
    """What is kept of an answer comes into logs."""
    apple.service.script(TOKEN, Scripted(400, "token abc of alice@example.com"))
    answer = push(apple.transport())
    assert (answer.status, answer.reason) == (400, "")


def test_a_token_of_any_kind_stays_in_its_place(apple: Standing) -> None:
    """It comes from whoever registered a phone, and could be meant to lead elsewhere."""
    assert push(apple.transport(), token="../../3/x?y=1#z").outcome == BadToken("BadDeviceToken")
    [sent] = apple.service.pushes
    assert sent.headers[":path"] == "/3/device/..%2F..%2F3%2Fx%3Fy%3D1%23z"


def test_a_certificate_of_another_pass_type_is_told_from_a_phone_that_is_gone(apple: Standing) -> None:
    """Swapped accounts delete nobody."""
    transport = apple.with_certificate(leaf("pass.com.example.other"))
    assert push(transport).outcome == Misconfigured("TopicDisallowed")


@pytest.mark.parametrize("kind", ["expired", "foreign"])
def test_a_certificate_that_is_refused_looks_like_a_service_that_hangs_up_and_the_error_says_so(
    apple: Standing, kind: str
) -> None:
    """With TLS 1.3 nothing else shows: whoever reads "connection lost" looks in the wrong place."""
    identity = leaf(expired=True) if kind == "expired" else authorities()[1].server()
    with pytest.raises(ApnsAway, match="a certificate that has expired"):
        push(apple.with_certificate(identity))
    assert apple.service.pushes == []


def test_a_service_that_cannot_be_trusted_is_told_nothing(apple: Standing) -> None:
    """Push tokens are not for whoever answers at that address."""
    place = apple.folder / "apple" / TOPIC
    transport = ApnsTransport(
        lambda topic: client_context(place / "certificate.pem", place / "key.pem"), apple.service.url
    )
    with pytest.raises(ApnsAway, match="its certificate cannot be verified: unable to get local issuer certificate"):
        push(transport)
    assert apple.service.pushes == []


def test_a_service_that_is_not_there_is_said_to_be_away(apple: Standing) -> None:
    """With the system's word for it."""
    transport = apple.transport()
    apple.service.stop()
    with pytest.raises(ApnsAway, match="Connection refused"):
        push(transport)


def test_a_service_that_never_answers_is_waited_for_no_longer_than_the_task_has(apple: Standing) -> None:
    """A worker that is to stop does not wait for Apple."""
    apple.service.is_silent = True
    before = time.monotonic()
    with pytest.raises(ApnsAway, match="did not answer in time"):
        apple.transport().send(TOKEN, TOPIC, str(uuid4()), before + 0.5)
    assert time.monotonic() - before < 3
