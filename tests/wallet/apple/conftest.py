"""A push service of Apple's, standing in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wallet.apple.service import Standing, standing


@pytest.fixture
def apple(tmp_path: Path) -> Iterator[Standing]:
    """It listens."""
    with standing(tmp_path) as made:
        yield made
