"""Clients without manners: an attack that is not what it says proves nothing. Against a real grpc.aio server."""

import secrets

import pytest

from attack import raw
from bench.sending import literal
from tests.bench.test_wire import Books, serving

# They wait by the clock.
pytestmark = pytest.mark.long

HELD, CONNECTIONS, SECONDS = 60, 3, 0.5


def test_held_calls_are_open_and_reach_no_handler() -> None:
    """Their headers are there, their message is not: that is the attack."""
    books = Books()
    with serving(books) as (target, _):
        fields = raw.headers(target, "/books/keep")
        assert raw.hold(target, fields, HELD, CONNECTIONS, SECONDS) == "held 60 at most, 60 at the end; ended: none"
    assert books.seen == []


def test_calls_that_are_ended_are_opened_again_and_counted() -> None:
    """A server that refuses is attacked on, as it would be; up to a limit, as this is a test."""
    with serving(Books()) as (target, _):
        told = raw.hold(target, raw.headers(target, "/books/unknown"), HELD, CONNECTIONS, SECONDS)
    assert told.endswith("60 UNIMPLEMENTED")


def test_a_flood_goes_on_as_it_is_answered_each_call_with_a_field_of_its_own() -> None:
    """One key for all would be looked up once, and forgotten about."""
    books, fields = Books(), set()

    def more() -> bytes:
        key = secrets.token_hex(8)
        fields.add(key)
        return literal("authorization", f"Bearer {key}")

    with serving(books) as (target, _):
        told = raw.flood(target, "/books/keep", b"hello", more, SECONDS)
    assert "OK" in told
    assert len(fields) >= len(books.seen) > 64
    assert set(books.seen) == {b"hello"}


def test_a_flood_from_somebody_whom_the_server_leaves_ends_by_itself() -> None:
    """The attacker is not the one that may hang."""
    with serving(Books()) as (target, _):
        pass
    assert raw.flood(target, "/books/keep", b"", lambda: b"", SECONDS).endswith("cut off")


def test_a_literal_field_that_does_not_fit_its_length_is_refused() -> None:
    """A longer one needs another encoding, and would be read as something else."""
    with pytest.raises(ValueError, match="authorization or its value is longer"):
        literal("authorization", "x" * 127)
