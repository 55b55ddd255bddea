"""The personal keys of the installation, which wrap the key of each person, and that of coupon codes: from a file that
lies apart from the database, so that whoever has only one of the two can read nothing about anybody.

The formats are those of docs/decisions/0030 and 0039.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
# What AES-GCM is given for each text, at random: some thousands of texts a key are far below what that bears.
NONCE_BYTES = 12

_ID_LABEL = b"fealty personal key"
_SUBJECT_LABEL = b"fealty subject key"
# What the key of coupon codes is wrapped as.
CODE_KEY = b"fealty code key"
# … and that of passes.
WALLET_KEY = b"fealty wallet key"
# … and that of logging in.
ACCESS_KEY = b"fealty access key"
# … and that of what waits for approval.
APPROVAL_KEY = b"fealty approval key"
_HEADER = "# The personal keys of a Fealty, the newest first. Keep a copy, apart from the copies of its database."


class KeyringError(Exception):
    """The personal keys cannot be had. The text says what to do, and holds no key."""


class DoesNotOpen(Exception):
    """What was encrypted is not what it was, or belongs elsewhere."""


def encrypt(key: bytes, text: bytes, about: bytes) -> bytes:
    """nonce[12] ‖ AES-256-GCM(key, text), which opens only with the same `about`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, about)


def decrypt(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """What was encrypted. Raises DoesNotOpen."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except (InvalidTag, ValueError):
        raise DoesNotOpen from None


class PersonalKey:
    """One key of the installation. Its id says which it is, and nothing about it."""

    def __init__(self, secret: bytes) -> None:
        assert len(secret) == KEY_BYTES
        self._secret = secret
        self.id = hashlib.sha256(_ID_LABEL + secret).digest()[:8].hex()

    def wrap(self, key: bytes, what: bytes) -> bytes:
        """A key as the database may keep it. `what` says which it is: `subject_key` of a customer, CODE_KEY,
        WALLET_KEY, ACCESS_KEY or APPROVAL_KEY."""
        return encrypt(self._secret, key, what)

    def unwrap(self, wrapped: bytes, what: bytes) -> bytes:
        """That key again. Raises DoesNotOpen, also where it was wrapped as another."""
        return decrypt(self._secret, wrapped, what)

    @property
    def line(self) -> str:
        """How the file has it."""
        return self._secret.hex()


def subject_key(customer: int) -> bytes:
    """What the key of a customer, by internal id, is wrapped as."""
    return b"\0".join((_SUBJECT_LABEL, str(customer).encode()))


def new_key() -> PersonalKey:
    """A key that nobody has seen."""
    return PersonalKey(secrets.token_bytes(KEY_BYTES))


class Keyring:
    """Personal keys by id. One that is asked for and not among them may be newer: then the file is read again, so that
    servers go on while keys are rotated."""

    def __init__(self, keys: Iterable[PersonalKey], path: Path | None = None) -> None:
        self._keys = {key.id: key for key in keys}
        self._path = path

    def key(self, key_id: str) -> PersonalKey:
        """The key of that id. Raises KeyringError."""
        if key_id not in self._keys and self._path is not None:
            self._keys = {**self._keys, **{key.id: key for key in read(self._path)}}
        if key_id not in self._keys:
            raise KeyringError(f"the personal key {key_id} is not in {self._path or 'the keyring'}")
        return self._keys[key_id]


# Of whoever has nothing to do with what persons told us: workers, clocks.
NO_KEYS = Keyring(())


def load(path: Path) -> Keyring:
    """The keys of a file. Raises KeyringError."""
    return Keyring(read(path), path)


def read(path: Path) -> list[PersonalKey]:
    """The keys of a file, the newest first. Raises KeyringError."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        raise KeyringError(
            f"there is no file of personal keys at {path}: bring it from where its copy is kept; of a new installation,"
            " `fealty personal-key create` makes it"
        ) from None
    except OSError as error:
        raise KeyringError(f"{path} cannot be read ({(error.strerror or str(error)).lower()})") from None
    except UnicodeDecodeError:
        lines = []
    found = [_secret(line) for line in lines if line.strip() and not line.startswith("#")]
    if not found or not all(len(secret) == KEY_BYTES for secret in found):
        # Never quoted: what stands there may be a key with a letter missing.
        raise KeyringError(f"{path} is no file of personal keys, or was cut: bring it from where its copy is kept")
    return [PersonalKey(secret) for secret in found]


def write(path: Path, keys: Sequence[PersonalKey]) -> None:
    """Makes these the keys of a file that only we may read: all of them or, where we die, those from before. Raises
    KeyringError."""
    half = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.unlink(missing_ok=True)
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write("\n".join((_HEADER, *(key.line for key in keys), "")))
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyringError(f"{path} cannot be written ({(error.strerror or str(error)).lower()})") from None


def _secret(line: str) -> bytes:
    try:
        return bytes.fromhex(line)
    except ValueError:
        return b""
