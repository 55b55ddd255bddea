"""Two loads at once: what one does to the other is measured only if both run, and each is counted for itself."""

import socket

import pytest

from bench.frames import WireError
from bench.load import Unary, beside
from tests.bench.test_wire import Books, decimal, serving


def nine_digits(i: int) -> bytes:
    """The number of a call, longer than `decimal` makes it here."""
    return b"%09d" % i


@pytest.mark.process
def test_loads_beside_each_other_run_at_the_same_time_and_are_counted_apart() -> None:
    """Alone, a do-nothing call would be undisturbed by writes; and a sum would say nothing about either."""
    books = Books()
    with serving(books) as (target, _):
        one = Unary(target, "/books/keep", decimal, in_flight=4, connections=2, warmup_s=0.1, duration_s=0.5)
        other = Unary(target, "/books/keep", nine_digits, in_flight=8, connections=2, warmup_s=0.1, duration_s=0.5)
        of_one, of_other = beside(one, other)
    is_other = [len(request) == 9 for request in books.seen]
    assert 0 < of_one.calls <= is_other.count(False)
    assert 0 < of_other.calls <= is_other.count(True)
    assert set(is_other[: len(is_other) // 2]) == {False, True}


@pytest.mark.process
def test_a_load_that_fails_ends_the_one_beside_it_with_its_own_error() -> None:
    """Not with what the other saw of it, a barrier that broke."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = f"127.0.0.1:{listener.getsockname()[1]}"
    with serving(Books()) as (target, _):
        works = [Unary(where, "/books/keep", decimal, in_flight=2, connections=2) for where in (target, nowhere)]
        with pytest.raises(WireError, match=f"cannot connect to {nowhere}"):
            beside(*works)
