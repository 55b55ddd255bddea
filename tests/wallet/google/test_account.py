"""Service accounts as operators put them there: each fault is a sentence that says what to do, and quotes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.wallet.google.cards import ISSUER, Google
from wallet.accounts import load
from wallet.failures import AccountInvalid, AccountMissing
from wallet.google.account import (
    GoogleFileForeign,
    GoogleFileIncomplete,
    GoogleFileUnreadable,
    IssuerNotNumber,
    load_account,
)

Change = Callable[[dict[str, Any]], object]


def test_an_account_is_found_by_its_issuer(google: Google, tmp_path: Path) -> None:
    """The file's name says for whom it speaks; the only one serves templates that name none."""
    (tmp_path / "google").mkdir()
    google.account_file.rename(tmp_path / "google" / f"{ISSUER}.json")
    accounts = load(tmp_path)
    assert accounts.google() is accounts.google(ISSUER)
    assert [account.issuer for account in accounts.google_accounts] == [ISSUER]
    with pytest.raises(AccountMissing, match="no account 17 of Google"):
        accounts.google("17")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda info: info.update(type="authorized_user"), GoogleFileForeign),
        (lambda info: info.pop("client_email"), GoogleFileIncomplete),
        (lambda info: info.pop("private_key"), GoogleFileIncomplete),
        (lambda info: info.update(private_key="-----BEGIN PRIVATE KEY-----\nsecret\n"), GoogleFileIncomplete),
        (lambda info: info.update(token_uri=""), GoogleFileIncomplete),
        (lambda info: info.update(token_uri="http://oauth2.googleapis.com/token"), GoogleFileIncomplete),
        (lambda info: info.update(client_email=7), GoogleFileIncomplete),
    ],
)
def test_a_file_that_cannot_serve_is_said_to(google: Google, change: Change, fault: type[AccountInvalid]) -> None:
    """At the start, and not when the first card is pushed; the secret stays in the file."""
    info = json.loads(google.account_file.read_text())
    change(info)
    google.account_file.write_text(json.dumps(info))
    with pytest.raises(fault) as said:
        load_account(google.account_file)
    assert "secret" not in str(said.value)


@pytest.mark.parametrize("content", ["", "[]", "{", '"text"', "\ufeff{}", "{" * 100_000])
def test_what_is_no_account_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    """Somebody saved the page instead of the file."""
    file = tmp_path / f"{ISSUER}.json"
    file.write_text(content)
    with pytest.raises(GoogleFileForeign, match="no key of a service account"):
        load_account(file)


def test_a_file_that_is_called_otherwise_or_not_there_is_said_to(tmp_path: Path) -> None:
    """One fault does not hide the others: each account stands alone."""
    with pytest.raises(IssuerNotNumber):
        load_account(tmp_path / "wallet.json")
    with pytest.raises(GoogleFileUnreadable, match="FileNotFoundError"):
        load_account(tmp_path / "17.json")
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "17.json").write_text("{}")
    (tmp_path / "google" / "club.json").write_text("{}")
    assert {type(fault) for fault in load(tmp_path).faults} == {GoogleFileForeign, IssuerNotNumber}
