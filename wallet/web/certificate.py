"""TLS of the public endpoints' own: the certificate, and whether it can be used, said in words."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog

from rules import certificates
from wallet.web.settings import CertificateUnusable, PassesSettings

log = structlog.get_logger()


class Certificate:
    """TLS with the certificate in the files, also when they are replaced: connections from then on get the new one."""

    def __init__(self, settings: PassesSettings) -> None:
        """Raises CertificateUnusable."""
        assert settings.passes_certificate_file is not None
        assert settings.passes_key_file is not None
        self._files = (settings.passes_certificate_file, settings.passes_key_file)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loaded = _written(self._files)
        self._load()

    def renew(self) -> bool:
        """Takes what is in the files now; False where they are as they were. Raises CertificateUnusable, and then the
        one before stays."""
        written = _written(self._files)
        if written == self._loaded:
            return False
        self._load()
        self._loaded = written
        return True

    def _load(self) -> None:
        try:
            ends_at = _checked(*self._files)
            # First into one that nobody uses: a pair that does not fit would leave half of it in ours.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            raise CertificateUnusable(
                getattr(error, "reason", None) or error.strerror or type(error).__name__
            ) from None
        if ends_at <= datetime.now(UTC):
            # Taken all the same: to stop would take links and images along, and the one before has ended too.
            log.error("phones do not believe the certificate", ended=f"{ends_at:%Y-%m-%d}", advice="renew it")


def _checked(certificate_file: Path, key_file: Path) -> datetime:
    """When the certificate ends. Raises CertificateUnusable, OSError."""
    pems = certificate_file.read_bytes(), key_file.read_bytes()
    try:
        return certificates.read(*pems, certificate_file, key_file).ends_at
    except certificates.Faulty as fault:
        raise CertificateUnusable(str(fault)) from None


def _written(files: tuple[Path, Path]) -> list[tuple[int, int]]:
    """When the files were written, and which they are."""
    try:
        return [(found.st_mtime_ns, found.st_ino) for found in (file.stat() for file in files)]
    except OSError as error:
        raise CertificateUnusable(f"{error.filename}: {error.strerror}") from None
