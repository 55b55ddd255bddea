"""A worker that sends to a stand-in of Google, and a card that Google has."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from storage.engine.database import Database
from tests.storage.passes.carrying import issue, template
from tests.storage.scene import Scene
from tests.wallet.google.cards import google as running
from tests.workers.google.sending import POINTS, Sending
from walletkit.authority import Authority


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Whom the stand-in's certificate is of."""
    return Authority.root()


@pytest.fixture
def sending(database: Database, tmp_path: Path, authority: Authority) -> Iterator[Sending]:
    """A scene with the customer ada, and a worker."""
    with running(tmp_path, authority) as at:
        yield Sending(Scene(database), at)


@pytest.fixture
def card(sending: Sending) -> UUID:
    """A card of ada's that Google has, which is up to date."""
    made = issue(sending.scene, template(sending.scene, POINTS))
    sending.refresh()
    sending.hand_out(made)
    sending.work()
    assert sending.asked() == [("POST", "loyaltyClass", 200), ("POST", "loyaltyObject", 200)]
    return made
