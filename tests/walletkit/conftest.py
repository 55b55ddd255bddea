"""A phone, Apple's push service, and a web service that keeps cards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wallet.apple.service import TOPIC, Standing, authorities, standing
from tests.walletkit.shop import Shop, open_shop
from wallet import accounts
from walletkit.iphone import IPhone


@pytest.fixture
def apple(tmp_path: Path) -> Iterator[Standing]:
    """The push service."""
    with standing(tmp_path) as made:
        yield made


@pytest.fixture
def shop(apple: Standing, tmp_path: Path) -> Iterator[Shop]:
    """The web service, which has the account that the push service knows."""
    with open_shop(accounts.load(apple.folder).apple(TOPIC), tmp_path) as made:
        yield made


@pytest.fixture
def phone(apple: Standing) -> Iterator[IPhone]:
    """One without a card."""
    made = IPhone(authorities()[0].root.certificate, apple.trust, apple.service)
    yield made
    made.close()
