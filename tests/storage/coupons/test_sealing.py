"""How codes lie in the database: found and told apart by whoever has the key, and by nobody else."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from rules.coupons.codes import Code, Pattern, make
from storage.coupons.sealing import CODE_KEY_BYTES, CodeSeals
from storage.engine.keyring import DoesNotOpen

KEY = bytes(range(CODE_KEY_BYTES))
SEALS = CodeSeals(KEY)
CODE = Code("SUMMER7XKQWM")


def test_a_code_is_sealed_as_the_decision_says() -> None:
    """Somebody who has the file and a dump can open it with any library."""
    sealed = SEALS.seal("coffee", CODE)
    assert AESSIV(KEY).decrypt(sealed, [b"coffee"]) == b"SUMMER7XKQWM"
    assert sealed.hex() == "11d0f8bcafb6fae59f3646a2ea04b6963fe3a1b29b05bf1556a0ce74"


@given(st.text("ABCXYZ0189", min_size=4, max_size=40), st.sampled_from(["coffee", "tea", ""]))
def test_the_same_code_is_always_sealed_to_the_same(text: str, program_id: str) -> None:
    """It is found, and kept from coming twice, by what is sealed: by any process, also years later."""
    again = CodeSeals(KEY)
    sealed = SEALS.seal(program_id, Code(text))
    assert again.seal(program_id, Code(text)) == sealed
    assert again.seal_all(program_id, [text]) == [sealed]
    assert again.unseal(program_id, sealed) == text
    assert len(sealed) == len(text) + 16


def test_a_code_opens_in_its_program_and_as_it_was_sealed_only() -> None:
    """Who may write the table, and has no key, can neither make a code nor take one to another program."""
    sealed = SEALS.seal("coffee", CODE)
    changed = [bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]]) for place in (0, 15, 16, 27)]
    others = [(SEALS, "tea", sealed), (CodeSeals(bytes(CODE_KEY_BYTES)), "coffee", sealed)]
    for seals, program_id, text in [*others, *((SEALS, "coffee", one) for one in [*changed, sealed[:-1], b""])]:
        with pytest.raises(DoesNotOpen):
            seals.unseal(program_id, text)


def test_the_same_code_of_two_programs_has_nothing_in_common() -> None:
    """Nobody can see that a competitor's campaign has the same one."""
    one, other = SEALS.seal("coffee", CODE), SEALS.seal("tea", CODE)
    assert SEALS.fingerprint(one) != SEALS.fingerprint(other)
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 10


def test_a_fingerprint_tells_codes_apart_and_nothing_about_them() -> None:
    """It stands in logs in place of the code; without the key nobody can make it of a guess."""
    made = make(Pattern(), 20_000)
    sealed = SEALS.seal_all("coffee", made)
    fingerprints = {SEALS.fingerprint(one) for one in sealed}
    assert len(fingerprints) == 20_000
    assert all(len(one) == 16 and bytes.fromhex(one) for one in fingerprints)
    assert SEALS.fingerprint(CodeSeals(bytes(CODE_KEY_BYTES)).seal("coffee", Code(made[0]))) not in fingerprints


def test_threads_share_the_seals() -> None:
    """Workers seal on several threads, and a server unseals on others, with what was loaded once."""
    made = make(Pattern(), 4_000)
    expected = SEALS.seal_all("coffee", made)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: SEALS.seal("coffee", Code(text)), made)) == expected
        assert list(threads.map(lambda sealed: SEALS.unseal("coffee", sealed), expected)) == made


def test_nothing_that_is_printed_of_seals_is_their_key() -> None:
    """They stand in the books of a server and in each of its calls, which faults may print."""
    shown = repr(SEALS) + str(vars(SEALS))
    assert KEY.hex() not in shown
    assert repr(KEY)[2:20] not in shown
