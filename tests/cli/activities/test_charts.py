"""Bars of what was counted: as wide as there is room for, and honest about what they are of."""

import sys
from io import StringIO

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.cells import cell_len

from cli.activities.analyzing import PARTS, PERIODS, TOP_MAX
from cli.activities.charts import BAR_MAX, Charts
from cli.activities.counted import DISTRIBUTIONS, RANKS, plainly
from fealty import v1

# 2026-10-25, when clocks in Prague go back from three to two.
HOURS = ("01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00")
LONG = "programs/coffee/customers/ada/transactions/till-71-of-the-shop-at-the-corner-of-the-long-street"


class _Screen(StringIO):
    def isatty(self) -> bool:
        return True


def _bars(*counts: int) -> list[v1.TrendBar]:
    bars = [
        v1.TrendBar(local_date=v1.Date(year=2026, month=10, day=25), local_start_time=f"2026-10-25T{hour}", count=count)
        for hour, count in zip(HOURS, counts, strict=False)
    ]
    bars[-1].is_ongoing = True
    return bars


def _answer(basis: v1.AnalysisBasis | None = None) -> v1.AnalyzeActivitiesResponse:
    actor = v1.Actor(type=v1.ACTOR_TYPE_SERVICE, display_name="\x1b[2Jカフェ" + "Kaffeehausgesellschaft " * 6)
    return v1.AnalyzeActivitiesResponse(
        total=1_240,
        trend=_bars(1_200, 0, 1, 39),
        outcomes=[
            v1.ActivityCount(outcome=v1.ACTIVITY_OUTCOME_SUCCEEDED, count=1_239),
            v1.ActivityCount(outcome=v1.ACTIVITY_OUTCOME_DENIED, count=1),
        ],
        modules=[v1.ActivityCount(module=v1.ADMIN_MODULE_UNSPECIFIED, count=1_240)],
        actors=[v1.ActorCount(actor=actor, count=7), v1.ActorCount(actor=v1.Actor(type=v1.ACTOR_TYPE_SYSTEM), count=3)],
        subjects=[v1.SubjectCount(subject=LONG, count=9)],
        authentication=v1.AuthenticationCounts(failed_logins=4),
        basis=basis or v1.AnalysisBasis(is_all=True),
        ranks_basis=v1.AnalysisBasis(looked=100_000, since_time=Timestamp(seconds=1_772_366_400)),
        as_of_time=Timestamp(seconds=1_772_366_400),
    )


def _shown(
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    answer: v1.AnalyzeActivitiesResponse,
    *parts: str,
    screen: StringIO | None = None,
    period: str = "hour",
) -> list[str]:
    to = screen or _Screen()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", to)
    Charts("Europe/Prague").show(answer, parts or PARTS, period)
    return to.getvalue().splitlines()


def test_the_words_of_the_options_are_those_of_the_contract() -> None:
    """What the contract counts, whoever types can ask for."""
    assert {f"ANALYSIS_PART_{part.upper()}" for part in PARTS} == set(v1.AnalysisPart.keys()[1:])
    assert {f"TREND_PERIOD_{period.upper()}" for period in PERIODS} == set(v1.TrendPeriod.keys()[1:])
    assert set(PARTS) <= set(v1.AnalyzeActivitiesResponse.DESCRIPTOR.fields_by_name)
    assert {*DISTRIBUTIONS, *RANKS} == set(PARTS) - {"trend", "authentication"}
    assert TOP_MAX == 100


@pytest.mark.parametrize("columns", [40, 80, 100, 300])
def test_charts_fit_the_terminal_and_do_not_obey_what_they_show(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """A bar that goes over the edge is as long as any other. Some letters are two columns wide."""
    lines = _shown(monkeypatch, columns, _answer(), "trend", "outcomes", "actors", "subjects", "authentication")
    charts = [line for line in lines[1:] if "Not of all" not in line]
    assert max(map(cell_len, charts)) <= columns
    assert "\x1b" not in "".join(lines)
    [longest] = [line for line in lines if line.startswith("2026-10-25 01:00")]
    room = columns - len("2026-10-25 01:00 +02:00  1,200   so far")
    assert longest.count("█") == min(room, BAR_MAX)
    assert any(line.startswith("…") and "long-street  9" in line for line in lines) == (columns < 200)


def test_each_line_says_how_many_and_a_period_that_goes_on_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's bar is lower than it will be; an hour that clocks go back over is there twice; little is not nothing."""
    lines = _shown(monkeypatch, 60, _answer(), "trend", "modules", "outcomes")
    assert lines == [
        "1,240 activities, as of 2026-03-01 13:00:00 Europe/Prague",
        "",
        "TREND, by the hour",
        f"2026-10-25 01:00 +02:00  1,200  {'█' * 21}",
        "2026-10-25 02:00 +02:00      0",
        "2026-10-25 02:00 +01:00      1  █",
        "2026-10-25 03:00 +01:00     39  ░ so far",
        "",
        "MODULES",
        f"none  1,240  100.0%  {'█' * 39}",
        "",
        "OUTCOMES",
        f"succeeded  1,239  99.9%  {'█' * 35}",
        "denied         1   0.1%  █",
    ]
    assert _shown(monkeypatch, 60, _answer(), "trend", period="day")[3].startswith("2026-10-25  1,200  █")
    assert _shown(monkeypatch, 60, _answer(), "trend", period="month")[3].startswith("2026-10  1,200  █")


def test_an_answer_says_what_it_is_of_where_that_is_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that lacks something must not be taken for all; one that is exact is not excused."""
    since = "Not of all: of the newest 100,000 entries, which go back to 2026-03-01 13:00:00 Europe/Prague."
    lines = _shown(monkeypatch, 120, _answer(), "outcomes", "actors", "subjects")
    assert [number for number, line in enumerate(lines) if line == since] == [
        lines.index("ACTORS") + 1,
        lines.index("SUBJECTS") + 1,
    ]
    basis = v1.AnalysisBasis(looked=100_000, since_time=Timestamp(seconds=1_772_366_400))
    assert _shown(monkeypatch, 120, _answer(basis), "outcomes")[1] == since
    assert "`fealty clock`" in _shown(monkeypatch, 120, _answer(v1.AnalysisBasis(looked=100_000)), "outcomes")[1]


def test_nothing_is_told_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty log is an answer too."""
    nothing = v1.AnalyzeActivitiesResponse(
        as_of_time=Timestamp(seconds=1_772_366_400), basis=v1.AnalysisBasis(is_all=True)
    )
    lines = _shown(monkeypatch, 80, nothing, "trend", "outcomes", "authentication")
    assert lines[0].startswith("0 activities, as of")
    assert lines[3:7] == ["none", "", "OUTCOMES", "none"]
    assert "logins           0" in lines


def test_into_a_pipe_names_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for one with grep must find it."""
    assert f"{LONG}  9" in _shown(monkeypatch, 60, _answer(), "subjects", screen=StringIO())


def test_as_json_it_has_the_names_of_the_contract_and_what_was_asked_for() -> None:
    """Programs tell what was not asked for from what there was none of."""
    told = plainly(_answer(), ["trend", "modules", "outcomes", "types", "actors", "authentication"])
    assert list(told) == [
        *("total", "as_of_time", "basis", "trend", "modules", "outcomes", "types", "actors", "authentication"),
        "ranks_basis",
    ]
    assert told["basis"] == {"looked": 0, "is_all": True}
    assert told["ranks_basis"] == {"looked": 100_000, "is_all": False, "since_time": "2026-03-01T12:00:00.000000Z"}
    assert (told["modules"], told["types"]) == ([{"module": "", "count": 1_240}], [])
    assert told["outcomes"][1] == {"outcome": "DENIED", "count": 1}
    assert told["actors"][1] == {"actor": {"type": "SYSTEM"}, "count": 3}
    assert (told["trend"][3]["local_date"], told["trend"][3]["is_ongoing"]) == ("2026-10-25", True)
    assert told["authentication"]["failed_logins"] == 4
