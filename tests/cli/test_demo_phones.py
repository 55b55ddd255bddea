"""`fealty demo` with phones: cards come to them by stand-ins of Apple, Google and a mail server, and stay true."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.cli.test_demo import FIRST_DAY, NEW_YORK, Slice, counted, expected_figures, purchases, replayed

# With phones of each kind, and days enough to be killed in.
AT_HOME = Slice(14, 45)


@pytest.mark.thorough
def test_cards_come_to_phones_and_stay_true_though_the_public_endpoints_are_killed(terminal: Terminal) -> None:
    """Mailed, installed, pushed, fetched, without an account anywhere. After `kill -9` phones reach nobody and show old
    points: the demo must see that, or its `stale passes: 0` is worth nothing. Apple, Google and the phones end with it,
    and come back as real ones would: with what they had. Who had no card yet gets one; nobody gets two."""
    demo = terminal.start(*AT_HOME.arguments)
    demo.await_said("2017-01-2")
    terminal.kill(r"cli.main passes")
    ended = demo.await_end()
    assert ended.code == 1
    assert json.loads(ended.out)["stale_passes"] > 0
    terminal.await_nothing_running()
    first = replayed(terminal, AT_HOME, has_phones=True)
    assert counted(first) == expected_figures(AT_HOME)
    check_phones(first, AT_HOME)
    assert min(first["updates_seen"], first["updates_pushed"]) > 0
    assert 0 < first["seconds_to_phone_p50"] <= first["seconds_to_phone_p99"]
    assert not said_in_logs(terminal, *kept_secret(terminal, AT_HOME)), "who reads a log could be the phone"
    again = replayed(terminal, AT_HOME, has_phones=True)
    check_phones(again, AT_HOME)
    assert (again["baskets_per_s"], again["seconds_to_phone_p50"]) == (0, None)


def check_phones(figures: dict[str, Any], part: Slice) -> None:
    """Each phone has its card, signed as phones want it, and each card says what the books have."""
    iphones, androids = expected_phones(part)
    assert (figures["passes_installed"], figures["passes_verified"]) == (iphones + androids, iphones)
    assert figures["stale_passes"] == 0


def kept_secret(terminal: Terminal, part: Slice) -> list[str]:
    """What nobody but a phone may know: its own ids, and what its cards are fetched with."""
    folder = terminal.data_dir / "demo" / f"complete-journey-{part.households}h-{part.days}d"
    files = [file for file in folder.glob("*.json") if file.stem != "google"]
    kept = [json.loads(file.read_text()) for file in files]
    return [*(file.stem for file in files), *(one["token"] for one in kept if "token" in one), "/3/device/"]


def said_in_logs(terminal: Terminal, *secrets: str) -> list[str]:
    """Those of them that stand in a log."""
    logs = [log.read_text(errors="replace") for log in terminal.data_dir.glob("*.log")]
    assert len(logs) >= 4
    assert len(secrets) > 3
    return [secret for secret in secrets if any(secret in log for log in logs)]


def expected_phones(part: Slice) -> tuple[int, int]:
    """How many iPhones and Android phones the households have that came. Of 25 and fewer each has one; the second of
    ten has two iPhones, the third an Android phone."""
    households = sorted({household for household, _, _, _ in purchases()})[: part.households]
    assert len(households) <= 25
    end = FIRST_DAY + timedelta(days=part.days)
    came = {household for household, _, _, instant in purchases() if instant.astimezone(NEW_YORK).date() < end}
    kinds = [place % 10 for place, household in enumerate(households) if household in came]
    return sum(2 if kind == 1 else 1 for kind in kinds if kind != 2), kinds.count(2)
