"""docs/operating.md: the table of settings."""

import pytest
from pydantic_settings import BaseSettings

from cli.settings import Settings
from tests.client.recipes import OPERATING
from wallet.settings import WalletSettings
from wallet.web.settings import PassesSettings
from workers.settings import WorkerSettings


@pytest.mark.parametrize("settings", [Settings, WalletSettings, PassesSettings, WorkerSettings])
def test_whatever_an_operator_may_decide_is_in_the_table(settings: type[BaseSettings]) -> None:
    """What is nowhere to be read, nobody sets."""
    page = OPERATING.read_text()
    missing = [name for name in settings.model_fields if f"`FEALTY_{name.upper()}`" not in page]
    assert not missing
