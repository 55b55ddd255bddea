"""What an operator decides about passes."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class WalletSettings(BaseSettings):
    """Read once in an entry point, from FEALTY_WALLET_DIR, FEALTY_PASSES_URL and so on, and passed on."""

    model_config = SettingsConfigDict(
        env_prefix="FEALTY_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    # The accounts: apple/<pass type>/{certificate,key,wwdr}.pem, google/<issuer>.json. Without it there are none.
    wallet_dir: Path | None = None
    # Opens the keys of Apple's accounts that are encrypted.
    wallet_key_password: SecretStr | None = None
    # Where phones reach `fealty passes`, from anywhere: https://passes.example.com
    passes_url: str = ""
    # Of Apple and Google, unless somebody tests against stand-ins.
    apns_url: str = "https://api.push.apple.com"
    # What pushes are said to be. Apple names no word for passes, and takes them without one.
    apns_push_type: str = ""
    google_wallet_url: str = "https://walletobjects.googleapis.com/walletobjects/v1"
    google_keys_url: str = "https://pay.google.com/gp/m/issuer/keys"
    # Authorities (PEM) that are believed beside those that this host believes; for stand-ins, and proxies of a company.
    wallet_ca_file: Path | None = None

    @field_validator("wallet_dir")
    @classmethod
    def _is_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.expanduser().is_dir():
            raise ValueError("it is no folder; make it first")
        return folder.expanduser().absolute() if folder is not None else None

    @field_validator("passes_url")
    @classmethod
    def _is_public(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username):
            raise ValueError("phones call by https only: write it as https://passes.example.com")
        if parts.path not in ("", "/"):
            raise ValueError("leave out the path: cards, links and images lie right below the host")
        return url.rstrip("/")

    @field_validator("wallet_ca_file")
    @classmethod
    def _is_file(cls, file: Path | None) -> Path | None:
        if file is not None and not file.expanduser().is_file():
            raise ValueError("it is no file")
        return file.expanduser().absolute() if file is not None else None

    @field_validator("apns_url", "google_wallet_url", "google_keys_url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        if not url.startswith("https://"):
            raise ValueError("it is called by https only")
        return url.rstrip("/")

    def trust(self) -> ssl.SSLContext:
        """Whose certificates are believed, for connections to others; a context of its own for each caller."""
        trusted = ssl.create_default_context()
        if self.wallet_ca_file is not None:
            trusted.load_verify_locations(self.wallet_ca_file)
        return trusted

    @property
    def key_password(self) -> str:
        """The password of keys, empty where none is set."""
        return self.wallet_key_password.get_secret_value() if self.wallet_key_password else ""
