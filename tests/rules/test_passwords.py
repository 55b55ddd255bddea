"""Which passwords are taken: any long one that nobody guesses first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import passwords

EMAIL, NAME = "anna.held@coffee.example", "Anna Held"


@pytest.mark.parametrize(
    "password",
    [
        "a mule eats glue at noon",
        "ÅngströmÅngström 7",
        "пароль для склада",
        "🐎" * 5 + " horses and 4 more",
        "x" * 5 + "y" * 123,
        "twelve chars",
    ],
)
def test_any_long_password_is_taken_whatever_it_is_made_of(password: str) -> None:
    """Rules for letters, digits and signs make passwords that are forgotten and guessed (NIST SP 800-63B)."""
    assert passwords.flaw(passwords.normalised(password), EMAIL, NAME) == ""


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "fewer than 12"),
        ("eleven char", "fewer than 12"),
        ("long enough " * 11, "more than 128"),
        ("Password1234", "guessed first"),
        ("qwertyuiop123", "guessed first"),
        ("correct horse battery staple", "guessed first"),
        ("aaaaaaaaaaaaaaaa", "guessed first"),
        ("abcabcabcabcabc", "guessed first"),
        ("xx-Anna.Held-xx", "your name from your address"),
        ("anna.held@coffee.example", "your address"),
        ("this is anna held", "your name"),
    ],
)
def test_what_is_short_or_guessed_first_is_not(password: str, why: str) -> None:
    """In a sentence that says what to do about it, and never quotes it."""
    said = passwords.flaw(password, EMAIL, NAME)
    assert why in said
    assert len(password) < 12 or password not in said


@given(st.text(min_size=1, max_size=40))
def test_a_password_is_the_same_however_it_was_typed(password: str) -> None:
    """A keyboard may compose a letter that another has as one."""
    once = passwords.normalised(password)
    assert passwords.normalised(once) == once
    assert passwords.normalised("Å") == passwords.normalised("Å") == "Å"
