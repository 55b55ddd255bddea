"""`fealty wallet`: an operator sees what is wrong with accounts before a customer does, and a card without a server."""

import json
import shutil
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from cli.checks import Finding
from cli.wallet.checks import examine
from storage.engine.database import Database
from tests.cli.terminal import Terminal, free_port
from tests.cli.wallet.answering import answering
from tests.storage.passes.carrying import LOYALTY, redesign, template
from tests.storage.scene import Scene
from tests.wallet.signing import PASS_TYPE, PASSWORD, TEAM, authority, lay, leaf
from wallet.apple.certificates import KEY_FILE
from wallet.apple.validation import validate
from wallet.settings import WalletSettings
from walletkit import cms, pkpass

NOW = datetime.now(UTC)
NOWHERE = "https://127.0.0.1:1"


def test_a_card_is_written_without_an_account(terminal: Terminal) -> None:
    """Nobody has one on the first day; it says that phones do not take this card."""
    done = terminal.run("wallet", "issue-demo")
    assert done.code == 0, done
    assert "stand-in" in done.err
    with zipfile.ZipFile(terminal.folder / "fealty-demo.pkpass") as opened:
        card = validate(opened.read("pass.json"))
        cms.verify(opened.read("manifest.json"), opened.read("signature"))
    assert card["storeCard"]["headerFields"][0]["value"] == 1250
    again = terminal.run("wallet", "issue-demo")
    assert again.code == 1
    assert "--force" in again.err


def test_a_card_is_signed_with_the_account_there_is(terminal: Terminal, tmp_path: Path) -> None:
    """The first thing that an operator with a new certificate does: a phone that trusts its root takes the card."""
    lay(tmp_path, password=PASSWORD)
    given = {"FEALTY_WALLET_DIR": str(tmp_path), "FEALTY_WALLET_KEY_PASSWORD": PASSWORD}
    done = terminal.run("wallet", "issue-demo", "card.pkpass", **given)
    assert done.code == 0, done
    assert f"{PASS_TYPE} of team {TEAM}" in done.err
    card = pkpass.read((terminal.folder / "card.pkpass").read_bytes(), authority().root.certificate)
    assert card.fields("de")["points"].label == "Punkte"
    wrong = terminal.run("wallet", "issue-demo", "other.pkpass", **{**given, "FEALTY_WALLET_KEY_PASSWORD": "wrong"})
    assert wrong.code == 1
    assert "does not open with the password" in wrong.err
    assert PASSWORD not in done.err + wrong.err
    assert not (terminal.folder / "other.pkpass").exists()


def test_a_machine_without_anything_is_told_what_to_do(terminal: Terminal) -> None:
    """Each line says it, none is a traceback, and the exit code says that passes do not work."""
    done = terminal.run("wallet", "doctor", "--json", FEALTY_GOOGLE_WALLET_URL=f"https://127.0.0.1:{free_port()}")
    assert (done.code, done.err) == (1, "")
    found = json.loads(done.out)
    assert [(one["check"], one["ok"]) for one in found["checks"]][:3] == [
        ("accounts", False),
        ("address", False),
        ("clock", True),
    ]
    assert all(one["advice"] for one in found["checks"][:3])


@pytest.mark.parametrize("variable", ["FEALTY_PASSES_URL", "FEALTY_WALLET_DIR", "FEALTY_APNS_URL"])
def test_a_setting_that_cannot_be_used_is_one_sentence(terminal: Terminal, variable: str) -> None:
    """Phones call by https only, and a folder that is not there holds no account."""
    done = terminal.run("wallet", "doctor", **{variable: "http://passes.example.com"})
    assert done.code == 1
    assert variable in done.err
    assert "Traceback" not in done.err


def test_an_address_with_a_path_is_refused(terminal: Terminal) -> None:
    """Nothing is served below one: a phone would find no card."""
    done = terminal.run("wallet", "doctor", FEALTY_PASSES_URL="https://passes.example.com/cards")
    assert done.code == 1
    assert "FEALTY_PASSES_URL" in done.err
    assert "leave out the path" in done.err


def test_with_two_accounts_a_card_is_asked_for_by_the_option_there_is(terminal: Terminal, tmp_path: Path) -> None:
    """There is no template here that could say which."""
    copytree(lay(tmp_path), tmp_path / "apple" / "pass.com.example.other")
    done = terminal.run("wallet", "issue-demo", FEALTY_WALLET_DIR=str(tmp_path))
    assert (done.code, "--pass-type" in done.err, "template" in done.err) == (1, True, False)


def test_an_account_in_order_is_said_to_be(tmp_path: Path) -> None:
    """With whom it signs as, and until when."""
    lay(tmp_path)
    [account] = _found(tmp_path)["account"]
    assert account.ok
    assert f"{PASS_TYPE} of team {TEAM} signs until {leaf().certificate.not_valid_after_utc:%Y-%m-%d}" in account.found


def test_a_broken_account_is_a_problem(tmp_path: Path) -> None:
    """With what to do, as the library says it."""
    (lay(tmp_path) / KEY_FILE).write_bytes(authority().wwdr.identity.key_pem())
    [account] = _found(tmp_path)["account"]
    assert not account.ok
    assert "is the key of another certificate" in account.found
    assert "ask Apple" in account.advice


@pytest.mark.parametrize(("days", "ok"), [(31, None), (30, True), (8, True), (7, False), (1, False)])
def test_an_end_that_is_near_is_warned_of_and_then_a_problem(tmp_path: Path, days: int, ok: bool | None) -> None:
    """Weeks before it is worth a line; in the last one, an alarm."""
    lay(tmp_path)
    told = _found(tmp_path, leaf().certificate.not_valid_after_utc - timedelta(days=days)).get("certificate", [])
    assert [one.ok for one in told] == ([] if ok is None else [ok])
    assert all(f"ends in {days} days" in one.found and one.advice for one in told)


def test_a_key_that_others_may_read_is_a_problem(tmp_path: Path) -> None:
    """Whoever has it signs cards in the operator's name."""
    key = lay(tmp_path) / KEY_FILE
    assert "key" not in _found(tmp_path)
    key.chmod(0o644)
    assert _found(tmp_path)["key"][0].advice == f"chmod 600 {key}"


def test_an_address_is_called_as_a_phone_calls_it(tmp_path: Path) -> None:
    """A certificate that phones do not believe is a problem. No answer may be this network's; and one of this network
    will do for a trial, but no customer's phone reaches it."""
    root = authority().root
    (tmp_path / "root.pem").write_bytes(root.pem)
    with answering(root.server(), tmp_path) as url:
        [near] = _found(tmp_path, passes_url=url, wallet_ca_file=tmp_path / "root.pem")["address"]
        [unknown] = _found(tmp_path, passes_url=url)["address"]
    assert (near.ok, near.advice) == (True, "name an address of the internet: phones do not reach this one")
    assert not unknown.ok
    assert "public authority" in unknown.advice
    [away] = _found(tmp_path, passes_url=url)["address"]
    assert away.ok
    assert "`fealty passes` runs" in away.advice


@pytest.mark.parametrize(("hosts", "days_ago"), [(["other.example"], 0), (["localhost"], 400)])
def test_a_certificate_of_another_name_or_time_is_a_problem(tmp_path: Path, hosts: list[str], days_ago: int) -> None:
    """Browsers complain; phones just do not update."""
    root = authority().root
    (tmp_path / "root.pem").write_bytes(root.pem)
    with answering(root.server(hosts, now=NOW - timedelta(days=days_ago)), tmp_path) as url:
        [address] = _found(tmp_path, passes_url=url, wallet_ca_file=tmp_path / "root.pem")["address"]
    assert not address.ok
    assert "is not believed" in address.found
    assert (address.advice == "renew it") == (days_ago > 0)


@pytest.mark.parametrize(("ahead_s", "ok"), [(0, True), (60, False), (-60, False)])
def test_a_clock_that_is_wrong_is_a_problem(tmp_path: Path, ahead_s: int, ok: bool) -> None:
    """Tokens and signatures of a wrong clock are refused elsewhere, and nobody says that it is the clock."""
    root = authority().root
    (tmp_path / "root.pem").write_bytes(root.pem)
    with answering(root.server(), tmp_path, timedelta(seconds=ahead_s)) as url:
        [clock] = _found(tmp_path, wallet_ca_file=tmp_path / "root.pem", google_wallet_url=url)["clock"]
    assert clock.ok == ok


def test_templates_that_name_no_account_are_a_problem_where_there_are_several(
    connected: Terminal, database: Database, tmp_path: Path
) -> None:
    """The day a second one is put there, cards in thousands of phones stand still, and nothing else says why."""
    scene, other = Scene(database), tmp_path / "apple" / "pass.com.example.other"
    lay(tmp_path).rename(other)
    lay(tmp_path)

    def told() -> list[tuple[bool, str]]:
        given = {"FEALTY_APNS_URL": NOWHERE, "FEALTY_GOOGLE_WALLET_URL": NOWHERE}
        done = connected.run("wallet", "doctor", "--json", FEALTY_WALLET_DIR=str(tmp_path), **given)
        found = json.loads(done.out)["checks"]
        return [(one["ok"], one["found"]) for one in found if one["check"] == "templates"]

    made = template(scene, replace(LOYALTY, apple_pass_type=PASS_TYPE))
    [(ok, _)] = told()
    assert ok
    redesign(scene, made, LOYALTY)
    [(ok, what)] = told()
    assert not ok
    assert "1 templates name none, such as programs/coffee/passTemplates/card" in what
    shutil.rmtree(other)
    assert told() == []


def _found(folder: Path, now: datetime = NOW, **given: object) -> dict[str, list[Finding]]:
    """What the doctor finds, by check; Apple and Google are not asked unless a test says where they are."""
    nowhere = f"https://127.0.0.1:{free_port()}"
    settings = WalletSettings.model_validate(
        {"wallet_dir": folder, "google_wallet_url": nowhere, "apns_url": nowhere, **given}
    )
    found: dict[str, list[Finding]] = {}
    for finding in examine(settings, now):
        found.setdefault(finding.check, []).append(finding)
    return found
