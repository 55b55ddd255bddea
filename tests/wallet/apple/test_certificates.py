"""What is wrong with an account is said before anything is signed: a phone only says that the card cannot be added."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.wallet.signing import PASS_TYPE, PASSWORD, TEAM, authority, lay, leaf
from wallet.accounts import load
from wallet.apple import certificates
from wallet.apple.certificates import CERTIFICATE_FILE, KEY_FILE, WWDR_FILE, load_account
from wallet.failures import AccountAmbiguous, AccountInvalid, AccountMissing, FolderUnreadable
from walletkit.authority import AppleAuthority, Identity

NOW = datetime.now(UTC)


def test_an_account_in_order_is_read(tmp_path: Path) -> None:
    """By the pass type that its folder is called by, or as the only one."""
    lay(tmp_path)
    accounts = load(tmp_path)
    assert accounts.apple() == accounts.apple(PASS_TYPE)
    assert (accounts.apple().pass_type, accounts.apple().team) == (PASS_TYPE, TEAM)
    assert accounts.faults == ()


def test_a_locked_key_opens_with_its_password_only(tmp_path: Path) -> None:
    """And the password, or the key, is in nothing that is printed."""
    place = lay(tmp_path, password=PASSWORD)
    account = load_account(place, PASSWORD, NOW)
    assert account.sign(b"{}")
    assert PASSWORD not in repr(account)
    for wrong in ("", "wrong"):
        with pytest.raises(certificates.KeyLocked, match="FEALTY_WALLET_KEY_PASSWORD"):
            load_account(place, wrong, NOW)


def test_a_password_is_no_fault_where_a_key_has_none(tmp_path: Path) -> None:
    """One variable holds for the keys of all accounts."""
    assert load_account(lay(tmp_path), PASSWORD, NOW).sign(b"{}")


def _with_leaf(made: Callable[[], Identity]) -> Callable[[Path], None]:
    return lambda folder: (lay(folder, made()), None)[1]


def _swapped(file: str, data: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda folder: ((lay(folder) / file).write_bytes(data()), None)[1]


def _elliptic() -> bytes:
    return Identity(leaf().certificate, ec.generate_private_key(ec.SECP256R1())).key_pem()


FAULTS: dict[str, tuple[Callable[[Path], None], type[AccountInvalid], str]] = {
    "key of another": (
        _swapped(KEY_FILE, lambda: authority().wwdr.identity.key_pem()),
        certificates.KeyOfAnother,
        "asked for with",
    ),
    "wrong generation": (
        _swapped(WWDR_FILE, lambda: authority().generation("G6").pem),
        certificates.IssuerOther,
        "OU=G4",
    ),
    "root for intermediate": (
        _swapped(WWDR_FILE, lambda: authority().root.pem),
        certificates.IssuerOther,
        "certificateauthority",
    ),
    "impostor": (_swapped(WWDR_FILE, lambda: AppleAuthority().wwdr.pem), certificates.IssuerNotSigning, "anew"),
    "another pass type": (
        _with_leaf(lambda: authority().pass_type("pass.com.example.other", TEAM)),
        certificates.OfAnotherPassType,
        "other",
    ),
    "for apps": (
        _with_leaf(lambda: authority().pass_type(PASS_TYPE, TEAM, purposes=[ExtendedKeyUsageOID.CLIENT_AUTH])),
        certificates.NoPassCertificate,
        "Pass Type IDs",
    ),
    "no team": (_with_leaf(lambda: authority().pass_type(PASS_TYPE, "Club")), certificates.TeamMissing, '"Club"'),
    "expired": (
        _with_leaf(lambda: authority().pass_type(PASS_TYPE, TEAM, now=NOW - timedelta(days=400))),
        certificates.Expired,
        "ask Apple for a new one",
    ),
    "not yet": (
        _with_leaf(lambda: authority().pass_type(PASS_TYPE, TEAM, now=NOW + timedelta(days=2))),
        certificates.NotYetValid,
        "set the clock",
    ),
    "as DER": (
        _swapped(CERTIFICATE_FILE, lambda: leaf().certificate.public_bytes(Encoding.DER)),
        certificates.NotPem,
        "openssl x509",
    ),
    "no key": (_swapped(KEY_FILE, lambda: b"-----BEGIN NOTHING-----"), certificates.NotPem, "private key"),
    "elliptic key": (_swapped(KEY_FILE, _elliptic), certificates.KeyNotRsa, "RSA"),
    "missing": (lambda folder: (lay(folder) / WWDR_FILE).unlink(), certificates.FileUnreadable, "No such file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_by_what_to_do(tmp_path: Path, fault: str) -> None:
    """They are the faults that people report most; with each, the sentence names the file and the way out."""
    make, kind, said = FAULTS[fault]
    make(tmp_path)
    accounts = load(tmp_path)
    with pytest.raises(kind, match=said) as raised:
        accounts.apple()
    assert str(tmp_path) in str(raised.value)
    assert [type(one) for one in accounts.faults] == [kind]


def test_an_intermediate_that_ended_stops_the_account(tmp_path: Path) -> None:
    """The leaf may live on; phones follow the chain."""
    wwdr = authority().generation("G5", NOW - timedelta(days=100), timedelta(days=99))
    place = lay(tmp_path, authority().pass_type(PASS_TYPE, TEAM, by=wwdr), wwdr)
    with pytest.raises(certificates.Expired, match=WWDR_FILE):
        load_account(place, "", NOW)


def test_one_broken_account_stops_no_other(tmp_path: Path) -> None:
    """A certificate that ended must not keep workers, or the other pass type, from running."""
    (lay(tmp_path) / KEY_FILE).unlink()
    other = tmp_path / "apple" / "pass.com.example.other"
    authority_leaf = authority().pass_type(other.name, TEAM)
    other.mkdir()
    authority_leaf.write(other / CERTIFICATE_FILE, other / KEY_FILE)
    (other / WWDR_FILE).write_bytes(authority().wwdr.pem)
    accounts = load(tmp_path)
    assert accounts.apple(other.name).sign(b"{}")
    with pytest.raises(certificates.FileUnreadable):
        accounts.apple(PASS_TYPE)
    with pytest.raises(AccountAmbiguous, match=f"{PASS_TYPE}, {other.name}"):
        accounts.apple()


@pytest.mark.parametrize("name", ["", "pass.com.example.nobody"])
def test_an_account_that_is_not_there_is_missing(tmp_path: Path, name: str) -> None:
    """Also where there is no folder at all."""
    for folder in (None, tmp_path):
        with pytest.raises(AccountMissing, match="FEALTY_WALLET_DIR"):
            load(folder).apple(name)


def test_a_folder_that_cannot_be_looked_into_is_told_of(tmp_path: Path) -> None:
    """Accounts that seem not to be there would be looked for elsewhere."""
    (tmp_path / "apple").write_text("a file")
    with pytest.raises(FolderUnreadable, match="Not a directory"):
        load(tmp_path)


def test_an_end_is_told_of_four_times(tmp_path: Path) -> None:
    """At 30, 14, 7 and 1 days: once may be missed, and every day nobody reads."""
    account = load_account(lay(tmp_path), "", NOW)
    ends = account.certificate.not_valid_after_utc
    stages = {days: account.warnings(ends - timedelta(days=days)) for days in (31, 30, 15, 14, 8, 7, 2, 1, 0)}
    told = {days: [(one.file, one.stage, one.days_left) for one in found] for days, found in stages.items()}
    assert told == {
        31: [],
        30: [(CERTIFICATE_FILE, 30, 30)],
        15: [(CERTIFICATE_FILE, 30, 15)],
        14: [(CERTIFICATE_FILE, 14, 14)],
        8: [(CERTIFICATE_FILE, 14, 8)],
        7: [(CERTIFICATE_FILE, 7, 7)],
        2: [(CERTIFICATE_FILE, 7, 2)],
        1: [(CERTIFICATE_FILE, 1, 1)],
        0: [(CERTIFICATE_FILE, 0, 0)],
    }


def test_the_end_of_the_intermediate_is_told_of_too(tmp_path: Path) -> None:
    """It is Apple's, so nobody else watches it."""
    wwdr = authority().generation("G5", NOW, timedelta(days=20))
    place = lay(tmp_path, authority().pass_type(PASS_TYPE, TEAM, by=wwdr), wwdr)
    [told] = load_account(place, "", NOW).warnings(NOW)
    assert (told.file, told.stage) == (WWDR_FILE, 30)
    assert "intermediate" in told.advice
