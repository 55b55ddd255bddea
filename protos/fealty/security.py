"""How a connection is kept private: TLS wherever others could listen."""

import os
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple, TypeAlias

import grpc

# The name of a file, or what is in it.
Pem: TypeAlias = str | os.PathLike[str] | bytes


class Security(NamedTuple):
    """What a channel is opened with. `credentials` is None where it is not encrypted."""

    credentials: grpc.ChannelCredentials | None
    options: Sequence[tuple[str, str]] = ()


def secured(
    target: str,
    credentials: grpc.ChannelCredentials | None,
    root_certificates: Pem | None,
    certificate: tuple[Pem, Pem] | None,
    server_name: str,
    plaintext: bool | None,
) -> Security:
    """As `connect` says. Raises ValueError where the wishes exclude each other, OSError where a file cannot be read."""
    wishes_tls = bool(credentials or root_certificates or certificate or server_name)
    if plaintext and wishes_tls:
        raise ValueError("plaintext, and something that only TLS has: leave one of them out")
    if credentials and (root_certificates or certificate):
        raise ValueError("credentials are gRPC's own: put root_certificates and certificate into them")
    if plaintext is None:
        plaintext = not wishes_tls and is_loopback(target)
    if plaintext:
        return Security(None)
    if credentials is None:
        shown, key = map(_read, certificate) if certificate else (None, None)
        roots = None if root_certificates is None else _read(root_certificates)
        credentials = grpc.ssl_channel_credentials(roots, key, shown)
    return Security(credentials, [("grpc.ssl_target_name_override", server_name)] if server_name else ())


def is_loopback(target: str) -> bool:
    """Whether only this machine hears what is said to it."""
    scheme, _, rest = target.partition(":")
    if scheme in ("unix", "unix-abstract"):
        return True
    address = rest.rpartition("/")[2] if scheme in ("dns", "ipv4", "ipv6") else target
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(pem: Pem) -> bytes:
    return pem if isinstance(pem, bytes) else Path(pem).read_bytes()
