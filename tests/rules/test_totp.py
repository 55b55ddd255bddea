"""Codes of authenticators: those of the RFC, for a while, and none twice."""

import pytest

from rules import totp

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_a_code_is_that_of_the_rfc(at_s: int, expected: str) -> None:
    """RFC 6238, appendix B, SHA-1: what every authenticator shows."""
    assert totp.code(SECRET, totp.step_of(at_s), digits=8) == expected
    assert totp.code(SECRET, totp.step_of(at_s)) == expected[2:]


@pytest.mark.parametrize(
    ("counter", "expected"),
    [(0, "755224"), (1, "287082"), (2, "359152"), (3, "969429"), (4, "338314"), (8, "399871"), (9, "520489")],
)
def test_a_counter_gives_the_code_of_the_rfc_before_it(counter: int, expected: str) -> None:
    """RFC 4226, appendix D."""
    assert totp.code(SECRET, counter) == expected


def test_a_code_counts_in_its_step_and_in_those_beside_it() -> None:
    """Clocks of phones are off by some seconds; by minutes they are not trusted."""
    code, step = totp.code(SECRET, 1000), 1000
    at = {beside: totp.matching_step(SECRET, code, (1000 + beside) * 30, 0) for beside in range(-3, 4)}
    assert at == {-3: None, -2: None, -1: step, 0: step, 1: step, 2: None, 3: None}
    assert totp.matching_step(SECRET, code, 1000 * 30 + 29.9, 0) == step


def test_what_was_used_and_what_is_older_counts_no_more() -> None:
    """Whoever saw it typed has nothing of it."""
    for used, found in ((999, 1000), (1000, None), (1001, None)):
        assert totp.matching_step(SECRET, totp.code(SECRET, 1000), 1000 * 30, used) == found


@pytest.mark.parametrize("typed", ["", "1", "abcdef", "0" * 64, "\uff11\uff12\uff13\uff14\uff15\uff16", "\U0001f40e"])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    """And breaks nothing: people type anything."""
    assert totp.matching_step(SECRET, typed, 0, -1) is None


def test_an_authenticator_reads_who_it_is_for_and_how_codes_are_made() -> None:
    """Apps that ignore one of these take the same for granted."""
    assert totp.uri(SECRET, "anna+x@coffee.example") == (
        "otpauth://totp/Fealty:anna%2Bx@coffee.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Fealty"
        "&algorithm=SHA1&digits=6&period=30"
    )
