"""What Google's answers mean: for each row of its table of errors, a type that says what is to be done."""

import json
import re
from datetime import timedelta
from typing import Any

# Of words that Google answers with, which name no person: its own reasons and states.
_WORD = re.compile(r"[A-Za-z_]{1,60}")
_QUOTA = re.compile(r"quota|rate.?limit|exhausted", re.IGNORECASE)
# Longer than this nobody is asked to wait: a quota is of a day.
RETRY_AFTER_MAX = timedelta(days=1)


class GoogleAway(Exception):
    """Google does not answer, or answers that it cannot now. The text names what happened, and nobody."""


class TooManyRequests(Exception):
    """Google wants fewer requests. `after` is what it asks to wait, None where it does not say."""

    def __init__(self, after: timedelta | None) -> None:
        super().__init__(after)
        self.after = after


class NotPermitted(Exception):
    """Google does not let this service account act for this issuer: nothing of it can be pushed until an operator has
    set that right. The text is a sentence for them, `reason` Google's word, or ours."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(advice)
        self.reason = reason


class Rejected(Exception):
    """Google takes what we sent for wrong, and would again. `reason` is its word for it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class NotThere(Exception):
    """What was to be changed, or its class, is not there."""


class AlreadyThere(Exception):
    """What was to be inserted is there."""


def raise_for(status: int, retry_after: str, body: bytes, email: str) -> None:
    """Raises what an answer means, unless it is that all is well. `email` is that of the service account."""
    if status < 300:
        return
    reason, text = _error(body)
    if status == 401:
        raise NotPermitted(
            reason,
            f"Google refuses the token of {email}: is its key deleted, or does the clock of this host go wrong?",
        )
    if status == 403 and not _QUOTA.search(text):
        raise NotPermitted(
            reason,
            f"{email} may not act for this issuer ({reason}): enable the Google Wallet API in its project, and make it "
            "a user with the right to write in the Google Pay & Wallet Console",
        )
    if status in (403, 429):
        raise TooManyRequests(_seconds(retry_after))
    if status == 404:
        raise NotThere
    if status == 409:
        raise AlreadyThere
    # Google redirects nobody: it is somebody between us.
    if status < 400 or status == 408 or status >= 500:
        raise GoogleAway(f"{status} {reason}")
    raise Rejected(status, reason)


def _error(body: bytes) -> tuple[str, str]:
    """Google's word for an error, and all of its words; its sentences may quote what was sent, and are not kept."""
    try:
        error: Any = json.loads(body)["error"]
        details: Any = error.get("errors") or [{}]
        words = [details[0].get("reason"), error.get("status"), error.get("message")]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return "no reason", ""
    said = [word for word in words if isinstance(word, str)]
    named = [word for word in said[:2] if _WORD.fullmatch(word)]
    return named[0] if named else "no reason", " ".join(said)


def _seconds(retry_after: str) -> timedelta | None:
    if not retry_after.isascii() or not retry_after.isdigit():
        return None
    return min(timedelta(seconds=int(retry_after[:9])), RETRY_AFTER_MAX)
