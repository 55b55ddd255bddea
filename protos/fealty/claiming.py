"""What a caller says of its calls, besides the calls themselves: for the activity log."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CLAIMS: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("fealty_claims", default=())


@contextmanager
def claims(
    *,
    purpose: str = "",
    page_url: str = "",
    traceparent: str = "",
    forwarded_for: str = "",
    user_agent: str = "",
    source: str = "",
    on_behalf_of: str | None = None,
) -> Iterator[None]:
    """Says of every call that is begun inside the block, in this thread or task: what it is for (a code, such as
    `ticket-4711`), from which page it is made, to which trace it belongs (W3C Trace Context); and for whom it is passed
    on, where that is not oneself: the addresses as `x-forwarded-for` has them, and the browser's own user agent.
    `source` is where the act came from, such as `PHYSICAL`: a word of ActivitySource without its prefix; one that the
    caller's role may not say is refused (SOURCE_DENIED). `on_behalf_of` is for whom the call is made, `users/{user}` or
    `programs/{program}/customers/{customer}`: it may then no more than they (credentials.proto; ACTING_DENIED). None is
    for oneself; an empty one is a ValueError, for it was meant to be somebody.

    Of the rest the log keeps them as claims; of a text that has not the shape, nothing. Blocks inside blocks add up.
    """
    if on_behalf_of is not None and not on_behalf_of.strip():
        raise ValueError("on_behalf_of is empty; name for whom the call is made, or leave it out")
    said = {
        "x-purpose": purpose,
        "x-page-url": page_url,
        "traceparent": traceparent,
        "x-forwarded-for": forwarded_for,
        "x-user-agent": user_agent,
        "x-source": source,
        "x-on-behalf-of": on_behalf_of or "",
    }
    before = dict(_CLAIMS.get())
    token = _CLAIMS.set(tuple({**before, **{name: text for name, text in said.items() if text}}.items()))
    try:
        yield
    finally:
        _CLAIMS.reset(token)


def claimed() -> tuple[tuple[str, str], ...]:
    """What is said of a call that begins here and now, as its metadata."""
    return _CLAIMS.get()
