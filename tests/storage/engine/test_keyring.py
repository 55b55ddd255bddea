"""The file of personal keys: whoever has it opens what is kept of persons, and without it nobody does."""

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.engine import keyring
from storage.engine.keyring import DoesNotOpen, Keyring, KeyringError, PersonalKey, new_key, subject_key

SECRET = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file is to be."""
    return tmp_path / "data" / "personal.key"


def test_a_file_gives_its_keys_back_in_their_order(path: Path) -> None:
    """The newest stands first: it is the one that a rotation brings."""
    keys = [new_key(), new_key()]
    keyring.write(path, keys)
    assert [key.id for key in keyring.read(path)] == [key.id for key in keys]
    keyring.write(path, keys[:1])
    assert [key.id for key in keyring.read(path)] == [keys[0].id]


def test_a_file_is_text_with_a_key_a_line(path: Path) -> None:
    """It is copied by hand, and must be recognized for what it is years later."""
    keyring.write(path, [PersonalKey(SECRET)])
    remark, key, end = path.read_text().split("\n")
    assert remark.startswith("# The personal keys of a Fealty")
    assert (key, end) == (SECRET.hex(), "")


def test_nobody_else_may_read_the_file(path: Path) -> None:
    """Also not for the moment in which it is written."""
    keyring.write(path, [new_key()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["personal.key"]


def test_a_file_that_was_half_written_once_is_no_obstacle(path: Path) -> None:
    """A host lost its power in the middle of a rotation."""
    keyring.write(path, [PersonalKey(SECRET)])
    path.with_name("personal.key.new").write_text("0001")
    fresh = new_key()
    keyring.write(path, [fresh, PersonalKey(SECRET)])
    assert keyring.read(path)[0].id == fresh.id


def test_an_id_is_made_of_the_key_by_a_hash() -> None:
    """It stands in the database and in logs: it says which key, and nothing about it."""
    assert PersonalKey(SECRET).id == hashlib.sha256(b"fealty personal key" + SECRET).hexdigest()[:16]


def test_the_key_of_a_customer_is_wrapped_as_the_decision_says() -> None:
    """Somebody who has the file and a dump can open it with any library."""
    wrapped = PersonalKey(SECRET).wrap(b"k" * 32, subject_key(77))
    assert AESGCM(SECRET).decrypt(wrapped[:12], wrapped[12:], b"fealty subject key\x0077") == b"k" * 32


def test_a_wrapped_key_opens_for_its_customer_and_its_key_only() -> None:
    """Who may write the table, and not read the file, must not give one person's key to another."""
    key = PersonalKey(SECRET)
    wrapped = key.wrap(b"k" * 32, subject_key(77))
    assert key.unwrap(wrapped, subject_key(77)) == b"k" * 32
    changed = bytes([wrapped[0] ^ 1]) + wrapped[1:]
    for other, text, customer in ((key, wrapped, 78), (new_key(), wrapped, 77), (key, changed, 77), (key, b"", 77)):
        with pytest.raises(DoesNotOpen):
            other.unwrap(text, subject_key(customer))


def test_a_file_that_was_copied_by_hand_is_read(path: Path) -> None:
    """From paper, by an editor of another system: spaces and empty lines tell nothing."""
    path.parent.mkdir()
    path.write_text(f"\r\n# remark\r\n {SECRET.hex().upper()} \r\n\r\n", newline="")
    assert [key.id for key in keyring.read(path)] == [PersonalKey(SECRET).id]


@pytest.mark.parametrize(
    "text",
    ["", "# only a remark\n", "00" * 31, "00" * 33, "zz" * 32, SECRET.hex() + "\n0001\n", "pässword"],
    ids=["empty", "remark", "short", "long", "no hex", "cut", "no ascii"],
)
def test_a_broken_file_is_refused_and_never_quoted(path: Path, text: str) -> None:
    """A key with a letter missing is still most of a key; a sentence about it comes into logs."""
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(KeyringError, match=r"is no file of personal keys, or was cut") as refused:
        keyring.read(path)
    assert str(path) in str(refused.value)
    assert not [line for line in text.splitlines() if line and line in str(refused.value)]


def test_a_file_that_is_not_there_says_what_to_do(path: Path) -> None:
    """The commonest trouble after a restore on a new host."""
    with pytest.raises(KeyringError, match=f"no file of personal keys at {path}.*`fealty personal-key create`"):
        keyring.load(path)


def test_a_place_that_cannot_be_used_is_named(path: Path) -> None:
    """A folder where the file should be, a file where its folder should be."""
    path.mkdir(parents=True)
    with pytest.raises(KeyringError, match="cannot be read"):
        keyring.read(path)
    (path.parent / "file").write_text("")
    with pytest.raises(KeyringError, match="cannot be written"):
        keyring.write(path.parent / "file" / "personal.key", [new_key()])


def test_a_key_that_came_later_is_found_in_the_file(path: Path) -> None:
    """Servers that run while keys are rotated go on, and those that have an old key still in hand keep it."""
    old, newer = new_key(), new_key()
    keyring.write(path, [old])
    held = keyring.load(path)
    keyring.write(path, [newer])
    assert held.key(newer.id).id == newer.id
    assert held.key(old.id).id == old.id
    with pytest.raises(KeyringError, match=f"{'0' * 16} is not in {path}"):
        held.key("0" * 16)


def test_whoever_needs_no_keys_has_none() -> None:
    """Workers and clocks never see what persons told us in the log."""
    with pytest.raises(KeyringError):
        keyring.NO_KEYS.key(new_key().id)


def test_no_key_is_shown_by_accident() -> None:
    """What is printed of a fault comes into logs."""
    key = PersonalKey(SECRET)
    shown = f"{key!r} {key} {Keyring([key])!r} {vars(Keyring([key]))!r}"
    assert SECRET.hex() not in shown
    assert repr(SECRET) not in shown
