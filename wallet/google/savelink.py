"""The link that adds a card to Google Wallet: a JWT that names objects which Google has already.

It names and does not describe: browsers cut long addresses, and of an object that is there Google takes no other
description anyway.
"""

from collections.abc import Sequence
from datetime import datetime

from wallet.google.account import GoogleAccount
from wallet.google.names import Kind

SAVE_URL = "https://pay.google.com/gp/v/save/"
# Google's own limit of what browsers keep of an address.
LINK_CHARS_MAX = 1_800


class SaveLinkTooLong(Exception):
    """So many cards do not fit into one link: make several."""


def save_link(
    account: GoogleAccount,
    objects: Sequence[tuple[Kind, str]],
    now: datetime,
    origins: Sequence[str] = (),
    save_url: str = SAVE_URL,
) -> str:
    """A link that adds these objects, each by its kind and id, to the wallet of whoever opens it. `origins`: pages that
    show it as Google's button. Raises SaveLinkTooLong."""
    payload: dict[str, list[dict[str, str]]] = {}
    for kind, object_id in objects:
        payload.setdefault(f"{kind.objects}s", []).append({"id": object_id})
    claims = {
        "iss": account.client_email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(now.timestamp()),
        "origins": list(origins),
        "payload": payload,
    }
    link = save_url + account.sign_jwt(claims)
    if len(link) > LINK_CHARS_MAX:
        raise SaveLinkTooLong
    return link
