"""Tests of the engine make tables and functions of their own, as only the owner of a database may."""

import pytest

from tests.databases import as_owner


@pytest.fixture
def database_url(database_url: str) -> str:
    """A migrated database of this test's own, as its owner connects to it."""
    return as_owner(database_url)
