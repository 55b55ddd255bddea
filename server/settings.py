"""What an operator may decide about the server, from the environment."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class ServerSettings(BaseSettings):
    """Read once, in the entry point."""

    model_config = SettingsConfigDict(env_prefix="FEALTY_", frozen=True, extra="ignore")

    # Where the books are: postgresql://user@host/database. It may hold a password, so it is never printed.
    database_url: SecretStr
    # The keys that open what the database keeps of persons; never in the database, nor with its backups.
    personal_key_file: Path
    # Loopback unless told otherwise: there is no TLS here, a proxy or a private network must be between.
    host: str = "127.0.0.1"
    port: int = Field(8470, ge=1, le=65535)
    # Probes and metrics; each further process takes the next port.
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
        return {"address": self.address, "processes": self.processes, "trusted_proxies": proxies}

    @property
    def address(self) -> str:
        """Where the server listens."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
