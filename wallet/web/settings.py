"""What an operator decides about the public endpoints."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from rules import listening
from rules.proxies import Network
from wallet.settings import WalletSettings

FILES = "FEALTY_PASSES_CERTIFICATE_FILE and FEALTY_PASSES_KEY_FILE"


class CertificateUnusable(Exception):
    """The certificate of the public endpoints cannot be used ({why}): correct FEALTY_PASSES_CERTIFICATE_FILE and
    FEALTY_PASSES_KEY_FILE, which belong together."""

    def __init__(self, why: str) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").format(why=why).split()))


class PassesSettings(WalletSettings):
    """Read once, in the entry point of `fealty passes`."""

    # Where the books are: postgresql://user@host/database. It may hold a password, so it is never printed.
    database_url: SecretStr
    # What opens the key by which phones and links are trusted.
    personal_key_file: Path
    # Loopback unless told otherwise.
    passes_host: str = "127.0.0.1"
    passes_port: int = Field(8471, ge=1, le=65535)
    # Probes and metrics, those of servers too. The server's ports begin with the next.
    probe_host: str = "127.0.0.1"
    passes_probe_port: int = Field(8472, ge=1, le=65535)
    # TLS of its own: the chain, the server's certificate first, and its key. Without them a proxy must speak it.
    passes_certificate_file: Path | None = None
    passes_key_file: Path | None = None
    # There is a proxy that speaks TLS, and nobody else reaches the host that we listen on.
    passes_behind_proxy: bool = False
    # The same of every port that Fealty opens: what is said there is kept private by something else.
    listen_without_tls: bool = False
    # Proxies whose word is believed on where a request comes from.
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given

    @property
    def has_tls(self) -> bool:
        """Whether it speaks TLS itself."""
        return self.passes_certificate_file is not None

    def check(self) -> None:
        """Raises NotPrivate, CertificateUnusable."""
        if (self.passes_certificate_file is None) != (self.passes_key_file is None):
            raise CertificateUnusable("one of the two files is not set")
        is_told = self.listen_without_tls or self.passes_behind_proxy
        words = "FEALTY_PASSES_BEHIND_PROXY=1"
        listening.check(
            "FEALTY_PASSES_HOST", self.passes_host, FILES, has_tls=self.has_tls, is_told=is_told, words=words
        )
        listening.check(
            "FEALTY_PROBE_HOST", self.probe_host, FILES, has_tls=self.has_tls, is_told=self.listen_without_tls
        )

    @property
    def shown(self) -> dict[str, Any]:
        """What the log tells of it."""
        host = f"[{self.passes_host}]" if ":" in self.passes_host else self.passes_host
        return {
            "address": f"{host}:{self.passes_port}",
            "tls": self.has_tls,
            "url": self.passes_url,
            "trusted_proxies": [str(network) for network in self.trusted_proxies],
        }
