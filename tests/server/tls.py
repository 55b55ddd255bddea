"""A server with TLS, the authorities that issue for it, and what a stranger sees of it."""

import asyncio
import socket
import ssl
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fealty import connect_async
from server.app import build
from server.settings import ServerSettings
from storage.engine.database import handle
from tests.server.serving import Client, Served, free_port, settings_of
from walletkit.authority import Authority, Identity


class Authorities(NamedTuple):
    """Of the server, of its clients, and of strangers."""

    server: Authority
    clients: Authority
    strangers: Authority


@cache
def authorities() -> Authorities:
    """Made once: their keys take a while."""
    return Authorities(*(Authority.root(f"Authority of {whose}") for whose in ("servers", "clients", "strangers")))


class Files(NamedTuple):
    """What a server reads, and what its clients believe."""

    certificate: Path
    key: Path
    clients: Path
    roots: Path

    def lay(self, identity: Identity) -> None:
        """Puts a certificate in the place of the one before, as tools do: each file at once."""
        for file, pem in ((self.key, identity.key_pem()), (self.certificate, identity.certificate_pem)):
            written = file.with_suffix(".new")
            written.write_bytes(pem)
            written.replace(file)


def files_in(folder: Path, identity: Identity | None = None) -> Files:
    """A folder with all of them."""
    files = Files(*(folder / name for name in ("server.pem", "server.key", "clients.pem", "roots.pem")))
    files.lay(identity or authorities().server.server())
    files.clients.write_bytes(authorities().clients.pem)
    files.roots.write_bytes(authorities().server.pem)
    return files


def settings_with(database_url: str, files: Files, **more: Any) -> ServerSettings:
    """Settings of a server with TLS, and a port for clients with certificates."""
    told = {
        "certificate_file": files.certificate,
        "key_file": files.key,
        "clients_port": free_port(),
        "clients_ca_file": files.clients,
    }
    return settings_of(database_url).model_copy(update={**told, **more})


async def serve_secured(database_url: str, files: Files) -> Served:
    """Such a server."""
    settings = settings_with(database_url, files)
    app = await build(settings)
    assert handle.obj is not None
    return Served(app, settings, root_certificates=files.roots)


def show(served: Served, identity: Identity, key: str = "") -> Client:
    """One who calls the port for clients with a certificate."""
    shown = (identity.certificate_pem, identity.key_pem())
    return Client(connect_async(served.settings.clients_address, key, certificate=shown, **served.how).channel)


async def serial(port: int, **limits: ssl.TLSVersion) -> int:
    """The number of the certificate that a new connection is shown. Raises as OpenSSL does."""
    return await asyncio.to_thread(_serial, port, limits)


def _serial(port: int, limits: dict[str, ssl.TLSVersion]) -> int:
    context = ssl.create_default_context(cadata=authorities().server.pem.decode())
    # Without it OpenSSL itself would not speak what is old.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    for name, version in limits.items():
        setattr(context, name, version)
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        shown = line.getpeercert()
        assert shown is not None
        return int(str(shown["serialNumber"]), 16)
