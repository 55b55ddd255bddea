"""What an operator finds out about pushes, and does about them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli.wallet.checks import examine
from cli.wallet.standing import lacks
from storage.engine.database import Database
from storage.engine.unit import transaction
from storage.passes import halts
from storage.passes.halts import Platform
from tests.cli.terminal import Terminal, free_port
from tests.storage.passes.carrying import LOYALTY, template
from tests.storage.scene import Scene
from tests.wallet.apple.service import TOPIC, Standing, standing
from tests.wallet.signing import PASS_TYPE, lay
from tests.workers.acting import rows
from wallet.apple.certificates import KEY_FILE
from wallet.settings import WalletSettings
from walletkit.apns import Scripted
from workers.limits import PROBE_EVERY


def found(apple: Standing) -> tuple[str, str, bool]:
    """What the doctor says of pushes: what, what to do, whether that is all right."""
    nowhere = f"https://127.0.0.1:{free_port()}"
    settings = WalletSettings(
        wallet_dir=apple.folder, wallet_ca_file=apple.trust, apns_url=apple.service.url, google_wallet_url=nowhere
    )
    [line] = [finding for finding in examine(settings) if finding.check == "pushes"]
    return line.found, line.advice, line.ok


def test_the_doctor_knows_whether_apple_takes_pushes_without_waking_anybody(tmp_path: Path) -> None:
    """The answer that the token is nobody's says that certificate and topic are accepted."""
    with standing(tmp_path) as apple:
        apple.service.knows_only_issued = True
        assert found(apple) == (f"{apple.service.url} takes pushes of {TOPIC}", "", True)
        assert apple.service.taken("00" * 32) == []


@pytest.mark.parametrize(
    ("scripted", "said", "advice"),
    [
        (Scripted(403, "BadCertificate"), "answers 403 BadCertificate", "make a new certificate"),
        (Scripted(400, "TopicDisallowed"), "answers 400 TopicDisallowed", "another pass type"),
        (Scripted(503, "ServiceUnavailable"), "answers 503 ServiceUnavailable", "ask again in a moment"),
        (Scripted(200), "answers 200", "FEALTY_APNS_URL"),
    ],
)
def test_the_doctor_says_what_apple_does_not_like_and_what_to_do(
    tmp_path: Path, scripted: Scripted, said: str, advice: str
) -> None:
    """One sentence each; a service that takes a push to nobody is not Apple's."""
    with standing(tmp_path) as apple:
        apple.service.answer_all = scripted
        what, to_do, ok = found(apple)
    assert said in what
    assert advice in to_do
    assert not ok


def test_the_doctor_says_where_apple_cannot_be_reached(tmp_path: Path) -> None:
    """Many networks let nobody out but by a proxy."""
    with standing(tmp_path) as apple:
        apple.service.stop()
        what, to_do, ok = found(apple)
    assert what.endswith("(Connection refused)")
    assert "port 443" in to_do
    assert not ok


def test_the_doctor_names_the_templates_whose_account_nobody_has_and_what_is_stopped(
    terminal: Terminal, database: Database, database_url: str, tmp_path: Path
) -> None:
    """A server does not know the folder, so it takes a mistyped name; the card is then in no wallet, without a word."""
    scene = Scene(database, "ada")
    lay(tmp_path)
    template(scene, replace(LOYALTY, apple_pass_type=PASS_TYPE), "good")
    template(scene, replace(LOYALTY, apple_pass_type="pass.nope", google_issuer="42"), "wrong")
    with transaction(database) as unit:
        halts.begin(unit, Platform.APPLE, TOPIC, "BadCertificate", PROBE_EVERY)
    nowhere = f"https://127.0.0.1:{free_port()}"
    given = {"FEALTY_DATABASE_URL": database_url, "FEALTY_WALLET_DIR": str(tmp_path), "FEALTY_APNS_URL": nowhere}
    told = terminal.run("wallet", "doctor", "--json", **given, FEALTY_GOOGLE_WALLET_URL=nowhere)
    checks = json.loads(told.out)["checks"]
    name = "programs/coffee/passTemplates/wrong"
    assert [one["found"] for one in checks if one["check"] == "template"] == [
        f"{name} names the account pass.nope, which is not here",
        f"{name} names the account 42, which is not here",
    ]
    [stopped] = [one for one in checks if one["check"] == "stopped"]
    assert TOPIC in stopped["found"]
    assert "new certificate" in stopped["advice"]


def test_an_operator_sees_what_is_stopped_and_lets_it_go_on(
    terminal: Terminal, database: Database, database_url: str
) -> None:
    """Who has mended it need not wait; the log says who it was."""
    given = {"FEALTY_DATABASE_URL": database_url}
    assert terminal.run("wallet", "resume", **given).out.startswith("Nothing is stopped.")
    with transaction(database) as unit:
        halts.begin(unit, Platform.APPLE, TOPIC, "BadCertificate", PROBE_EVERY)
    shown = terminal.run("wallet", "resume", **given).out
    assert shown.startswith(f"{TOPIC} (Apple) is stopped since ")
    assert ": BadCertificate\n  -> make a new certificate" in shown
    other = terminal.run("wallet", "resume", "pass.other", **given)
    assert (other.code, "Pushes of pass.other are not stopped" in other.err) == (1, True)
    done = terminal.run("wallet", "resume", TOPIC, **given)
    assert (done.code, done.out) == (0, f"Pushes of {TOPIC} go on: what waits is tried within minutes.\n")
    assert rows(database, "SELECT count(*) FROM push_halt") == [(0,)]


def test_what_google_stopped_is_not_asked_of_apple(terminal: Terminal, database: Database, database_url: str) -> None:
    """Their words are not each other's."""
    with transaction(database) as unit:
        halts.begin(unit, Platform.GOOGLE, "3388", "permissionDenied", PROBE_EVERY)
    shown = terminal.run("wallet", "resume", FEALTY_DATABASE_URL=database_url).out
    assert ("Google answers" in shown, "Apple" in shown) == (True, False)


def test_what_cards_lack_is_said_by_whoever_starts_all_of_it(tmp_path: Path) -> None:
    """Else it stands in the logs of processes that nobody reads; where nobody set cards up, nothing is lacking."""
    assert list(lacks(WalletSettings())) == []
    [nothing] = lacks(WalletSettings(wallet_dir=tmp_path))
    assert nothing.startswith(f"There is no account in {tmp_path}")
    key = lay(tmp_path) / KEY_FILE
    [address] = lacks(WalletSettings(wallet_dir=tmp_path))
    assert "FEALTY_PASSES_URL" in address
    key.write_bytes(b"no key")
    assert any("key.pem" in said for said in lacks(WalletSettings(wallet_dir=tmp_path)))
