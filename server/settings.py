"""What an operator may decide about the server, from the environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """Read once, in the entry point."""

    model_config = SettingsConfigDict(env_prefix="FEALTY_", frozen=True, extra="ignore")

    # Where the books are: postgresql://user@host/database. It may hold a password, so it is never printed.
    database_url: SecretStr
    # Loopback unless told otherwise: there is no TLS here, a proxy or a private network must be between.
    host: str = "127.0.0.1"
    port: int = Field(8470, ge=1, le=65535)
    # Probes and metrics; each further process takes the next port.
    probe_port: int = Field(8473, ge=1, le=65535)
    # Processes on one port. Each has a writer of its own; more than cores is waste.
    processes: int = Field(1, ge=1, le=64)

    @property
    def address(self) -> str:
        """Where the server listens."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
