"""How a phone learns that a card has changed: revisions in the order of commits, the tag by which it asks for what is
newer, and the Last-Modified by which it is told that nothing is.

    revision        counts all changes of all passes, one after the other (storage/passes/refreshing.py)
    tag             the greatest revision of an answer; the next question is for what is greater
    Last-Modified   in whole seconds, as HTTP has them (RFC 9110, 8.8.2), and never twice the same of one pass

A clock would do for neither: HTTP's seconds are longer than changes are apart, and what is read from a clock, or a
sequence, before a commit may become visible after what was read later.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

# More digits than any revision has: PostgreSQL's bigint ends here.
REVISION_MAX = 2**63 - 1

_SECOND = timedelta(seconds=1)
_TAG = re.compile(r"[0-9]{1,19}")


def tag(revision: int) -> str:
    """What a phone is told to ask for next time. A text: a number phones silently ignore."""
    return str(revision)


def parse_tag(given: str) -> int | None:
    """The revision in a tag; None where it is none of ours: then the phone is told of all its passes. Of too many it
    keeps those that it has, of too few it never hears."""
    if not _TAG.fullmatch(given):
        return None
    revision = int(given)
    return revision if revision <= REVISION_MAX else None


def is_newer(revision: int, asked: int | None) -> bool:
    """Whether a pass belongs to an answer."""
    return asked is None or revision > asked


def whole(at: datetime) -> datetime:
    """An instant in whole seconds, not after it."""
    return at.replace(microsecond=0)


def next_modified(now: datetime, before: datetime) -> datetime:
    """Last-Modified of the next revision: a second later than that of the one before at least."""
    return max(whole(now), whole(before) + _SECOND)


def http_date(at: datetime) -> str:
    """As HTTP writes it: `Tue, 15 Nov 1994 08:12:31 GMT`."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def is_unmodified(if_modified_since: str | None, modified_at: datetime) -> bool:
    """Whether a phone has what it asks for (RFC 9110, 13.1.3). What is no date says nothing."""
    if not if_modified_since:
        return False
    try:
        since = parsedate_to_datetime(if_modified_since)
    except (ValueError, OverflowError):
        return False
    # Without a zone, RFC 9110 has GMT.
    return modified_at <= (since if since.tzinfo else since.replace(tzinfo=UTC))
