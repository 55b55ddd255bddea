"""What an operator decides about workers and clocks."""

import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from wallet.settings import WalletSettings
from workers.limits import PASS_WINDOW, PASS_WINDOW_MAX_S, THREADS_DEFAULT, THREADS_MAX
from workers.mail.settings import mail_sender, mail_server


class WorkerSettings(WalletSettings):
    """Read once in an entry point, from FEALTY_REDIS_URL, FEALTY_QUEUES and so on, and passed on; with what is decided
    about passes."""

    model_config = SettingsConfigDict(
        env_prefix="FEALTY_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # the input may be a URL with a password
    )

    # redis://:password@host:port/0, rediss://… or unix:///path?db=0
    redis_url: SecretStr
    # The queues to work on, separated by commas; none: all there are.
    queues: Annotated[tuple[str, ...], NoDecode] = ()
    # Tasks that one worker works on at a time, each with a connection to the database.
    threads: int = Field(default=THREADS_DEFAULT, ge=1, le=THREADS_MAX)
    # What changes a pass within so many seconds is told to phones together.
    pass_window_s: float = Field(default=PASS_WINDOW.total_seconds(), ge=0, le=PASS_WINDOW_MAX_S)
    # smtp://user:password@host:587 and so on; without it, mails wait.
    mail_url: SecretStr | None = None
    # Where exports of the log are written, shared by all workers; without it, exports wait.
    export_dir: Path | None = None
    # The personal keys, for whoever makes codes of coupons or tells phones; read when they are needed, by nobody else.
    personal_key_file: Path | None = None
    # Where users find the console, https://…: links in mails lead there; without it, mails show what is to be typed.
    console_url: str = ""
    # The address that mails come from, with or without a name before it.
    mail_sender: str = Field(default="", validate_default=True)

    @field_validator("queues", mode="before")
    @classmethod
    def _split(cls, queues: Any) -> Any:
        return [part for name in queues.split(",") if (part := name.strip())] if isinstance(queues, str) else queues

    @field_validator("export_dir")
    @classmethod
    def _can_be_written(cls, folder: Path | None) -> Path | None:
        if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise ValueError("it is no folder that this process can write into; make it first")
        return folder.absolute() if folder is not None else None

    @field_validator("mail_url")
    @classmethod
    def _is_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            mail_server(url.get_secret_value())
        return url

    @field_validator("console_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("https", "http") or not parts.netloc or parts.query or parts.fragment):
            raise ValueError("write it as https://console.example.com, without ? and #")
        return url.rstrip("/")

    @field_validator("mail_sender")
    @classmethod
    def _is_sender(cls, sender: str, info: ValidationInfo) -> str:
        if sender:
            mail_sender(sender)
        elif info.data.get("mail_url") is not None:
            raise ValueError("FEALTY_MAIL_URL is set and this is not; write it as club@example.com")
        return sender
