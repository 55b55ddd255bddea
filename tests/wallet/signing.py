"""Accounts of a stand-in of Apple, in folders as operators have them. Keys take time to make: one set a process."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from wallet.apple.certificates import CERTIFICATE_FILE, KEY_FILE, WWDR_FILE
from walletkit.authority import AppleAuthority, Authority, Identity

PASS_TYPE, TEAM = "pass.com.example.club", "AB12CD34EF"
PASSWORD = "correct horse"


@cache
def authority() -> AppleAuthority:
    """What stands for Apple."""
    return AppleAuthority(datetime.now(UTC) - timedelta(days=500))


@cache
def leaf() -> Identity:
    """The certificate of PASS_TYPE."""
    return authority().pass_type(PASS_TYPE, TEAM)


def lay(folder: Path, identity: Identity | None = None, wwdr: Authority | None = None, password: str = "") -> Path:
    """Lays an account into the folder of accounts; answers its own."""
    place = folder / "apple" / PASS_TYPE
    place.mkdir(parents=True, exist_ok=True)
    (identity or leaf()).write(place / CERTIFICATE_FILE, place / KEY_FILE, password)
    (place / WWDR_FILE).write_bytes((wwdr or authority().wwdr).pem)
    return place
