"""Who gets in, and by what."""

import pytest

from rules.logins import Account, Way, shown_recovery_code, typed_recovery_code, ways, why_not


def _account(state: str = "ACTIVE", phc: str = "$argon2id$") -> Account:
    return Account("user_1", state, phc, False, False, 0)


@pytest.mark.parametrize(
    ("account", "matches", "why"),
    [
        (_account(), True, ""),
        (_account(), False, "WRONG_PASSWORD"),
        (None, False, "UNKNOWN"),
        (None, True, "UNKNOWN"),
        (_account(phc=""), True, "UNKNOWN"),
        (_account("INVITED", ""), False, "INVITED"),
        (_account("LOCKED"), True, "LOCKED"),
        (_account("ARCHIVED"), True, "ARCHIVED"),
    ],
)
def test_only_an_active_user_with_the_right_password_gets_in(account: Account | None, matches: bool, why: str) -> None:
    """Whatever the password is: the log says why not, the caller nothing."""
    assert why_not(account, matches) == why


def test_who_has_an_authenticator_is_mailed_nothing() -> None:
    """The weaker way would be the way of whoever is not the user."""
    assert ways(False, 0) == (Way.MAIL,)
    assert ways(True, 0) == (Way.TOTP,)
    assert ways(False, 3) == (Way.MAIL, Way.RECOVERY)
    assert ways(True, 3) == (Way.TOTP, Way.RECOVERY)


@pytest.mark.parametrize("typed", ["01x2y-z345a", " 01X2Y Z345A ", "oix2yz345a", "0lx2y-z345-a"])
def test_a_recovery_code_may_be_typed_as_people_do(typed: str) -> None:
    """From a slip of paper, in a hurry."""
    assert typed_recovery_code(typed) == "01x2yz345a"
    assert shown_recovery_code("01x2yz345a") == "01x2y-z345a"
