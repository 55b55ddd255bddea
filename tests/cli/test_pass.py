"""`fealty pass trace`, beside a server that runs."""

import asyncio
import json
import re
from asyncio import Runner
from datetime import timedelta

import pytest

from rules.access import Role
from tests.cli.conftest import connected
from tests.cli.terminal import Outcome, Terminal, sentence
from tests.server import passing
from tests.server.club import Club
from tests.server.conftest import club, database_url, founded, runner, server, there

__all__ = ["club", "connected", "database_url", "founded", "runner", "server", "there"]

pytestmark = pytest.mark.process

HOUR = timedelta(hours=1)


@pytest.fixture
def terminal(connected: Terminal, club: Club) -> Terminal:
    """The key of an auditor is in its environment."""
    connected.environment["FEALTY_API_KEY"] = club.served.key("auditor", Role.AUDITOR)
    connected.environment["FEALTY_PORT"] = club.served.address.rpartition(":")[2]
    return connected


def run(runner: Runner, terminal: Terminal, *arguments: str) -> Outcome:
    """A command to its end, while the server goes on."""
    return runner.run(asyncio.to_thread(terminal.run, *arguments))


def test_support_reads_of_each_phone_what_became_of_the_update(terminal: Terminal, club: Club, runner: Runner) -> None:
    """Sentences first, and below them what they follow from."""
    name = runner.run(passing.issued(club)).name
    passing.change(club, name, 7, ago=HOUR)
    phone = passing.install(club, name, ago=2 * HOUR)
    passing.deliver(club, name, phone, 7, pushed_at=HOUR, answer="200", fetched_at=HOUR - timedelta(seconds=4))
    short = "/".join(name.split("/")[1::2])
    shown = run(runner, terminal, "pass", "trace", short)
    assert shown.code == 0, shown.err
    pass_, revision, _, verdict, head, delivery = shown.out.splitlines()
    assert pass_ == f"{name}: active, current"
    assert revision.startswith("revision 7, of a change 20")
    assert re.fullmatch(r"Apple [0-9a-f]{8}: current: fetched .*, 4 s after the change", verdict)
    assert head.split() == ["revision", "pushed", "answer", "listed", "fetched", "seconds"]
    assert re.fullmatch(r"  7 +20\S+Z +200 +- +20\S+Z +4\.\d", delivery)
    told = json.loads(run(runner, terminal, "pass", "trace", name, "--json").out)
    assert (told["pass"], told["installations"][0]["deliveries"][0]["answer"]) == (name, "200")


def test_a_pass_in_no_wallet_is_said_to_be_in_none(terminal: Terminal, club: Club, runner: Runner) -> None:
    """An empty table looks like a fault."""
    shown = run(runner, terminal, "pass", "trace", runner.run(passing.issued(club)).name)
    assert shown.out.endswith("active, not installed\nIt is in no wallet.\n")


def test_what_is_no_pass_is_refused_in_a_sentence(terminal: Terminal, runner: Runner) -> None:
    """Before the server is asked where it cannot be one, by the server where it is none."""
    mistyped = run(runner, terminal, "pass", "trace", "club/ada")
    assert (mistyped.code, "coffee/ada/pass_" in mistyped.err) == (2, True)
    never = run(runner, terminal, "pass", "trace", f"club/ada/pass_{'0' * 26}")
    assert "no such pass" in sentence(never)
