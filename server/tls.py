"""TLS of this process: the server's certificate and the authorities of clients', as they are in their files now."""

import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import structlog

from rules import certificates
from rules.certificates import Certificate
from server.settings import CertificateUnusable, ServerSettings

log = structlog.get_logger()


class _Loaded(NamedTuple):
    """What was in the files; `authorities` only where clients show certificates."""

    certificate_pem: bytes
    key_pem: bytes
    authorities: bytes | None
    certificate: Certificate


class Tls:
    """What ports speak TLS with, also when the files are replaced: connections from then on get what is new, and those
    that are open go on. What cannot be used is said in the log, and the one before stays.

    gRPC asks at each handshake, from threads of its own. `context` is the same for what is not gRPC.
    """

    def __init__(self, certificate_file: Path, key_file: Path, authorities_file: Path | None = None) -> None:
        """Raises CertificateUnusable."""
        self.certificate_file = certificate_file
        self._key_file = key_file
        self._authorities_file = authorities_file
        self._files = [file for file in (certificate_file, key_file, authorities_file) if file]
        self._lock = threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._seen = _written(self._files)
        self._loaded = self._load()

    @property
    def certificate(self) -> Certificate:
        """What the certificate that is used says."""
        return self._loaded.certificate

    def credentials(self) -> grpc.ServerCredentials:
        """Of a port that anybody may connect to."""
        return self._credentials(is_for_clients=False)

    def client_credentials(self) -> grpc.ServerCredentials:
        """Of a port that only those may connect to who show a certificate of our authorities that has not ended."""
        return self._credentials(is_for_clients=True)

    def renew(self) -> None:
        """Takes what is in the files now, where that is something else."""
        with self._lock:
            seen = _written(self._files)
            if seen == self._seen:
                return
            # Also where it cannot be used: it is said once.
            self._seen = seen
            try:
                self._loaded = self._load()
            except CertificateUnusable as error:
                log.error(
                    "certificate not renewed", error=str(error), serving_until=f"{self.certificate.ends_at:%Y-%m-%d}"
                )
            else:
                log.info("certificate renewed", ends=f"{self.certificate.ends_at:%Y-%m-%d}")

    def _load(self) -> _Loaded:
        try:
            certificate_pem, key_pem = self.certificate_file.read_bytes(), self._key_file.read_bytes()
            certificate = certificates.read(certificate_pem, key_pem, self.certificate_file, self._key_file)
            authorities = None
            if self._authorities_file is not None:
                authorities = self._authorities_file.read_bytes()
                certificates.check_authorities(authorities, self._authorities_file)
            # First into one that nobody uses: a pair that does not fit would leave half of it in ours.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate_file, self._key_file)
            self.context.load_cert_chain(self.certificate_file, self._key_file)
        except certificates.Faulty as fault:
            raise CertificateUnusable(str(fault)) from None
        except ssl.SSLError as error:
            raise CertificateUnusable(error.reason or "OpenSSL does not take it") from None
        except OSError as error:
            raise CertificateUnusable(f"{error.filename}: {error.strerror}") from None
        return _Loaded(certificate_pem, key_pem, authorities, certificate)

    def _credentials(self, *, is_for_clients: bool) -> grpc.ServerCredentials:
        given = self._loaded

        def fetch() -> Any:
            """The configuration from now on; None where it is the one that was given."""
            nonlocal given
            self.renew()
            if given is self._loaded:
                return None
            given = self._loaded
            return _configuration(given, is_for_clients)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(given, is_for_clients), fetch, require_client_authentication=is_for_clients
        )


def of(settings: ServerSettings) -> Tls | None:
    """That of a server; None where it speaks none. Raises NotPrivate, CertificateUnusable."""
    settings.check()
    if settings.certificate_file is None or settings.key_file is None:
        return None
    authorities_file = settings.clients_ca_file if settings.clients_port else None
    return Tls(settings.certificate_file, settings.key_file, authorities_file)


def _configuration(loaded: _Loaded, is_for_clients: bool) -> "grpc.ServerCertificateConfiguration":
    pair = [(loaded.key_pem, loaded.certificate_pem)]
    return grpc.ssl_server_certificate_configuration(pair, loaded.authorities if is_for_clients else None)


def _written(files: Sequence[Path]) -> list[tuple[int, int, int] | None]:
    """When each was written, which it is and how long; None for what is not there, as while it is replaced."""
    return [_stat(file) for file in files]


def _stat(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
