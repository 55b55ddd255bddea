"""The process of the public endpoints: made, run until it is told to stop, and stopped without cutting anybody off."""

import asyncio
import errno
import gc
import logging
import signal
import socket

import structlog
import uvloop

from rules.listening import is_loopback
from storage.activity import processes
from storage.activity.recorder import Act
from storage.coupons.keys import code_seals
from storage.engine.database import Database, connection, open_database, reason
from storage.functions import VERSION
from storage.migrate import check
from storage.passes.keys import wallet_keys
from storage.personal.keys import require
from wallet import accounts
from wallet.google.rootkeys import RootKeys
from wallet.web import limits
from wallet.web.app import build
from wallet.web.certificate import Certificate
from wallet.web.lanes import Lanes
from wallet.web.listener import Listener
from wallet.web.probes import Probes
from wallet.web.settings import CertificateUnusable, PassesSettings
from wallet.web.site import Site

log = structlog.get_logger()


class AddressTaken(Exception):
    """The address cannot be listened on: another program has it, or this host does not."""


def run(settings: PassesSettings) -> int:
    """Serves until SIGTERM or SIGINT; answers the exit code.

    Raises NotPrivate, CertificateUnusable, AddressTaken, StorageUnavailable, MigrationsPending, ServerTooOld,
    KeyringError.
    """
    settings.check()
    # What uvicorn says of requests names addresses; faults are said by our own gate.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    database, site = make_site(settings)
    gc.freeze()
    gc.set_threshold(limits.OBJECTS_BETWEEN_COLLECTIONS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, database, site))


def make_site(settings: PassesSettings) -> tuple[Database, Site]:
    """What the endpoints stand on. Raises StorageUnavailable, MigrationsPending, ServerTooOld, KeyringError."""
    database = open_database(settings.database_url.get_secret_value(), VERSION)
    check(database)
    with connection(database) as held:
        keyring = require(held, settings.personal_key_file)
        codes, keys = code_seals(database, keyring), wallet_keys(database, keyring)
    database.close()
    found = accounts.load(settings.wallet_dir, settings.key_password)
    for fault in found.faults:
        log.error("account cannot be used", fault=str(fault))
    if not found.apple_accounts and not found.google_accounts:
        log.warning("there is no account of a wallet: links, images and pages are served", advice="docs/wallet.md")
    if not settings.passes_url:
        log.warning("phones do not know where to ask for updates", advice="set FEALTY_PASSES_URL")
    if settings.passes_url and not settings.has_tls and not settings.trusted_proxies:
        log.warning(
            "all requests count as of one address, the proxy's", advice="set FEALTY_TRUSTED_PROXIES to its address"
        )
    root_keys = RootKeys(settings.google_keys_url, settings.wallet_ca_file)
    return database, Site(Lanes(database, codes), keys, found, root_keys, settings.passes_url)


async def _serve(settings: PassesSettings, database: Database, site: Site) -> int:
    tls = Certificate(settings) if settings.has_tls else None
    listening = bind(settings.passes_host, settings.passes_port, "FEALTY_PASSES_PORT")
    watched = bind(settings.probe_host, settings.passes_probe_port, "FEALTY_PASSES_PROBE_PORT", "FEALTY_PROBE_HOST")
    loop = asyncio.get_running_loop()
    listener = Listener(
        build(site, settings.trusted_proxies), listening, tls.context if tls else None, settings.trusted_proxies
    )
    probes = Probes(watched, loop, site.lanes, tls.context if tls and not is_loopback(settings.probe_host) else None)

    def stop() -> None:
        probes.stop()
        listener.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    renewing = loop.create_task(_renew(tls)) if tls else None
    await _note(database, processes.started("passes", settings.shown))
    log.info("passes started", **settings.shown, probes=probes.url)
    await listener.serve()
    if renewing is not None:
        renewing.cancel()
    try:
        await _note(database, processes.ended("passes"))
    except Exception as error:
        # It ends all the same; the next start shows that this end is missing.
        log.warning("end not recorded", error=reason(error))
    await site.lanes.close()
    probes.close()
    log.info("passes stopped")
    return 0


async def _renew(tls: Certificate) -> None:
    """Looks now and then, and at SIGHUP."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    while True:
        try:
            async with asyncio.timeout(limits.CERTIFICATE_LOOK_S):
                await asked.wait()
        except TimeoutError:
            pass
        asked.clear()
        try:
            if tls.renew():
                log.info("certificate renewed")
        except CertificateUnusable as error:
            log.error("certificate not renewed", error=str(error))


async def _note(database: Database, act: Act) -> None:
    """Records it, on a thread of its own: the loop must turn."""

    def note() -> None:
        try:
            processes.note(database, act)
        finally:
            database.close()

    await asyncio.to_thread(note)


def bind(host: str, port: int, setting: str, host_setting: str = "FEALTY_PASSES_HOST") -> socket.socket:
    """A socket that listens. Raises AddressTaken, a sentence that names the setting."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        listening.bind((host, port))
        listening.listen(1_024)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressTaken(f"{address} is taken; stop what listens there, or set {setting}") from error
        raise AddressTaken(
            f"{address} cannot be listened on ({error.strerror}); set {host_setting} or {setting}"
        ) from error
    listening.setblocking(False)
    return listening
