"""The operator's accounts of wallets, from the folder that FEALTY_WALLET_DIR names: `apple/<pass type>/…` and
`google/<issuer>.json`.

One that cannot be used stops nobody who needs another: what is wrong with it is raised where it is asked for, and said
by `fealty wallet doctor`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from wallet.apple.certificates import AppleAccount, load_account
from wallet.failures import AccountAmbiguous, AccountInvalid, AccountMissing, FolderUnreadable
from wallet.google.account import GoogleAccount
from wallet.google.account import load_account as load_google_account

Account = TypeVar("Account")


class Accounts:
    """Accounts by name, or what is wrong with them; read once, for processes are started anew with new certificates."""

    def __init__(
        self,
        apple: Mapping[str, AppleAccount | AccountInvalid],
        google: Mapping[str, GoogleAccount | AccountInvalid] = MappingProxyType({}),
    ) -> None:
        self._apple = apple
        self._google = google

    def apple(self, pass_type: str = "") -> AppleAccount:
        """The account of a pass type; of the only one where none is named. Raises AccountMissing, AccountAmbiguous,
        AccountInvalid."""
        return _chosen("Apple", self._apple, pass_type)

    def google(self, issuer: str = "") -> GoogleAccount:
        """The service account of an issuer; of the only one where none is named. Raises as `apple` does."""
        return _chosen("Google", self._google, issuer)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that there are."""
        return (*self._apple, *self._google)

    @property
    def apple_accounts(self) -> tuple[AppleAccount, ...]:
        """Those that can be used, by name."""
        return tuple(one for one in self._apple.values() if isinstance(one, AppleAccount))

    @property
    def google_accounts(self) -> tuple[GoogleAccount, ...]:
        """The same of Google's."""
        return tuple(one for one in self._google.values() if isinstance(one, GoogleAccount))

    @property
    def faults(self) -> tuple[AccountInvalid, ...]:
        """What is wrong with the others."""
        all_of_them = (*self._apple.values(), *self._google.values())
        return tuple(one for one in all_of_them if isinstance(one, AccountInvalid))


def load(folder: Path | None, password: str = "", now: datetime | None = None) -> Accounts:
    """All that there are; none where there is no folder. `password` opens keys that are encrypted; `now` is the clock's
    unless told otherwise. Raises FolderUnreadable."""
    now = now or datetime.now(UTC)
    apple = _each(_folders(folder, "apple"), lambda place: load_account(place, password, now))
    return Accounts(apple, _each(_files(folder, "google", ".json"), load_google_account))


def _each(places: Mapping[str, Path], loaded: Callable[[Path], Account]) -> Mapping[str, Account | AccountInvalid]:
    found: dict[str, Account | AccountInvalid] = {}
    for name, place in places.items():
        try:
            found[name] = loaded(place)
        except AccountInvalid as fault:
            found[name] = fault
    return found


def _folders(folder: Path | None, wallet: str) -> Mapping[str, Path]:
    """Those of a wallet's accounts, in order; none where there is none."""
    if folder is None or not _is_there(folder / wallet):
        return {}
    places = (place for place in (folder / wallet).iterdir() if place.is_dir() and not place.name.startswith("."))
    return {place.name: place for place in sorted(places)}


def _files(folder: Path | None, wallet: str, suffix: str) -> Mapping[str, Path]:
    """The same of a wallet whose accounts are a file each."""
    if folder is None or not _is_there(folder / wallet):
        return {}
    places = (place for place in (folder / wallet).iterdir() if place.suffix == suffix and place.stem)
    return {place.stem: place for place in sorted(places)}


def _chosen(wallet: str, accounts: Mapping[str, Account | AccountInvalid], name: str) -> Account:
    if not name and len(accounts) > 1:
        raise AccountAmbiguous(wallet=wallet, names=", ".join(accounts))
    found = accounts.get(name) if name else next(iter(accounts.values()), None)
    if found is None:
        raise AccountMissing(wallet=wallet, name=name or "at all")
    if isinstance(found, AccountInvalid):
        raise type(found)(**found.facts)  # a new one: raised again and again, one would gather tracebacks
    return found


def _is_there(folder: Path) -> bool:
    """Whether there is such a folder. Raises FolderUnreadable where that cannot be seen."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise FolderUnreadable(folder=folder, reason=error.strerror) from None
    return True
