"""A stage for attacks: PostgreSQL and Valkey of its own, in memory, with both programs in the books."""

from collections.abc import Iterator

import pytest

from attack.stage import Stage, stage
from tests.conftest import SETTINGS, open_folder


@pytest.fixture(scope="session")
def here() -> Iterator[Stage]:
    """Nothing of Fealty runs on it; each attack starts a server of its own."""
    with open_folder() as folder, stage(folder, SETTINGS) as made:
        made.open_programs()
        yield made
