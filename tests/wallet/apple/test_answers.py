"""Apple's answers, row by row (wallet passes are pushed with `{}`, and a phone is only forgotten where it is gone)."""

from datetime import UTC, datetime, timedelta

import pytest

from wallet.apple.answers import BadToken, Done, Gone, Later, Misconfigured, OurFault, Outcome, read

MINUTE = timedelta(minutes=1)

ROWS: list[tuple[int, str, Outcome]] = [
    (200, "", Done()),
    (410, "Unregistered", Gone(None)),
    (410, "ExpiredToken", Gone(None)),
    *[(400, reason, BadToken(reason)) for reason in ("BadDeviceToken", "DeviceTokenNotForTopic")],
    *[(400, reason, Misconfigured(reason)) for reason in ("TopicDisallowed", "BadTopic", "MissingTopic")],
    *[
        (403, reason, Misconfigured(reason))
        for reason in (
            *("BadCertificate", "BadCertificateEnvironment", "Forbidden", "ExpiredProviderToken"),
            *("InvalidProviderToken", "MissingProviderToken", "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken"),
        )
    ],
    *[
        (400, reason, OurFault(reason))
        for reason in (
            *("PayloadEmpty", "BadMessageId", "BadExpirationDate", "BadPriority", "BadCollapseId"),
            *("InvalidPushType", "DuplicateHeaders", "MissingDeviceToken"),
        )
    ],
    (404, "BadPath", OurFault("BadPath")),
    (405, "MethodNotAllowed", OurFault("MethodNotAllowed")),
    (413, "PayloadTooLarge", OurFault("PayloadTooLarge")),
    (400, "IdleTimeout", Later("IdleTimeout", timedelta(0), anew=True)),
    (429, "TooManyRequests", Later("TooManyRequests", MINUTE)),
    (429, "TooManyProviderTokenUpdates", Later("TooManyProviderTokenUpdates", 20 * MINUTE)),
    (500, "InternalServerError", Later("InternalServerError")),
    (503, "ServiceUnavailable", Later("ServiceUnavailable")),
    (503, "Shutdown", Later("Shutdown", None, anew=True)),
    # What Apple may say one day.
    (403, "SomethingNew", Misconfigured("SomethingNew")),
    (400, "SomethingNew", OurFault("SomethingNew")),
    (599, "", Later("599")),
    (302, "", OurFault("302")),
]


@pytest.mark.parametrize(("status", "reason", "outcome"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_each_answer_means_one_thing(status: int, reason: str, outcome: Outcome) -> None:
    """A reason in the wrong row deletes phones, or calls nobody where pushes have stopped."""
    assert read(status, reason) == outcome


def test_a_phone_is_gone_since_the_instant_that_apple_says() -> None:
    """Who has registered again since then is there."""
    assert read(410, "Unregistered", timestamp_ms=1_700_000_000_000) == Gone(
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    )
    assert read(410, "Unregistered", timestamp_ms=10**30) == Gone(None)


def test_apple_may_ask_for_a_longer_pause_and_not_for_a_shorter_one() -> None:
    """One phone is not pushed to more often than once a minute after it was too much."""
    assert read(429, "TooManyRequests", retry_after_s=5) == Later("TooManyRequests", MINUTE)
    assert read(429, "TooManyRequests", retry_after_s=300) == Later("TooManyRequests", 5 * MINUTE)
    assert read(503, "ServiceUnavailable", retry_after_s=30) == Later("ServiceUnavailable", timedelta(seconds=30))
