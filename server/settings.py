"""What an operator may decide about the server, from the environment."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rules import listening


class CertificateUnusable(Exception):
    """The certificate for TLS cannot be used ({why}): correct FEALTY_CERTIFICATE_FILE and FEALTY_KEY_FILE, which belong
    together, and FEALTY_CLIENTS_CA_FILE where there is a FEALTY_CLIENTS_PORT."""

    def __init__(self, why: str) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").format(why=why).split()))


FILES = "FEALTY_CERTIFICATE_FILE and FEALTY_KEY_FILE"


class ServerSettings(BaseSettings):
    """Read once, in the entry point."""

    model_config = SettingsConfigDict(env_prefix="FEALTY_", frozen=True, extra="ignore")

    # Where the books are: postgresql://user@host/database. It may hold a password, so it is never printed.
    database_url: SecretStr
    # The keys that open what the database keeps of persons; never in the database, nor with its backups.
    personal_key_file: Path
    # Loopback unless told otherwise.
    host: str = "127.0.0.1"
    port: int = Field(8470, ge=1, le=65535)
    # TLS: the chain, the server's certificate first, and its key. Looked at with each connection.
    certificate_file: Path | None = None
    key_file: Path | None = None
    # One more port, for services that show a certificate of these authorities; none unless told otherwise.
    clients_port: int | None = Field(default=None, ge=1, le=65535)
    clients_ca_file: Path | None = None
    # What is said on ports that others reach is kept private by something else.
    listen_without_tls: bool = False
    # Probes and metrics; each further process takes the next port. With TLS where others reach them.
    probe_host: str = "127.0.0.1"
    probe_port: int = Field(8473, ge=1, le=65535)
    # Processes on one port. Each has a writer of its own; more than cores is waste.
    processes: int = Field(1, ge=1, le=64)

    # Proxies whose word is believed on where a call comes from: networks or addresses, separated by commas. Only what
    # strips and writes `x-forwarded-for` itself belongs here.
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given

    # Where phones and mails reach passes: https://passes.example.com. Empty: links to passes are refused.
    passes_url: str = ""

    # Where calls that failed are recorded while the books cannot take them.
    spool_dir: Path = Path(".fealty/spool")

    @property
    def shown(self) -> dict[str, Any]:
        """What the log tells of it."""
        proxies = [str(network) for network in self.trusted_proxies]
        clients = {"clients_address": self.clients_address} if self.clients_port else {}
        shown = {"address": self.address, "tls": self.has_tls, **clients, "processes": self.processes}
        return {**shown, "trusted_proxies": proxies}

    @property
    def address(self) -> str:
        """Where the server listens."""
        return self._at(self.port)

    @property
    def clients_address(self) -> str:
        """Where it listens for those who show a certificate."""
        return self._at(self.clients_port or 0)

    @property
    def has_tls(self) -> bool:
        """Whether it speaks TLS."""
        return self.certificate_file is not None

    def check(self) -> None:
        """Whether what is said to it is private. Raises NotPrivate, CertificateUnusable."""
        if (self.certificate_file is None) != (self.key_file is None):
            raise CertificateUnusable("one of the two files is not set")
        if self.clients_port and (not self.has_tls or self.clients_ca_file is None):
            missing = "FEALTY_CLIENTS_CA_FILE" if self.has_tls else "FEALTY_CERTIFICATE_FILE"
            raise CertificateUnusable(f"FEALTY_CLIENTS_PORT needs {missing}, which is not set")
        for setting, host in (("FEALTY_HOST", self.host), ("FEALTY_PROBE_HOST", self.probe_host)):
            listening.check(setting, host, FILES, has_tls=self.has_tls, is_told=self.listen_without_tls)

    def _at(self, port: int) -> str:
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"
