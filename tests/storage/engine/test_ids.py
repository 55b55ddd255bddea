"""Ids: UUIDv7 inside, TypeIDs outside, sorting alike."""

import time
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.engine.ids import new_uuid, parse_typeid, typeid


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
