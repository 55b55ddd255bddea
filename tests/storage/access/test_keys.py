"""Keys, of which only a hash is kept: each speaks for one caller, until it is revoked or over."""

from datetime import timedelta

import pytest

from rules.access import Role, in_role
from rules.refusals import ProgramNotFound
from storage.access.commands import NameTaken, NewKey, create_key, revoke_key
from storage.access.credentials import CredentialKind, new_token, parse_token
from storage.access.queries import any_key, keys
from storage.engine.database import Database, connection
from storage.engine.unit import run
from tests.storage.blocking import authenticate
from tests.storage.scene import Scene


@pytest.mark.parametrize(
    "text", ["", "fealty", "fealty__", "fealty_0123456789abcdef_", "other_0123456789abcdef_" + "0" * 64, "Bearer x"]
)
def test_what_cannot_be_a_key_is_none(text: str) -> None:
    """Nobody asks the database about it."""
    assert parse_token(text) is None


def test_a_key_reads_back_in_its_parts() -> None:
    """What the caller sends is what was shown."""
    key = new_token(CredentialKind.KEY)
    assert parse_token(key.text) == key


def test_the_secret_of_a_key_is_kept_nowhere(database: Database) -> None:
    """A stolen database must not let anybody call; nor the log, in which the key's making is recorded."""
    scene = Scene(database)
    made = _key(database)
    kept = str(scene.contents())
    assert made.key.id in kept
    assert made.key.secret not in kept
    assert made.key.secret.encode().hex() not in kept


def test_a_key_speaks_for_its_caller_until_it_is_revoked_or_expires(database: Database) -> None:
    """Two keys of one caller overlap while they are exchanged; a revoked one is over at once."""
    scene = Scene(database)
    old, new, short = (_key(database, lifetime=lifetime) for lifetime in (None, timedelta(days=1), timedelta(0)))
    with connection(database) as books:
        for made in (old, new):
            caller = authenticate(books, made.key.text)
            assert caller == in_role(made.caller, "till", Role.SERVICE, "coffee")
        assert authenticate(books, short.key.text) is None
        assert authenticate(books, f"fealty_{old.key.id}_{'0' * 64}") is None
        assert run(database, lambda unit: revoke_key(unit, old.key.id))
        assert not run(database, lambda unit: revoke_key(unit, old.key.id))
        assert authenticate(books, old.key.text) is None
        assert authenticate(books, new.key.text) is not None
        assert any_key()
        assert run(database, lambda unit: revoke_key(unit, new.key.id))
        assert not any_key()
        assert {(info.id, info.name, info.program_id, info.revoked_at is None) for info in keys()} == {
            (old.key.id, "till", "coffee", False),
            (new.key.id, "till", "coffee", False),
            (short.key.id, "till", "coffee", True),
        }
    assert scene.rows("SELECT count(*) FROM caller") == [(1,)]


def test_a_name_stands_for_one_caller_with_one_role_and_program(database: Database) -> None:
    """A second key must not give more than the first."""
    Scene(database)
    _key(database)
    for role, program in ((Role.ADMINISTRATOR, "coffee"), (Role.SERVICE, None)):
        with pytest.raises(NameTaken):
            _key(database, role, program)
    with pytest.raises(ProgramNotFound):
        _key(database, program="tea", name="other")


def _key(
    database: Database,
    role: Role = Role.SERVICE,
    program: str | None = "coffee",
    lifetime: timedelta | None = None,
    name: str = "till",
) -> NewKey:
    return run(database, lambda unit: create_key(unit, name, role, program, lifetime))
