"""Passwords as the database keeps them: Argon2id (RFC 9106), with salt and parameters, as a PHC string.

Costs some 20 ms of a processor and 19 MiB each: never on an event loop (server/passwords.py).
"""

import os

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

# One of the choices that OWASP's Password Storage Cheat Sheet calls equal: the others take more memory from whoever
# serves the tills, or more time of a processor.
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32
_FORM = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"

# What is verified where there is nothing to verify: nobody knows its password.
NOBODYS = f"{_FORM}ZmVhbHR5IG5vYm9keSdzIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def derive(password: str) -> str:
    """The hash of a password, which is normalised, under a salt of its own."""
    argon2 = Argon2id(
        salt=os.urandom(_SALT_BYTES), length=_HASH_BYTES, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return argon2.derive_phc_encoded(password.encode())


def matches(password: str, phc: str) -> bool:
    """Whether that is the password of the hash."""
    try:
        Argon2id.verify_phc_encoded(password.encode(), phc)
    except InvalidKey:
        return False
    return True


def is_old(phc: str) -> bool:
    """Whether it was made with other parameters than today's: then it is made anew while the password is there."""
    return not phc.startswith(_FORM)
