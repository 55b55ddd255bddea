"""A stand-in of Google Wallet for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wallet.google.cards import Google
from tests.wallet.google.cards import google as running
from walletkit.authority import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Whom the stand-in's certificate is of."""
    return Authority.root()


@pytest.fixture
def google(tmp_path: Path, authority: Authority) -> Iterator[Google]:
    """Nothing is there yet."""
    with running(tmp_path, authority) as made:
        yield made
