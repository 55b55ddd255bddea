"""Apple's push service standing in, and an operator's account that it knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from wallet import accounts
from wallet.apple.answers import Answer
from wallet.apple.apns import ApnsTransport, client_context, open_transport
from walletkit.apns import PushService
from walletkit.authority import AppleAuthority, Authority, Identity

TOPIC = "pass.com.example.club"
TEAM = "ABCDE12345"
TOKEN = "ab" * 32


class Standing(NamedTuple):
    """The service, the folder of accounts (FEALTY_WALLET_DIR), and whose certificates are to be believed."""

    service: PushService
    folder: Path
    trust: Path

    def transport(self, push_type: str = "") -> ApnsTransport:
        """As workers have it."""
        return open_transport(accounts.load(self.folder), self.service.url, push_type, self.trust)

    def with_certificate(self, identity: Identity) -> ApnsTransport:
        """One that shows another certificate than the account's."""
        certificate, key = self.folder / "other.pem", self.folder / "other.key"
        identity.write(certificate, key)
        return ApnsTransport(lambda topic: client_context(certificate, key, "", self.trust), self.service.url)


def push(transport: ApnsTransport, token: str = TOKEN, topic: str = TOPIC, apns_id: str = "") -> Answer:
    """One push."""
    return transport.send(token, topic, apns_id or str(uuid4()))


@contextmanager
def standing(folder: Path) -> Iterator[Standing]:
    """A service that listens, and the account that it takes pushes from."""
    apple, web = authorities()
    place = folder / "wallet" / "apple" / TOPIC
    place.mkdir(parents=True)
    leaf().write(place / "certificate.pem", place / "key.pem")
    (place / "wwdr.pem").write_bytes(apple.wwdr.pem)
    trust, clients = folder / "trust.pem", folder / "clients.pem"
    trust.write_bytes(web.pem)
    clients.write_bytes(apple.wwdr.pem + apple.root.pem)
    server().write(folder / "server.pem", folder / "server.key")
    with PushService(folder / "server.pem", folder / "server.key", clients) as service:
        yield Standing(service, folder / "wallet", trust)


@cache
def authorities() -> tuple[AppleAuthority, Authority]:
    """Apple's, and that of servers; made once, for keys take long."""
    return AppleAuthority(), Authority.root("Servers of tests")


@cache
def leaf(topic: str = TOPIC, expired: bool = False) -> Identity:
    """A certificate of a pass type."""
    now = datetime.now(UTC) - timedelta(days=500 if expired else 0)
    return authorities()[0].pass_type(topic, TEAM, now=now)


@cache
def server() -> Identity:
    """Of whoever is on this host."""
    return authorities()[1].server()
