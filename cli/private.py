"""Whether what is said to the server is private, for `fealty doctor`."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cli.checks import Finding
from cli.serve import of_server
from cli.settings import Settings
from rules.listening import NotPrivate, is_loopback
from server import tls
from server.settings import CertificateUnusable, ServerSettings

# Whoever issues certificates may need some days, and somebody has to ask for it.
ENDS_SOON_DAYS = 21


def examine(settings: Settings) -> Iterator[Finding]:
    """The certificate and its key, how long it lasts and for whom it is; and who is believed to be a client."""
    told = of_server(settings)
    try:
        secured = tls.of(told)
    except (NotPrivate, CertificateUnusable) as error:
        what, _, advice = str(error).partition(": ")
        yield Finding("TLS", what, advice)
        return
    if secured is None:
        yield _without(told)
        return
    yield _certificate(secured)
    assert told.key_file is not None
    if _others_read(told.key_file):
        yield Finding("TLS key", f"others may read {told.key_file}", f"chmod 600 {told.key_file}")
    if told.clients_port:
        found = f"port {told.clients_port} takes certificates of the authorities in {told.clients_ca_file}"
        yield Finding("clients", found)


def _without(told: ServerSettings) -> Finding:
    beyond = [host for host in (told.host, told.probe_host) if not is_loopback(host)]
    if not beyond:
        return Finding("TLS", f"none: the server listens at {told.host}, for this machine only")
    found = f"none, though others reach {beyond[0]}: FEALTY_LISTEN_WITHOUT_TLS says so"
    advice = "see that a proxy or a network keeps private what is said there, or give the server a certificate"
    return Finding("TLS", found, advice, warns=True)


def _certificate(secured: tls.Tls) -> Finding:
    hosts, ends_at = secured.certificate
    days_left = (ends_at - datetime.now(UTC)).days
    named = f"{secured.certificate_file} is for {', '.join(hosts) or 'nobody'}"
    if days_left < 0:
        return Finding("TLS", f"{named}; it has ended on {ends_at:%Y-%m-%d}", "renew it: no client believes it")
    found = f"{named}; it ends in {days_left} days"
    if not hosts:
        return Finding("TLS", found, "take one that has the server's name as a subject alternative name")
    advice = "renew it: the new one is taken without a restart" if days_left < ENDS_SOON_DAYS else ""
    return Finding("TLS", found, advice, warns=True)


def _others_read(file: Path) -> bool:
    return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
