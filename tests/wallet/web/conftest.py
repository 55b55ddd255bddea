"""A scene with a customer's pass, and the public endpoints over it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from storage.engine.database import Database
from tests.storage.passes.carrying import issue, template
from tests.storage.scene import Scene
from tests.wallet.web.serving import Public, serving


@pytest.fixture
def scene(database: Database) -> Scene:
    """The program `coffee` with ada and ben."""
    return Scene(database, "ada", "ben")


@pytest.fixture
def card(scene: Scene) -> UUID:
    """Ada's card of points."""
    return issue(scene, template(scene))


@pytest.fixture
def public(database: Database, tmp_path: Path) -> Iterator[Public]:
    """The endpoints, with one account of Apple's."""
    with serving(database, tmp_path) as running:
        yield running
