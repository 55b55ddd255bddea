"""How commands speak to the server: whether by TLS, and whom they believe."""

from typing import Any, NamedTuple

import grpc

from cli.failures import Failure
from cli.settings import Settings, load
from fealty import AsyncFealty, Fealty, connect, connect_async
from fealty.security import Security, is_loopback, secured
from rules import certificates


class Dialing(NamedTuple):
    """How to call an address, as `fealty.connect` has it."""

    root_certificates: bytes | None = None
    server_name: str = ""
    plaintext: bool = False

    def security(self, address: str) -> Security:
        """The same, as a channel has it."""
        return secured(address, None, self.root_certificates, None, self.server_name, self.plaintext)

    def channel(self, address: str, options: list[tuple[str, Any]]) -> grpc.Channel:
        """A channel without a key, for what needs none."""
        security = self.security(address)
        if security.credentials is None:
            return grpc.insecure_channel(address, options)
        return grpc.secure_channel(address, security.credentials, [*options, *security.options])


def connected(address: str, api_key: str) -> Fealty:
    """A connection of a command of this host. Raises Failure, and ValueError as `fealty.connect` does."""
    return connect(address, api_key, **dialing(load(), address)._asdict())


def connected_async(address: str, api_key: str) -> AsyncFealty:
    """The same for asyncio."""
    return connect_async(address, api_key, **dialing(load(), address)._asdict())


def dialing(settings: Settings, address: str = "") -> Dialing:
    """How to call the server at `address`, ours unless told otherwise. Raises Failure.

    FEALTY_CA_FILE says whom to believe. Else the certificate that the server here shows is believed by itself: it lies
    in a file of this host, and may be for a name that the host is not called by here.
    """
    ours = settings.address
    address = address or ours
    try:
        if settings.ca_file is not None:
            return Dialing(settings.ca_file.read_bytes())
        certificate_file, key_file, _ = settings.tls_files
        if certificate_file is not None and key_file is not None and address == ours:
            return _pinned(certificate_file.read_bytes())
    except OSError as error:
        raise Failure(f"{error.filename} cannot be read ({error.strerror}): correct the setting, or the file") from None
    return Dialing(plaintext=settings.listen_without_tls or is_loopback(address))


def _pinned(pem: bytes) -> Dialing:
    try:
        hosts = certificates.hosts(pem)
    except certificates.Faulty as fault:
        raise Failure(f"the server's certificate cannot be used ({fault}): correct FEALTY_CERTIFICATE_FILE") from None
    return Dialing(pem, hosts[0].replace("*", "any", 1) if hosts else "")
