"""What became of the newest update of a card in one wallet, in a sentence for whoever was asked "why does my card show
the wrong balance?". Times are UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

# So long an update may lie before it is pushed: the window in which changes are gathered, and some seconds.
PUSH_SOON = timedelta(seconds=60)
# So long a phone that was told may take: most take seconds, one in a pocket without network a while.
FETCH_SOON = timedelta(minutes=10)

# By the word that a worker left with the task (workers/failures.py).
_WAITS = {
    "Away": "{wallet} cannot be reached, as the worker's log says; it looks by itself whether that is over",
    "NoAccount": "the worker has no account of {wallet} for it, as its log says",
}

# What Apple answers of a phone that is gone (rules/passes/breaking.py says when it is believed).
_GONE = ("410", "400 BadDeviceToken", "400 DeviceTokenNotForTopic")


class Delivery(NamedTuple):
    """A revision on its way to one phone. `pushed_at` is when Apple took the push, None: it did not, for the reason in
    `answer`, or was not asked."""

    revision: int
    changed_at: datetime
    pushed_at: datetime | None = None
    push_id: str = ""
    answer: str = ""
    listed_at: datetime | None = None
    fetched_at: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """From the change to the phone; None until it was fetched."""
        return None if self.fetched_at is None else (self.fetched_at - self.changed_at).total_seconds()


class Newest(NamedTuple):
    """The newest revision of what a card says, 0: none was built yet."""

    revision: int
    built_at: datetime


def of_phone(
    newest: Newest,
    installed_at: datetime | None,
    deliveries: Sequence[Delivery],
    halted: str,
    now: datetime,
    waits_for: str = "",
) -> str:
    """Of a phone, which has the card since `installed_at`, None: not any more. `halted` is why pushes of its pass type
    are stopped, empty: they are not; `waits_for` is the word that a worker left why it could not push, empty: none."""
    last = next((one for one in deliveries if one.revision == newest.revision), None)
    if installed_at is None:
        answers = [one.answer for one in deliveries if one.answer.startswith(_GONE)]
        return f"gone: Apple answered {answers[0]}" if answers else "removed from the device"
    if not newest.revision:
        return f"registered {_at(installed_at, now)}, nothing to update yet"
    if last is not None and last.fetched_at is not None:
        how = "" if last.pushed_at is not None else " without a push"
        lasted = _lasted(last.fetched_at - last.changed_at)
        return f"current: fetched {_at(last.fetched_at, now)}{how}, {lasted} after the change"
    if newest.built_at <= installed_at:
        return f"current: installed {_at(installed_at, now)}, and nothing has changed since"
    if last is not None and last.pushed_at is not None:
        return _accepted(last, any(one.fetched_at for one in deliveries), now)
    if halted:
        return f"registered, not pushed: pushes with its certificate are stopped ({halted})"
    if last is not None and last.answer:
        return f"registered, refused by Apple: {last.answer}"
    if waits_for in _WAITS:
        return f"registered, not pushed: {_WAITS[waits_for].format(wallet='Apple')}"
    if last is not None and last.listed_at is not None:
        return f"registered, not pushed; asked {_at(last.listed_at, now)} what is new, and did not fetch it"
    return _unsent(newest, now, "push")


class AtGoogle(NamedTuple):
    """A card as Google has it: the revision that it was sent, when, and what was answered last, empty before that; when
    it was saved and removed, as far as Google told."""

    revision: int
    sent_at: datetime
    answer: str
    saved_at: datetime | None
    removed_at: datetime | None

    @property
    def is_sent(self) -> bool:
        """Whether Google took what it was sent last."""
        return self.answer.startswith("200")

    @property
    def is_saved(self) -> bool:
        """Whether somebody has it."""
        if self.saved_at is None:
            return False
        return self.removed_at is None or self.saved_at > self.removed_at


def of_google(newest: Newest, found: AtGoogle, halted: str, now: datetime, waits_for: str = "") -> str:
    """Of Google, which shows what it has to whoever saved the card; `halted` and `waits_for` as above."""
    if found.removed_at is not None and not found.is_saved:
        return f"removed {_at(found.removed_at, now)}"
    if found.is_sent and found.revision >= newest.revision:
        since = f"Google has it since {_at(found.sent_at, now)}"
        if not found.is_saved:
            return f"{since}, and told of nobody who saved it"
        return f"current: {since}, and decides when the device shows it"
    if halted:
        return f"not sent: pushes to its issuer are stopped ({halted})"
    if found.answer and not found.is_sent:
        return f"refused by Google: {found.answer}"
    if waits_for in _WAITS:
        return f"not sent: {_WAITS[waits_for].format(wallet='Google')}"
    return _unsent(newest, now, "push_google")


def _accepted(last: Delivery, has_fetched: bool, now: datetime) -> str:
    assert last.pushed_at is not None
    told = f"accepted by Apple {_at(last.pushed_at, now)}"
    if last.listed_at is not None and last.listed_at >= last.pushed_at:
        return f"registered, {told}, asked {_at(last.listed_at, now)} what is new, and did not fetch it"
    if now - last.pushed_at < FETCH_SOON:
        return f"under way: {told}, not fetched yet"
    if has_fetched:
        return (
            f"registered, {told}, not fetched since: the device is off or offline, or updates were switched off on it"
        )
    return f"registered, {told}, never fetched: updates are probably off on the device"


def _unsent(newest: Newest, now: datetime, queue: str) -> str:
    waits = now - newest.built_at
    if waits < PUSH_SOON:
        return f"under way: built {_at(newest.built_at, now)}, and about to be pushed"
    return f"not pushed for {_lasted(waits)}: see that a worker takes the queue {queue}"


def _at(instant: datetime, now: datetime) -> str:
    """`09:14:02`, with the day where it is another."""
    instant, today = instant.astimezone(UTC), now.astimezone(UTC).date()
    return f"{instant:%H:%M:%S}" if instant.date() == today else f"{instant:%Y-%m-%d %H:%M:%S}"


def _lasted(span: timedelta) -> str:
    """`3 s`, `12 minutes`, `5 hours`, `4 days`."""
    seconds = max(0, round(span.total_seconds()))
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
