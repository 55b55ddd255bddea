"""`fealty coupons`, beside a server, a worker and a clock that run."""

import csv
import json
import os
import re
import signal
import stat
import subprocess
import sys

import pytest

from fealty import connect, v1
from rules.coupons.codes import Code, Pattern, check_symbol_is_right
from tests.cli.conftest import connected
from tests.cli.terminal import KEY, Terminal, eventually
from tests.server.conftest import database_url, founded, pytest_pyfunc_call, runner, server, there
from tests.server.serving import customer, program

__all__ = ["at_work", "connected", "database_url", "founded", "pytest_pyfunc_call", "runner", "server", "there"]

ON_A_TERMINAL = "import os, pty; os.dup2(pty.openpty()[1], 1)"


@pytest.fixture
def at_work(serving: Terminal) -> Terminal:
    """A worker and a clock run too."""
    serving.start("worker")
    serving.start("clock")
    return serving


@pytest.fixture
def serving(connected: Terminal) -> Terminal:
    """The key of an administrator is in its environment; the program `coffee` has a campaign `spring`."""
    from cli import health

    connected.start("serve")
    eventually(lambda: health.serving(connected.address))
    [key] = KEY.findall(connected.run("keys", "create", "boss", "--role", "administrator").out)
    connected.environment["FEALTY_API_KEY"] = key
    with connect(connected.address, key) as fealty:
        fealty.programs.CreateProgram(program("coffee"))
        fealty.customers.CreateCustomer(customer("ada"))
        terms = v1.CouponTerms(free_shipping={})
        fealty.coupon_campaigns.CreateCouponCampaign(
            v1.CreateCouponCampaignRequest(
                parent="programs/coffee", campaign_id="spring", campaign=v1.CouponCampaign(terms=terms)
            )
        )
    return connected


def test_codes_are_generated_and_taken_away_as_a_file(at_work: Terminal) -> None:
    """All that somebody needs who prints them; once, unless they say why."""
    made = at_work.run("coupons", "generate", "coffee/spring", "2500", "--yes")
    assert made.code == 0, made.err
    assert made.out == (
        "2,500 codes made, as batch coffee/spring/1: `fealty coupons export coffee/spring/1 --output FILE` takes them "
        "away, once.\n"
    )
    assert "generated 20" in at_work.run("coupons", "batches", "coffee/spring").out
    shown = at_work.run("coupons", "export", "coffee/spring/1", program=ON_A_TERMINAL)
    assert (shown.code, "--output" in shown.err) == (2, True)
    assert ", not taken away" in at_work.run("coupons", "batches", "coffee/spring").out
    file = at_work.folder / "spring.csv"
    taken = at_work.run("coupons", "export", "coffee/spring/1", "--output", str(file))
    assert taken.code == 0, taken.err
    assert taken.out.startswith("2,500 codes, ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = list(csv.DictReader(file.open()))
    assert len({row["code"] for row in rows}) == 2_500
    assert all(check_symbol_is_right(Code(row["code"].replace("-", "")), Pattern()) for row in rows)
    again = at_work.run("coupons", "export", "coffee/spring/1")
    assert (again.code, again.out) == (1, "")
    assert re.search(r"taken away on 20\d\d-\d\d-\d\d at \d\d:\d\d UTC: .* --reason, such as REPRINT", again.err)
    [listed] = json.loads(at_work.run("coupons", "batches", "coffee/spring", "--json").out)
    assert (listed["coupons"], listed["origin"], bool(listed["exported"])) == (2_500, "GENERATED", True)
    once_more = at_work.run("coupons", "export", "programs/coffee/couponCampaigns/spring/batches/1", "--reason", "LOST")
    assert once_more.out.encode() == file.read_bytes()


def test_whoever_waits_before_a_terminal_sees_how_far_it_is(at_work: Terminal) -> None:
    """A million codes take a while to come; a script is told nothing of it."""
    assert at_work.run("coupons", "generate", "coffee/spring", "2500", "--yes").code == 0
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "cli.main", "coupons", "export", "coffee/spring/1", "--output", "taken.csv"]
    done = subprocess.run(
        command, env=at_work.environment, cwd=at_work.folder, stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    said = os.read(ours, 1 << 16).decode()
    for end in (ours, theirs):
        os.close(end)
    assert done.stdout.startswith(b"2,500 codes, ")
    assert "taking codes away" in said
    assert "100%" in said
    quiet = at_work.run("coupons", "export", "coffee/spring/1", "--output", "again.csv", "--reason", "LOST")
    assert (quiet.code, quiet.err) == (0, "")


def test_codes_are_taken_from_a_file_and_bad_lines_are_shown(serving: Terminal) -> None:
    """By their numbers, so that an editor finds them; nothing is taken before somebody has decided."""
    file = serving.folder / "codes.csv"
    file.write_text("code,customer\nAAAA-1111,ada\nBB,\nCCCC-3333,\n")
    refused = serving.run("coupons", "import", "coffee/spring", str(file))
    assert refused.code == 1
    assert refused.out.splitlines()[0].startswith("line 3: CODE_MALFORMED. A code has ")
    assert refused.out.splitlines()[-1] == "0 codes of 3 lines taken."
    assert "--skip-bad-lines" in refused.err
    would = serving.run("coupons", "import", "coffee/spring", str(file), "--skip-bad-lines", "--dry-run")
    assert (would.code, would.out.splitlines()[-1]) == (0, "2 codes of 3 lines would be taken.")
    taken = serving.run("coupons", "import", "coffee/spring", str(file), "--skip-bad-lines", "--json")
    assert taken.code == 0, taken.err
    told = json.loads(taken.out)
    assert (told["coupons"], told["lines"], told["bad_lines"][0]["line"]) == (2, 3, 3)
    all_bad = serving.run("coupons", "import", "coffee/spring", str(file), "--skip-bad-lines")
    assert (all_bad.code, "no line is good" in all_bad.err) == (1, True)
    lines = serving.folder / "codes.jsonl"
    lines.write_text('{"code": "DDDD4444", "last_day": "2020-12-31"}\n')
    past, one = serving.run("coupons", "import", "coffee/spring", str(lines)).out.splitlines()
    assert past == "1 line is good, but of a last_day that is past: expired at once."
    assert one.startswith("1 code of 1 line taken")


def test_of_a_file_that_nothing_is_taken_of_the_advice_is_one_that_helps(serving: Terminal) -> None:
    """A script must not go on as if there were codes; to leave lines out would help none of these."""
    file = serving.folder / "codes.txt"
    for text, shown, advised, *more in (
        ("code;customer\nAAAA;ada\n", "semicolons; commas are wanted", "correct the header", "--skip-bad-lines"),
        ('{"code": "AAAA"}\n', "it is NDJSON", "--format ndjson", "--dry-run"),
        ("AAAA\nBBBB\n", "Is the header missing?", "correct the header"),
        ("", "0 codes of 0 lines", "no line with a code"),
        ("code\n", "0 codes of 0 lines", "no line with a code", "--skip-bad-lines"),
    ):
        file.write_text(text)
        refused = serving.run("coupons", "import", "coffee/spring", str(file), *more)
        assert (refused.code, shown in refused.out, advised in refused.err) == (1, True, True), refused
        assert "--skip-bad-lines" not in refused.err


def test_what_is_being_made_can_be_watched_again_and_cancelled(serving: Terminal) -> None:
    """Whoever pressed Ctrl-C, or whose server stopped, has its name and goes on from there."""
    making = serving.start("coupons", "generate", "coffee/spring", "300", "--yes")
    making.await_said("making codes")
    interrupted = making.end(signal.SIGINT)
    assert interrupted.code == 130
    [name] = re.findall(r"`fealty coupons watch (coffee/operation_\w+)`", interrupted.err)
    watching = serving.start("coupons", "watch", name)
    watching.await_said("making codes")
    cancelled = serving.run("coupons", "cancel", name)
    assert cancelled.out == "Cancelled: of 300 codes 0 had been made, and none is left.\n", cancelled.err
    told = watching.await_end()
    assert (told.code, "omebody cancelled it" in told.err) == (1, True)
    again = serving.run("coupons", "cancel", name)
    assert (again.code, "nothing is left to cancel" in again.err) == (1, True)
    unknown = serving.run("coupons", "watch", name[:-4] + "0000")
    assert (unknown.code, "no such operation" in unknown.err) == (1, True)


def test_where_the_server_stops_meanwhile_the_name_is_told_too(serving: Terminal) -> None:
    """The codes are made all the same, and a second making would be a second million."""
    making = serving.start("coupons", "generate", "coffee/spring", "300", "--yes")
    making.await_said("making codes")
    serving.kill("serve")
    ended = making.await_end()
    assert ended.code == 1
    assert re.search(r"goes on by itself: `fealty coupons watch coffee/operation_\w+`", ended.err)
    assert "No server answers" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("generate", "spring", "5"), 2, "write it like coffee/spring"),
        (("generate", "coffee/spring", "0"), 2, "no whole number from 1 to 10_000_000"),
        (("generate", "coffee/spring", "1e4"), 2, "write it like 10000"),
        (("watch", "coffee/spring"), 2, "is no operation; write it as"),
        (("cancel", "operation_1"), 2, "is no operation; write it as"),
        (("batches", "coffee"), 2, "write it like coffee/spring"),
        (("export", "coffee/spring"), 2, "write it like coffee/spring/1"),
        (("export", "coffee/spring/1"), 1, "An API key is needed"),
        (("import", "coffee/spring", "/no/such/file"), 2, "does not exist"),
    ],
)
def test_whoever_asks_wrongly_reads_what_to_do(
    connected: Terminal, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """In a sentence, before anything is sent."""
    outcome = connected.run("coupons", *arguments)
    assert outcome.code == code
    assert said in outcome.err


def test_without_yes_somebody_is_asked_and_what_is_refused_is_said_before(serving: Terminal) -> None:
    """A million codes too many are not thrown away unseen."""
    refused = serving.run("coupons", "generate", "coffee/spring", "730", "--pattern", "######")
    assert refused.code == 1
    assert "729 of 729000000 codes can exist unguessed, not 0 and 730 more; 7 # are enough" in refused.err
    asked = serving.run("coupons", "generate", "coffee/spring", "730")
    assert asked.code == 2
    assert "Make 730 codes of campaign coffee/spring?" in asked.err
    assert "say --yes" in asked.err


def test_a_key_is_found_in_what_keys_create_said(serving: Terminal) -> None:
    """`fealty keys create … > app.key` is what people type."""
    file = serving.folder / "app.key"
    said = serving.run("keys", "create", "app", "--role", "administrator").out
    listed = ("coupons", "batches", "coffee/spring", "--key-file", str(file))
    file.write_text(said)
    assert serving.run(*listed, FEALTY_API_KEY="").code == 0
    for text, what in ((said + serving.run("keys", "create", "b").out, "several keys"), ("no key here\n", "no key")):
        file.write_text(text)
        refused = serving.run(*listed)
        assert (refused.code, f"holds {what}: put the key alone on a line" in refused.err) == (1, True), refused
