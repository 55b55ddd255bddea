"""Where a request comes from, through proxies: whose word on that is believed, and how far."""

from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

# Addresses of a chain of proxies: a real one has two or three.
CHAIN_MAX = 8
# Of IPv6, one customer of a provider has a network of this size: 64 bits are theirs.
IPV6_HOST_BITS = 64


def chain(forwarded: str) -> tuple[str, ...]:
    """The addresses of an `x-forwarded-for`, with or without ports; cut before what is none: it was made up."""
    found: list[str] = []
    for part in reversed(forwarded.split(",")):
        try:
            found.append(str(_address(part.strip())))
        except ValueError:
            break
    return tuple(reversed(found[:CHAIN_MAX]))


def believed(nearest: str, chain: Sequence[str], trusted: Collection[Network]) -> str:
    """The first address, from ours outwards, that is none of our own proxies': what comes before it in the chain is
    what a stranger says."""
    found = nearest
    for named in reversed(chain):
        if not is_trusted(found, trusted):
            break
        found = named
    return found


def is_trusted(address: str, trusted: Collection[Network]) -> bool:
    """Whether an address is one of our own proxies'; an empty one is nobody's."""
    return bool(address) and any(ip_address(address) in network for network in trusted)


def household(address: str) -> str:
    """What requests from an address are counted by: itself, of IPv6 the network of one customer."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return str(IPv6Address(int(found) >> IPV6_HOST_BITS << IPV6_HOST_BITS))
        found = found.ipv4_mapped
    return str(found)


def _address(text: str) -> IPv4Address | IPv6Address:
    """Raises ValueError. A zone (RFC 4007) is a name on somebody's own host, and may be any text: none is taken."""
    if "%" in text:
        raise ValueError("an address with a zone")
    return ip_address(_without_port(text))


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
