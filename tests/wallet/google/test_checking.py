"""What the doctor of wallets says of Google."""

from pathlib import Path

import pytest

from tests.wallet.google.cards import ISSUER, Google
from wallet.accounts import load
from wallet.google.checking import check
from wallet.settings import WalletSettings
from walletkit.google_http import Scripted


@pytest.fixture
def settings(google: Google, tmp_path: Path) -> WalletSettings:
    """Those of an installation with the one account."""
    (tmp_path / "google").mkdir()
    google.account_file.chmod(0o600)
    google.account_file.rename(tmp_path / "google" / google.account_file.name)
    return WalletSettings(wallet_dir=tmp_path, google_wallet_url=google.wallet.api_url, wallet_ca_file=google.ca_file)


def found(settings: WalletSettings) -> list[tuple[str, str]]:
    """All that it finds."""
    return list(check(load(settings.wallet_dir), settings))


def test_an_account_that_may_act_is_said_to(google: Google, settings: WalletSettings) -> None:
    """And nothing is made at Google to find that out."""
    [(what, advice)] = found(settings)
    assert (ISSUER in what, advice) == (True, "")
    assert google.asked == [("GET", "genericClass", 404)]
    assert not google.wallet.store.kept


def test_what_is_wrong_is_said_with_what_to_do(google: Google, settings: WalletSettings) -> None:
    """Each is a fault that others have met: no right, no API, a deleted key, a network that is shut."""
    google.wallet.script(Scripted(503), Scripted(429), Scripted(400, "invalidResource"))
    assert [advice for _, advice in found(settings) + found(settings) + found(settings)] == [
        "see that this host reaches it",
        "look who else uses the project of this account",
        "see that the issuer id is the one of Google's console",
    ]
    google.wallet.forbid(ISSUER)
    assert "make it a user" in found(settings)[0][1]
    google.wallet.tokens.accounts.clear()
    assert "is its key deleted" in found(settings)[0][1]


def test_a_key_that_others_can_read_is_said_to_be(google: Google, settings: WalletSettings) -> None:
    """Whoever has it makes cards in the club's name."""
    assert settings.wallet_dir
    (settings.wallet_dir / "google" / f"{ISSUER}.json").chmod(0o644)
    assert "chmod 600" in found(settings)[1][1]
