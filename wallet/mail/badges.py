"""The wallets' badges, "Add to Apple Wallet" and "Add to Google Wallet": artwork that an operator gets from Apple and
Google, whose licence lets nobody else hand it out or draw it anew (decision 0050).

Files `badges/apple-en.png`, `badges/google-de.png` and so on in the folder of the accounts. Where there is none, a mail
has a button in words.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import structlog

from rules.passes.images import check_png
from rules.passes.refusals import PassImageInvalid
from wallet.mail.texts import DEFAULT, TEXTS

log = structlog.get_logger()

WALLETS = ("apple", "google")
# Guidelines of both: not below 40 pixels high on a screen.
HEIGHT = 48


class Badge(NamedTuple):
    """A picture, and how wide it is at HEIGHT."""

    content: bytes
    width: int


Badges = Mapping[tuple[str, str], Badge]


def load_badges(folder: Path | None) -> Badges:
    """Those that there are, by wallet and language. What is no picture is told in the log, and left out."""
    found: dict[tuple[str, str], Badge] = {}
    if folder is None:
        return found
    for wallet in WALLETS:
        for language in TEXTS:
            file = folder / "badges" / f"{wallet}-{language}.png"
            if not file.is_file():
                continue
            try:
                content = file.read_bytes()
                size = check_png(content)
            except (OSError, PassImageInvalid) as error:
                log.warning("badge not used", file=str(file), error=str(error))
                continue
            found[wallet, language] = Badge(content, max(1, size.width * HEIGHT // size.height))
    return found


def badge(badges: Badges, wallet: str, language: str) -> Badge | None:
    """The badge in a language, or in English."""
    return badges.get((wallet, language)) or badges.get((wallet, DEFAULT))
