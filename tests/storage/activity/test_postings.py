"""Sets of positions: what is kept of them is what was put in, few or many."""

from hypothesis import given
from hypothesis import strategies as st

from storage.activity.postings import BLOCK, add, between, each, of, remove, unpack

PLACES = st.sets(st.integers(0, BLOCK - 1), max_size=30) | st.builds(
    lambda first, last, step: set(range(first, last, step)),
    st.integers(0, BLOCK),
    st.integers(0, BLOCK),
    st.integers(1, 20),
)


@given(PLACES, st.integers(0, BLOCK))
def test_a_set_that_grows_is_kept_as_if_it_had_been_there_at_once(places: set[int], until: int) -> None:
    """It is written bit by bit, as activities come, and changes its form when it is full enough."""
    early, late = [place for place in sorted(places) if place < until], sorted(places - set(range(until)))
    kept = add(add(b"", early), late)
    assert kept == add(b"", sorted(places))
    assert len(kept) <= 1024
    assert list(each(unpack(kept), ascending=True)) == sorted(places)
    assert list(each(unpack(kept), ascending=False)) == sorted(places, reverse=True)


@given(PLACES, PLACES)
def test_what_is_taken_out_is_gone_and_the_rest_stays(places: set[int], gone: set[int]) -> None:
    """Nothing is kept of a set of which nothing is left."""
    assert remove(add(b"", sorted(places)), of(gone)) == add(b"", sorted(places - gone))
    assert add(b"", []) == b""


@given(PLACES, st.integers(-1, BLOCK - 1), st.integers(-1, BLOCK - 1))
def test_a_part_of_a_block_has_what_lies_in_it(places: set[int], first: int, last: int) -> None:
    """A page begins and ends within a block."""
    first = max(first, 0)
    assert list(each(of(places) & between(first, last), ascending=True)) == [
        place for place in sorted(places) if first <= place <= last
    ]
