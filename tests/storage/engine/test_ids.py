"""Ids: UUIDv7 inside, TypeIDs outside, sorting alike; and keys, of which only a hash is kept."""

import time
from datetime import timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.access import Role
from rules.refusals import ProgramNotFound
from storage.access.commands import NameTaken, NewKey, create_key, revoke_key
from storage.access.keys import new_key, parse_key
from storage.access.queries import any_key, keys
from storage.engine.database import Database, connection
from storage.engine.ids import new_uuid, parse_typeid, typeid
from storage.engine.unit import run
from tests.storage.blocking import authenticate
from tests.storage.scene import Scene


def test_a_fresh_id_is_a_uuid_of_version_7_with_this_moments_milliseconds() -> None:
    """Keys that grow with time keep the index warm; the version says how to read them."""
    before = time.time_ns() // 1_000_000
    found = [new_uuid() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    for uuid in found:
        assert (uuid.version, uuid.variant) == (7, RFC_4122)
        assert before <= uuid.int >> 80 <= after
    assert len(set(found)) == 1000


def test_all_bits_of_chance_are_used() -> None:
    """A bit that is always the same halves the number of ids; of 62, none may be."""
    always_one = always_zero = (1 << 62) - 1
    for _ in range(200):
        value = new_uuid().int
        always_one &= value
        always_zero &= ~value
    assert always_one == always_zero == 0


@given(st.uuids())
def test_a_typeid_reads_back_as_the_uuid_it_was_made_of(uuid: UUID) -> None:
    """Whatever we hand out we must find again."""
    text = typeid("customer", uuid.int)
    assert parse_typeid("customer", text) == uuid
    assert text.startswith("customer_")
    assert len(text) == len("customer_") + 26


@given(st.uuids(), st.uuids())
def test_typeids_sort_as_their_uuids_do(one: UUID, other: UUID) -> None:
    """A list that is sorted by the one is sorted by the other."""
    assert (typeid("x", one.int) < typeid("x", other.int)) == (one < other)


def test_typeids_are_those_of_the_specification() -> None:
    """The examples of TypeID 0.3: other tools read ours."""
    assert typeid("prefix", 0) == "prefix_00000000000000000000000000"
    assert typeid("prefix", 2**128 - 1) == "prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz"
    known = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    assert typeid("prefix", known.int) == "prefix_01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "customer_",
        "program_01h455vb4pex5vsknk084sn02q",
        "01h455vb4pex5vsknk084sn02q",
        "customer_81h455vb4pex5vsknk084sn02q",
        "customer_01h455vb4pex5vsknk084sn02",
        "customer_01h455vb4pex5vsknk084sn02qq",
        "customer_01H455VB4PEX5VSKNK084SN02Q",
        "customer_01h455vb4pex5vsknk084sn02u",
        "customer_01h455vb4pex5vsknk084sn0 q",
    ],
)
def test_what_is_no_typeid_of_that_kind_is_none(text: str) -> None:
    """Two spellings of one id would be two ids somewhere."""
    assert parse_typeid("customer", text) is None


@pytest.mark.parametrize(
    "text", ["", "fealty", "fealty__", "fealty_0123456789abcdef_", "other_0123456789abcdef_" + "0" * 64, "Bearer x"]
)
def test_what_cannot_be_a_key_is_none(text: str) -> None:
    """Nobody asks the database about it."""
    assert parse_key(text) is None


def test_a_key_reads_back_in_its_parts() -> None:
    """What the caller sends is what was shown."""
    key = new_key()
    assert parse_key(key.text) == key


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
            assert caller == (made.caller, "till", Role.SERVICE, "coffee")
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
