"""What an operator says of the mail server: where it is, and as whom we send."""

import re
from email.errors import HeaderParseError
from email.headerregistry import Address, AddressHeader, HeaderRegistry
from enum import StrEnum
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

FORM = "smtp://user:password@host:587, smtps://…:465 for TLS from the first byte, smtp+plain://127.0.0.1:25 without any"


class Security(StrEnum):
    """How the connection is kept from others. PLAIN: not at all, so only within this host."""

    STARTTLS = "smtp"
    TLS = "smtps"
    PLAIN = "smtp+plain"


class MailServer(NamedTuple):
    """Where mails are brought. An empty user: without a login."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = ""


# As the contract has it, which is HTML's.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")

_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.PLAIN: 25}


def mail_server(url: str) -> MailServer:
    """The mail server that a URL names. Raises ValueError, with a text that says how to write it and quotes nothing."""
    try:
        parts = urlsplit(url)
        security = Security(parts.scheme)
        host, port = parts.hostname or "", parts.port or _PORTS[security]
    except ValueError:
        raise ValueError(f"write it as {FORM}") from None
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"write it as {FORM}, with / @ : % of a password as %2F %40 %3A %25")
    if security is Security.PLAIN and not _is_loopback(host):
        raise ValueError(
            "without TLS a password and every address could be read on the way: smtp+plain is for 127.0.0.1"
        )
    return MailServer(host, port, security, unquote(parts.username or ""), unquote(parts.password or ""))


def mail_sender(text: str) -> Address:
    """The address that mails come from. Raises ValueError."""
    try:
        header = HeaderRegistry()("From", text) if text.isprintable() else None
    except (HeaderParseError, IndexError):  # the library's own parser stumbles over "club@"
        header = None
    if isinstance(header, AddressHeader) and not header.defects and len(header.addresses) == 1:
        [address] = header.addresses
        if is_address(address.addr_spec):
            return address
    raise ValueError("write it as club@example.com, or Coffee Club <club@example.com>")


def is_address(text: str) -> bool:
    """Whether mail could be sent there: an address, and nothing beside it."""
    return _ADDRESS.fullmatch(text) is not None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
