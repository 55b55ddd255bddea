"""Which passwords are taken: long ones that are not guessed first.

No letters of any kind are demanded (NIST SP 800-63B, 3.1.1.2): such rules make passwords that people forget and
machines guess.
"""

import unicodedata

# In characters, after normalisation. Above, a hash would cost no more, and nobody types it.
LENGTH_MIN = 12
LENGTH_MAX = 128
# Shorter parts of an address or a name occur in passwords by chance.
_TELLING = 4

# The commonest of those that are long enough, as lists of leaked passwords have them.
_COMMON = frozenset(
    [
        "123456789012",
        "1234567890123",
        "12345678901234",
        "123456789012345",
        "1234567890123456",
        "0123456789012",
        "012345678901",
        "123456123456",
        "123123123123",
        "112233445566",
        "987654321012",
        "abcdefghijkl",
        "abcdefghijklm",
        "abcdefghijklmnop",
        "abcd1234abcd",
        "abc123abc123",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiop[]",
        "qwertyuiopas",
        "qwertyuiopasdf",
        "qwerty123456",
        "qwerty1234567",
        "qwerty123qwerty",
        "qwertyqwerty",
        "qwertyqwerty12",
        "qwertzuiopas",
        "1qaz2wsx3edc",
        "1qaz2wsx3edc4rfv",
        "1q2w3e4r5t6y",
        "1q2w3e4r5t6y7u8i",
        "q1w2e3r4t5y6",
        "zaq12wsxcde3",
        "asdfghjkl123",
        "asdfghjklzxc",
        "zxcvbnm12345",
        "zxcvbnmasdfg",
        "password1234",
        "password12345",
        "password123456",
        "password2024",
        "password2025",
        "password2026",
        "passwordpassword",
        "password1password",
        "mypassword123",
        "p@ssw0rd1234",
        "p@ssword1234",
        "passw0rd1234",
        "letmeinletmein",
        "letmein12345",
        "welcome12345",
        "welcome123456",
        "iloveyou1234",
        "iloveyouiloveyou",
        "administrator",
        "administrator1",
        "administrator123",
        "admin1234567",
        "adminadminadmin",
        "changemechangeme",
        "changeme1234",
        "trustno1trustno1",
        "sunshine1234",
        "football1234",
        "baseball1234",
        "superman1234",
        "monkey123456",
        "dragon123456",
        "master123456",
        "princess1234",
        "michael12345",
        "charlie12345",
        "computer1234",
        "internet1234",
        "samsung12345",
        "secret123456",
        "supersecret1",
        "supersecret123",
        "testtesttest",
        "test12345678",
        "test123test123",
        "correcthorsebatterystaple",
        "thisisapassword",
        "thisismypassword",
    ]
) | {"correct horse battery staple"}


def normalised(password: str) -> str:
    """The same password however it was typed: keyboards make one letter in several ways (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def flaw(password: str, email: str, display_name: str) -> str:
    """Why a password, which is normalised, cannot be its user's, as a part of a sentence; empty where it can."""
    if len(password) < LENGTH_MIN:
        return f"it has fewer than {LENGTH_MIN} characters"
    if len(password) > LENGTH_MAX:
        return f"it has more than {LENGTH_MAX} characters"
    folded = password.casefold()
    if folded in _COMMON or _repeats(folded):
        return "it is among those that are guessed first"
    for what, text in (("address", email), ("name from your address", email.partition("@")[0]), ("name", display_name)):
        if len(text) >= _TELLING and normalised(text).casefold() in folded:
            return f"it has your {what} in it"
    return ""


# Said of a new password that is the one that stands: to be changed means to be another.
SAME = "it is the one that you have"


def _repeats(password: str) -> bool:
    """Whether it is a short text over and over: `aaaaaaaaaaaa`, `abcabcabcabc`."""
    return any(
        password == (password[:length] * LENGTH_MAX)[: len(password)] for length in range(1, len(password) // 3 + 1)
    )
