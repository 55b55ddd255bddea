"""What is kept of a personal value, by the words of docs/decisions/0030 and nothing of ours."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from storage.engine.keyring import DoesNotOpen
from storage.personal.sealing import commitment, seal, unseal

KEY = bytes(range(32))
ACTIVITY = "0197a1b2-0000-7000-8000-000000000001"
# No half of a pair: what came over the wire is UTF-8.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.one_of(TEXTS, st.lists(st.dictionaries(TEXTS, TEXTS), max_size=3))


@given(VALUES)
def test_somebody_else_can_open_it_and_prove_it(value: Any) -> None:
    """A verifier in another language has the decision, a dump and the file, and no code of ours."""
    sealed = seal(KEY, ACTIVITY, "email", "after", value)
    nonce, ciphertext = sealed.ciphertext[:12], sealed.ciphertext[12:]
    opened = AESGCM(KEY).decrypt(nonce, ciphertext, f"{ACTIVITY}\0email\0after".encode())
    salt, text = opened[:16], opened[16:]
    assert json.loads(text) == value
    digest = hashlib.sha256(salt + b"email\0after\0" + text).digest()
    assert sealed.commitment == base64.urlsafe_b64encode(digest).decode().rstrip("=")


@given(VALUES)
def test_a_value_has_one_spelling(value: Any) -> None:
    """Who knows the value and the salt comes to the same commitment."""
    opened = unseal(KEY, ACTIVITY, "email", "after", seal(KEY, ACTIVITY, "email", "after", value).ciphertext)
    spelt = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert opened.text.decode() == spelt
    assert opened.value == value


def test_what_is_sealed_opens_in_its_place_only() -> None:
    """Moved to another activity, field or side, or under another key, it is no answer but a fault."""
    ciphertext = seal(KEY, ACTIVITY, "email", "after", "ada@example.com").ciphertext
    other = ACTIVITY[:-1] + "2"
    for place in ((other, "email", "after"), (ACTIVITY, "name", "after"), (ACTIVITY, "email", "before")):
        with pytest.raises(DoesNotOpen):
            unseal(KEY, *place, ciphertext)
    with pytest.raises(DoesNotOpen):
        unseal(bytes(32), ACTIVITY, "email", "after", ciphertext)
    with pytest.raises(DoesNotOpen):
        unseal(KEY, ACTIVITY, "email", "after", ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]))


def test_the_same_value_is_never_sealed_the_same_way() -> None:
    """Two people with one telephone number must not be seen to have it."""
    first, second = (seal(KEY, ACTIVITY, "phone_number", "after", "+420601123456") for _ in range(2))
    assert first.commitment != second.commitment
    assert first.ciphertext[12:] != second.ciphertext[12:]


def test_each_part_changes_the_commitment() -> None:
    """Else one value could be passed off as that of another field, or of the other side."""
    made = {
        commitment(b"s" * 16, "email", "after", b'"a"'),
        commitment(b"t" * 16, "email", "after", b'"a"'),
        commitment(b"s" * 16, "name", "after", b'"a"'),
        commitment(b"s" * 16, "email", "before", b'"a"'),
        commitment(b"s" * 16, "email", "after", b'"b"'),
    }
    assert len(made) == 5
