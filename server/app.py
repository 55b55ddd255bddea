"""Builds and runs the server: one process or several on one port, drained when it is told to stop."""

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import structlog
import uvloop
from grpc_health.v1 import health, health_pb2

from rules.listening import is_loopback
from server import expiring, limits, listening, tls
from server.handlers import Handlers
from server.interceptors import Interceptors, identity
from server.listening import PortTaken
from server.paging import Pages
from server.policy import methods
from server.probes import Probes
from server.public import Public
from server.readiness import Readiness
from server.services import SERVICES
from server.settings import ServerSettings
from server.tls import Tls
from server.whence import Proxies
from storage.access.queries import server_secret
from storage.activity import processes
from storage.activity.recorder import Act
from storage.activity.spool import Spool
from storage.books import Books
from storage.coupons.keys import code_seals
from storage.engine.database import connection, open_database, reason
from storage.functions import VERSION
from storage.logins.keys import access_keys
from storage.migrate import ATTEMPT_SECRET, PAGE_TOKEN_SECRET, check
from storage.passes.keys import wallet_keys
from storage.personal.keys import require

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class App:
    """A server that listens, and what belongs to it. `own_port` is on loopback, and never shared; `clients_port` is 0
    where there is none."""

    server: grpc.aio.Server
    health: health.aio.HealthServicer
    books: Books
    interceptors: Interceptors
    port: int
    clients_port: int
    own_port: int
    servicers: Sequence[Any]

    async def drain(self) -> None:
        """Tells the world, lets calls in hand finish, closes the books."""
        await self.health.enter_graceful_shutdown()
        await asyncio.sleep(limits.DRAIN_NOTICE_S)
        for servicer in self.servicers:
            # A stream that only waits for news would be waited for.
            if hasattr(servicer, "end_streams"):
                servicer.end_streams()
            if hasattr(servicer, "close"):
                servicer.close()
        await self.server.stop(limits.DRAIN_GRACE_S)
        await self.interceptors.close()
        await self.books.close()


async def build(
    settings: ServerSettings,
    share_port: bool = False,
    secured: Tls | None = None,
    more: Callable[[Interceptors], grpc.GenericRpcHandler] | None = None,
) -> App:
    """A started server. `secured` is its TLS, where that is there already; `more` makes a handler that is asked before
    ours. Raises NotPrivate, CertificateUnusable, PortTaken, StorageUnavailable, MigrationsPending, ServerTooOld,
    KeyringError."""
    identity.keep_from_logs()
    secured = secured or tls.of(settings)
    if not share_port:
        listening.check(settings.host, settings.port, "FEALTY_PORT")
        if settings.clients_port:
            listening.check(settings.host, settings.clients_port, "FEALTY_CLIENTS_PORT")
    database = open_database(settings.database_url.get_secret_value(), VERSION)
    check(database)
    with connection(database) as held:
        pages = Pages(server_secret(PAGE_TOKEN_SECRET))
        attempt_secret = server_secret(ATTEMPT_SECRET)
        keyring = require(held, settings.personal_key_file)
        codes, wallet = code_seals(database, keyring), wallet_keys(database, keyring)
        # Commands find it where they are; it is made while nobody waits.
        access_keys(database, keyring)
    database.close()
    books = Books(database, keyring, codes, wallet, settings.passes_url)
    # Without a limit of gRPC's own on calls: it counts them from their headers on, so that who sends nothing else would
    # take the permits of those who call (server/waiting.py bounds them).
    server = grpc.aio.server(options=_options(share_port))
    checks = health.aio.HealthServicer()
    services = sorted({method.service for method in methods()})
    servicers = [make(books, pages) for make in SERVICES]
    # Ours comes last: it answers every path, also those that nobody knows.
    proxies = Proxies(settings.trusted_proxies)
    interceptors = Interceptors(books, Spool(settings.spool_dir), proxies, attempt_secret)
    others = (more(interceptors),) if more else ()
    server.add_generic_rpc_handlers((*others, Public(checks, services), Handlers(servicers, interceptors)))
    try:
        own_port = server.add_insecure_port("127.0.0.1:0")
        port, clients_port = _listen(server, settings, secured)
    except RuntimeError as error:
        await books.close()
        raise PortTaken(f"{settings.address} is taken; stop what listens there, or set FEALTY_PORT") from error
    await server.start()
    interceptors.begin()
    for servicer in servicers:
        if hasattr(servicer, "begin"):
            servicer.begin(interceptors.forget)
    for service in ("", *services):
        await checks.set(service, health_pb2.HealthCheckResponse.SERVING)
    return App(server, checks, books, interceptors, port, clients_port, own_port, servicers)


def _listen(server: grpc.aio.Server, settings: ServerSettings, secured: Tls | None) -> tuple[int, int]:
    """The ports that it listens on, the second for those who show a certificate. Raises RuntimeError."""
    if secured is None:
        return server.add_insecure_port(settings.address), 0
    port = server.add_secure_port(settings.address, secured.credentials())
    if not settings.clients_port:
        return port, 0
    return port, server.add_secure_port(settings.clients_address, secured.client_credentials())


def run(settings: ServerSettings, index: int = 0, share_port: bool = False) -> int:
    """Serves in this process until SIGTERM or SIGINT; answers the exit code."""
    with event_loop() as runner:
        return runner.run(_serve(settings, index, share_port))


def event_loop() -> asyncio.Runner:
    """The loop of a process that does nothing but serve: its memory is tuned for that."""
    gc.freeze()
    gc.set_threshold(limits.OBJECTS_BETWEEN_COLLECTIONS)
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(settings: ServerSettings, index: int, share_port: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    secured = tls.of(settings)
    seen = secured.context if secured and not is_loopback(settings.probe_host) else None
    probes = Probes(settings.probe_host, settings.probe_port + index, seen)
    app = await build(settings, share_port, secured)
    readiness = Readiness(loop, app.own_port)
    probes.watch(readiness, app.books)
    await _note(app, processes.started("server", {"process": index, **settings.shown}))
    log.info("server started", grpc=f"{settings.host}:{app.port}", tls=settings.has_tls, probes=probes.url)
    watching = loop.create_task(expiring.watch(secured, app.books, says=index == 0)) if secured else None
    await stop.wait()
    if watching is not None:
        watching.cancel()
    readiness.stop()
    log.info("server draining")
    try:
        await _note(app, processes.ended("server"))
    except Exception as error:
        # It ends all the same; the next start shows that this end is missing.
        log.warning("end not recorded", error=reason(error))
    await app.drain()
    probes.close()
    log.info("server stopped")
    return 0


async def _note(app: App, act: Act) -> None:
    [noted] = await app.books.record([act])
    if isinstance(noted, Exception):
        raise noted


def _options(share_port: bool) -> list[tuple[str, int]]:
    return [
        # Off for a single process: the default would let a second server take half of the calls, silently.
        ("grpc.so_reuseport", int(share_port)),
        ("grpc.max_receive_message_length", limits.REQUEST_BYTES_MAX),
        ("grpc.max_send_message_length", limits.RESPONSE_BYTES_MAX),
        ("grpc.max_metadata_size", limits.METADATA_BYTES_MAX),
        ("grpc.max_concurrent_streams", limits.CONNECTION_CALLS_MAX),
        ("grpc.server.max_pending_requests", limits.CALLS_PENDING_MAX),
        ("grpc.server.max_pending_requests_hard_limit", 2 * limits.CALLS_PENDING_MAX),
        ("grpc.max_allowed_incoming_connections", limits.CONNECTIONS_MAX),
        ("grpc.max_connection_idle_ms", limits.CONNECTION_IDLE_MAX_MS),
        ("grpc.server_handshake_timeout_ms", limits.HANDSHAKE_MAX_MS),
        ("grpc.keepalive_time_ms", limits.KEEPALIVE_TIME_MS),
        ("grpc.keepalive_timeout_ms", limits.KEEPALIVE_TIMEOUT_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", limits.PING_INTERVAL_MIN_MS),
        ("grpc.max_connection_age_ms", limits.CONNECTION_AGE_MAX_MS),
        ("grpc.max_connection_age_grace_ms", limits.CONNECTION_AGE_GRACE_MS),
    ]
