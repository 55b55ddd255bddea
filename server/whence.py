"""From where a call comes, as far as one may believe it: address, software, page, trace and purpose.

The log keeps this for ever, so of each only what has its shape is kept. Whatever a client says of itself is a claim.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from rules.activity import noted_id
from rules.proxies import Network, believed, chain

# What software calls itself: products with a version (RFC 9110, 10.1.5). Whatever else stands there may be anything.
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,47}/[0-9][A-Za-z0-9._+-]{0,31}")
# A browser names up to five, and what it is comes last.
PRODUCTS_MAX = 6
# The trace in a `traceparent` (W3C Trace Context, level 1, section 3.2.2).
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
# As the contract's enum has it, without the prefix.
_SOURCE = re.compile(r"[A-Za-z]{1,16}")
# A page of the caller's, without what people are looked up by: no user, no query, no fragment, and of its path no word
# that could be an address or a name.
_HOST = re.compile(r"[A-Za-z0-9.-]{1,120}(?::[0-9]{1,5})?")
_PATH = re.compile(r"[A-Za-z0-9._~/-]{0,160}")


class Whence(NamedTuple):
    """What is kept of where a call came from; each empty where it was not said, or had no shape that is kept.

    `chain` has the addresses that proxies named, the nearest last; `ip_address` is the one that can be believed.
    """

    ip_address: str = ""
    chain: tuple[str, ...] = ()
    user_agent: str = ""
    page_url: str = ""
    trace_id: str = ""
    purpose: str = ""
    source: str = ""


class Proxies:
    """The proxies whose word on addresses is believed."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)
        self._whence = lru_cache(maxsize=4096)(self._read)

    def whence(self, peer: str, metadata: Mapping[str, str]) -> Whence:
        """From where a call with that metadata comes. `peer` is gRPC's name of the other end."""
        said = metadata.get
        agent = said("x-user-agent") or said("user-agent", "")
        found = self._whence(peer, str(agent), str(said("x-forwarded-for", "")), str(said("x-page-url", "")))
        trace, purpose = _trace(metadata), noted_id(str(said("x-purpose", "")))
        source = _source(str(said("x-source", "")))
        if trace or purpose or source:
            return found._replace(trace_id=trace, purpose=purpose, source=source)
        return found

    def _read(self, peer: str, agent: str, forwarded: str, page_url: str) -> Whence:
        nearest = address_of(peer)
        named = chain(forwarded)
        address = believed(nearest, named, self._trusted)
        return Whence(address, named, software(agent), page(page_url))


def address_of(peer: str) -> str:
    """The address in gRPC's name of a peer: `ipv4:127.0.0.1:5000`, `ipv6:%5B::1%5D:5000`."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    return unquote(rest).rpartition(":")[0].strip("[]")


def software(agent: str) -> str:
    """The products in what a caller says it is, without the rest."""
    return " ".join([word for word in agent.split() if _PRODUCT.fullmatch(word)][:PRODUCTS_MAX])


def page(url: str) -> str:
    """The page at a URL, without what might tell of a person; its site alone where the path might."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        return ""
    return f"{parts.scheme}://{parts.netloc}{parts.path if _PATH.fullmatch(parts.path) else ''}"


def _source(said: str) -> str:
    """The word for a source, in capitals, whether there is such a source or not. What can be none is UNKNOWN."""
    return said.upper() if _SOURCE.fullmatch(said) else "UNKNOWN" if said else ""


def _trace(metadata: Mapping[str, str]) -> str:
    """The trace that the call belongs to, or else the id that the caller's own logs know it by."""
    if found := _TRACE.fullmatch(str(metadata.get("traceparent", ""))):
        return found[1]
    return noted_id(str(metadata.get("x-request-id", "")))
