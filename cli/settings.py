"""What an operator may decide, from the environment; and where things are by default, the same in every terminal."""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.failures import Failure
from storage.embedded import APPLICATION_LOGIN, default_data_dir, socket_url
from workers.embedded import broker_url
from workers.mail.settings import mail_server

CHECKOUT = Path(__file__).parents[1]
PREFIX = "FEALTY_"

Model = TypeVar("Model", bound=BaseSettings)


class SettingsInvalid(Failure):
    """A variable of the environment holds what it cannot hold."""


class LogFormat(StrEnum):
    """Lines for people, or JSON for machines."""

    CONSOLE = "console"
    JSON = "json"


class LocalTls(NamedTuple):
    """Where the certificates lie that are made here; the server uses them where they are."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Who believes it believes the others."""
        return self.folder / "authority.pem"

    @property
    def authority_key(self) -> Path:
        """Whoever has it can make others."""
        return self.folder / "authority.key"

    @property
    def certificate(self) -> Path:
        """The server's."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """And its key."""
        return self.folder / "server.key"

    @property
    def is_made(self) -> bool:
        """Whether there are any."""
        return self.certificate.is_file()


class Settings(BaseSettings):
    """Read once for each process. URLs that are not given mean the embedded servers of the data directory."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # the input may be a URL with a password
    )

    # postgresql://user:password@host:port/name
    database_url: SecretStr | None = None
    # The same database, as a role that owns its schema: for `fealty migrate` and `fealty up`, and nothing else.
    owner_database_url: SecretStr | None = None
    # redis://:password@host:port/0, rediss://… or unix:///path?db=0
    redis_url: SecretStr | None = None
    # smtp://user:password@host:587 and so on; see workers/settings.py.
    mail_url: SecretStr | None = None
    # Who asks, where a command calls the server.
    api_key: SecretStr | None = None
    # PostgreSQL's and Valkey's data, and the logs of what `fealty up` starts.
    data_dir: Path = Field(default_factory=lambda: default_data_dir(CHECKOUT))
    # The keys that open what the database keeps of persons; in the data directory unless told otherwise.
    personal_key_file: Path | None = None
    # Loopback unless told otherwise; see server/settings.py for these and for TLS.
    host: str = "127.0.0.1"
    port: int = Field(default=8470, ge=1, le=65535)
    certificate_file: Path | None = None
    key_file: Path | None = None
    clients_port: int | None = Field(default=None, ge=1, le=65535)
    clients_ca_file: Path | None = None
    listen_without_tls: bool = False
    # The authorities by which commands here believe the server, where its certificate is not in a file here.
    ca_file: Path | None = None
    # Of probes and metrics.
    probe_host: str = "127.0.0.1"
    probe_port: int = Field(default=8473, ge=1, le=65535)
    processes: int = Field(default=1, ge=1, le=64)
    # The public endpoints of passes, and their probes; see wallet/web/settings.py.
    passes_host: str = "127.0.0.1"
    passes_port: int = Field(default=8471, ge=1, le=65535)
    passes_probe_port: int = Field(default=8472, ge=1, le=65535)
    log_format: LogFormat = LogFormat.CONSOLE

    @field_validator("data_dir", "personal_key_file", "certificate_file", "key_file", "clients_ca_file", "ca_file")
    @classmethod
    def _absolute(cls, place: Path | None) -> Path | None:
        return place.expanduser().absolute() if place else None

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if url is not None and info.field_name == "owner_database_url" and info.data.get("database_url") is None:
            raise ValueError("FEALTY_DATABASE_URL must name the same database, as the role that the application is")
        return _checked(url, ("postgresql", "postgres"), "postgresql://user:password@host:5432/name")

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        return _checked(url, ("redis", "rediss", "unix"), "redis://:password@host:6379/0")

    @field_validator("mail_url")
    @classmethod
    def _is_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            mail_server(url.get_secret_value())
        return url

    @property
    def personal_keys(self) -> Path:
        """Where the file of personal keys is."""
        return self.personal_key_file or self.data_dir / "personal.key"

    @property
    def local(self) -> LocalTls:
        """What `fealty up --tls` makes, whether it is there or not."""
        return LocalTls(self.data_dir / "tls")

    @property
    def tls_files(self) -> tuple[Path | None, Path | None, Path | None]:
        """The server's certificate, its key, and the authorities of clients: those of the data directory unless told
        otherwise, each None where there is none."""
        if self.certificate_file or self.key_file or not self.local.is_made:
            return self.certificate_file, self.key_file, self.clients_ca_file
        return self.local.certificate, self.local.key, self.clients_ca_file or self.local.authority

    @property
    def database(self) -> str:
        """The URL of PostgreSQL. It may hold a password: print `database_shown`."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return socket_url(self.data_dir, APPLICATION_LOGIN)

    @property
    def owner_database(self) -> str:
        """The URL of the same database as a role that may change its schema. It may hold a password too."""
        owner_url = self.owner_database_url or self.database_url
        return owner_url.get_secret_value() if owner_url else socket_url(self.data_dir)

    @property
    def redis(self) -> str:
        """The URL of Redis or Valkey. It may hold a password: print `redis_shown`."""
        return self.redis_url.get_secret_value() if self.redis_url else broker_url(self.data_dir)

    @property
    def database_shown(self) -> str:
        """Where PostgreSQL is, for people."""
        return _shown(self.database) if self.database_url else str(self.data_dir / "postgres")

    @property
    def owner_database_shown(self) -> str:
        """The same of the owner's URL, where there is one."""
        return _shown(self.owner_database) if self.owner_database_url else self.database_shown

    @property
    def redis_shown(self) -> str:
        """Where Redis or Valkey is, for people."""
        return _shown(self.redis) if self.redis_url else str(self.data_dir / "broker")

    @property
    def mail_shown(self) -> str:
        """Where the mail server is, for people; empty where none is set."""
        return _shown(self.mail_url.get_secret_value()) if self.mail_url else ""

    @property
    def address(self) -> str:
        """Where a client on this host reaches the gRPC server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - to reach, not to bind
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def key(self) -> str:
        """The API key of whoever sits here, empty where none is set."""
        return self.api_key.get_secret_value().strip() if self.api_key else ""

    @property
    def secrets(self) -> list[str]:
        """What must never be printed, as it is written and as it is meant."""
        given = (self.database_url, self.owner_database_url, self.redis_url, self.mail_url)
        urls = [url.get_secret_value() for url in given if url]
        # A password that is also the user's or the database's name gives nothing away, and they must be readable.
        forms = [form for url in urls for form in (_password(url), unquote(_password(url))) if form not in _shown(url)]
        return [*forms, self.key] if self.key else forms

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """For our own processes: what we were given, what more they are told, and the data directory as we understood
        it; but for the owner's URL, which none of them needs."""
        given = {name: value for name, value in os.environ.items() if name != f"{PREFIX}OWNER_DATABASE_URL"}
        return {**given, **more, f"{PREFIX}DATA_DIR": str(self.data_dir)}


@lru_cache(maxsize=1)
def load() -> Settings:
    """The settings of this process. Raises SettingsInvalid."""
    return validated(Settings)


def validated(kind: type[Model], **given: Any) -> Model:
    """Settings of that kind: what is given, and the rest from the environment. Raises SettingsInvalid."""
    try:
        return kind(**given)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = str(wrong["loc"][0])
        place = f"--{name}" if name in given else f"{PREFIX}{name.upper()}"
        reason = wrong["msg"].removeprefix("Value error, ")
        raise SettingsInvalid(f"{place} cannot be used ({reason}): correct it, or leave it out") from None


def _checked(url: SecretStr | None, schemes: tuple[str, ...], form: str) -> SecretStr | None:
    """`url`, or ValueError where a driver would stumble over it and quote it, password and all."""
    if url is None:
        return None
    text = url.get_secret_value()
    try:
        parts: Any = urlsplit(text)
        whole = parts.scheme in schemes and parts.port != 0 and "@" not in parts.path
    except ValueError:
        whole = False
    if not whole or re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise ValueError(f"write it as {form}, with / @ : % of a password as %2F %40 %3A %25")
    return url


def _password(url: str) -> str:
    in_query = re.search(r"[?&](?:ssl)?password=([^&]*)", url)
    return (in_query.group(1) if in_query else urlsplit(url).password) or ""


def _shown(url: str) -> str:
    password = re.escape(_password(url))
    return re.sub(rf"(:|password=){password}(?=@|&|$)", r"\1***", url, count=1) if password else url
