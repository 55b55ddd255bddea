"""The sentence about an update, for each thing that can become of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.passes.verdicts import AtGoogle, Delivery, Newest, of_google, of_phone

NOW = datetime(2026, 1, 1, 10, tzinfo=UTC)
INSTALLED = NOW - timedelta(days=3)


def ago(**span: float) -> datetime:
    """An instant before NOW."""
    return NOW - timedelta(**span)


def update(revision: int = 2, **columns: Any) -> Delivery:
    """An update of a change an hour ago."""
    return Delivery(revision, ago(hours=1), **columns)


NEWEST = Newest(2, ago(minutes=59))
OLD = Delivery(1, ago(hours=9), ago(hours=9), "", "200", ago(hours=9), ago(hours=9))
TOLD: dict[str, Any] = {"pushed_at": ago(minutes=45, seconds=58), "answer": "200"}


@pytest.mark.parametrize(
    ("deliveries", "said"),
    [
        # What the user was promised, to the letter.
        (
            [update(**TOLD)],
            "registered, accepted by Apple 09:14:02, never fetched: updates are probably off on the device",
        ),
        (
            [update(**TOLD), OLD],
            "registered, accepted by Apple 09:14:02, not fetched since: the device is off or offline, or updates were"
            " switched off on it",
        ),
        (
            [update(**TOLD, listed_at=ago(minutes=44))],
            "registered, accepted by Apple 09:14:02, asked 09:16:00 what is new, and did not fetch it",
        ),
        ([update(pushed_at=ago(seconds=30), answer="200")], "under way: accepted by Apple 09:59:30, not fetched yet"),
        ([update(**TOLD, fetched_at=ago(minutes=45)), OLD], "current: fetched 09:15:00, 15 minutes after the change"),
        ([update(fetched_at=ago(minutes=45))], "current: fetched 09:15:00 without a push, 15 minutes after the change"),
        ([update(answer="429 TooManyRequests")], "registered, refused by Apple: 429 TooManyRequests"),
        (
            [update(listed_at=ago(minutes=44))],
            "registered, not pushed; asked 09:16:00 what is new, and did not fetch it",
        ),
        ([OLD], "not pushed for 59 minutes: see that a worker takes the queue push"),
        ([], "not pushed for 59 minutes: see that a worker takes the queue push"),
    ],
)
def test_each_thing_that_can_become_of_an_update_is_said(deliveries: list[Delivery], said: str) -> None:
    """ "My card shows the wrong balance" is answered by the sentence, not by whoever can read the table."""
    assert of_phone(NEWEST, INSTALLED, deliveries, "", NOW) == said


def test_an_update_that_was_built_a_moment_ago_is_under_way() -> None:
    """Changes are gathered for some seconds: nobody need look for a worker yet."""
    newest = Newest(2, ago(seconds=5))
    assert of_phone(newest, INSTALLED, [OLD], "", NOW) == "under way: built 09:59:55, and about to be pushed"


def test_where_pushes_are_stopped_the_reason_is_said_of_what_was_not_pushed() -> None:
    """And not of what arrived all the same."""
    halted = "registered, not pushed: pushes with its certificate are stopped (CertificateExpired)"
    assert of_phone(NEWEST, INSTALLED, [update(answer="403 Forbidden")], "CertificateExpired", NOW) == halted
    assert of_phone(NEWEST, INSTALLED, [], "CertificateExpired", NOW) == halted
    fetched = of_phone(NEWEST, INSTALLED, [update(fetched_at=ago(minutes=1))], "CertificateExpired", NOW)
    assert fetched.startswith("current: ")


def test_where_a_worker_tried_and_could_not_nobody_is_sent_to_look_for_a_worker() -> None:
    """Apple is away, or this worker has no certificate for the card: its log has said why."""
    assert of_phone(NEWEST, INSTALLED, [OLD], "", NOW, "Away") == (
        "registered, not pushed: Apple cannot be reached, as the worker's log says; it looks by itself whether that is"
        " over"
    )
    unset = "registered, not pushed: the worker has no account of Apple for it, as its log says"
    assert of_phone(Newest(2, ago(seconds=5)), INSTALLED, [], "", NOW, "NoAccount") == unset
    old = AtGoogle(1, ago(hours=2), "200", INSTALLED, None)
    assert of_google(NEWEST, old, "", NOW, "Away").startswith("not sent: Google cannot be reached")
    assert of_phone(NEWEST, INSTALLED, [], "", NOW, "DatabaseBusy").endswith("the queue push")


def test_a_card_that_was_installed_after_the_change_shows_it() -> None:
    """It was built when it was fetched; nothing was ever pushed to that phone."""
    said = "current: installed 09:30:00, and nothing has changed since"
    assert of_phone(NEWEST, ago(minutes=30), [], "", NOW) == said
    assert of_phone(Newest(0, INSTALLED), INSTALLED, [], "", NOW).endswith("nothing to update yet")


def test_of_a_phone_that_has_it_no_more_is_said_who_said_so() -> None:
    """Apple, of a phone that was wiped; the phone itself, of a card that was deleted."""
    assert of_phone(NEWEST, None, [update(answer="410 Unregistered")], "", NOW) == (
        "gone: Apple answered 410 Unregistered"
    )
    assert of_phone(NEWEST, None, [OLD], "", NOW) == "removed from the device"


def test_an_instant_of_another_day_has_its_day() -> None:
    """`09:14:02` of last week would be read as of today."""
    fetched = update(fetched_at=ago(days=2))
    assert of_phone(Newest(2, ago(days=2)), ago(days=9), [fetched], "", NOW).startswith(
        "current: fetched 2025-12-30 10:00:00 without a push, "
    )


@pytest.mark.parametrize(
    ("found", "halted", "said"),
    [
        (
            AtGoogle(2, ago(minutes=58), "200", INSTALLED, None),
            "",
            "current: Google has it since 09:02:00, and decides when the device shows it",
        ),
        (AtGoogle(2, ago(minutes=58), "200", INSTALLED, ago(minutes=5)), "", "removed 09:55:00"),
        (
            AtGoogle(1, ago(hours=2), "403 notPermitted", INSTALLED, None),
            "notPermitted",
            "not sent: pushes to its issuer are stopped (notPermitted)",
        ),
        (
            AtGoogle(1, ago(hours=2), "400 badRequest", INSTALLED, None),
            "",
            "refused by Google: 400 badRequest",
        ),
        (
            AtGoogle(1, ago(hours=2), "200", INSTALLED, None),
            "",
            "not pushed for 59 minutes: see that a worker takes the queue push_google",
        ),
        # It was never sent: no answer is no refusal.
        (
            AtGoogle(0, ago(hours=2), "", None, None),
            "",
            "not pushed for 59 minutes: see that a worker takes the queue push_google",
        ),
        (
            AtGoogle(2, ago(minutes=58), "200 inserted", None, None),
            "",
            "Google has it since 09:02:00, and told of nobody who saved it",
        ),
        # Removed, and saved again.
        (
            AtGoogle(2, ago(minutes=58), "200", ago(minutes=2), ago(minutes=5)),
            "",
            "current: Google has it since 09:02:00, and decides when the device shows it",
        ),
    ],
)
def test_of_google_is_said_what_it_has(found: AtGoogle, halted: str, said: str) -> None:
    """Which phones have it, Google tells nobody."""
    assert of_google(NEWEST, found, halted, NOW) == said
