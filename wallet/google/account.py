"""The operator's service account of one issuer: what Google hands out as a JSON file, and what is signed with it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.auth import jwt
from google.oauth2.service_account import Credentials

from wallet.failures import AccountInvalid

# The only scope that Google's Wallet API knows.
SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"

_ISSUER = re.compile(r"[0-9]{1,25}")
_NEEDED = ("client_email", "private_key", "token_uri")


class GoogleFileUnreadable(AccountInvalid):
    """google/{file} cannot be read ({error}): let this process read it, or copy it anew."""


class IssuerNotNumber(AccountInvalid):
    """google/{file}: name the file by the issuer id, which is a number that Google's console shows: 3388….json."""


class GoogleFileForeign(AccountInvalid):
    """google/{file} is no key of a service account: create a key of the kind JSON in Google's console, not an OAuth
    client, and copy the file as it was downloaded."""


class GoogleFileIncomplete(AccountInvalid):
    """google/{file} lacks {field}, or it is wrong: copy the file as it was downloaded."""


@dataclass(frozen=True)
class GoogleAccount:
    """Who speaks to Google for one issuer. Loaded once in a process, for all threads: what signs it holds the key."""

    issuer: str
    client_email: str
    credentials: Credentials

    def sign_jwt(self, claims: Mapping[str, Any]) -> str:
        """The claims as a JWT (RS256) of the service account."""
        signed: bytes = jwt.encode(self.credentials.signer, claims)  # type: ignore[no-untyped-call]
        return signed.decode()


def load_account(file: Path) -> GoogleAccount:
    """The account in a file `<issuer>.json`. Raises AccountInvalid."""
    if not _ISSUER.fullmatch(file.stem):
        raise IssuerNotNumber(file=file.name)
    info = _info(file)
    try:
        credentials = Credentials.from_service_account_info(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except ValueError:
        raise GoogleFileIncomplete(file=file.name, field="private_key") from None
    return GoogleAccount(file.stem, info["client_email"], credentials)


def _info(file: Path) -> dict[str, Any]:
    try:
        info = json.loads(file.read_bytes())
    except OSError as error:
        raise GoogleFileUnreadable(file=file.name, error=type(error).__name__) from None
    except ValueError:
        raise GoogleFileForeign(file=file.name) from None
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise GoogleFileForeign(file=file.name)
    for name in _NEEDED:
        if not isinstance(info.get(name), str) or not info[name]:
            raise GoogleFileIncomplete(file=file.name, field=name)
    if urlsplit(info["token_uri"]).scheme != "https":
        raise GoogleFileIncomplete(file=file.name, field="token_uri")
    return info
