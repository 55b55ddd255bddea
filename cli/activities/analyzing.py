"""`fealty activities analyze`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cli.activities.asking import connecting, filtering, scoping
from cli.options import as_json

PERIODS = ("hour", "day", "week", "month")
# What the contract calls them, too, and the fields of its answer.
PARTS = (
    *("trend", "events", "types", "categories", "modules", "sources", "outcomes"),
    *("actors", "subjects", "authentication"),
)
TOP_MAX = 100  # as the contract has it


def _parts(context: click.Context, option: click.Parameter, given: Iterable[str]) -> list[str]:
    """Each once, in the order of PARTS; all of them where none is named."""
    named = {word.strip().lower() for words in given for word in words.split(",")}
    if unknown := sorted(named - set(PARTS)):
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(PARTS)}.")
    return [part for part in PARTS if part in named or not named]


@click.command()
@filtering
@scoping()
@click.option(
    "--period",
    type=click.Choice(PERIODS, case_sensitive=False),
    default="day",
    show_default=True,
    help="Of which each bar of the trend is one.",
)
@click.option(
    "--parts",
    metavar="WORD,…",
    multiple=True,
    callback=_parts,
    help=f"What to tell, of {', '.join(PARTS)}.  [default: all]",
)
@click.option(
    "--top", type=click.IntRange(1, TOP_MAX), default=10, show_default=True, help="So many actors and subjects."
)
@connecting
@as_json
def analyze(
    address: str | None, key_file: Path | None, period: str, parts: list[str], top: int, json_: bool, **given: Any
) -> None:
    """Count activities: when there were how many, of which kind, by whom and to what. FILTER is a line as for `list`.

    What is counted ahead is counted to the last entry; where only the newest were looked through, the answer says so.
    """
    from cli.activities.asking import asked, connected
    from cli.activities.charts import Charts
    from cli.activities.counted import plainly
    from fealty import v1

    wanted = asked(**given)
    request = v1.AnalyzeActivitiesRequest(
        **wanted._asdict(),
        period=f"TREND_PERIOD_{period.upper()}",
        parts=[f"ANALYSIS_PART_{part.upper()}" for part in parts],
        ranks=top,
    )
    with connected(address, key_file) as fealty:
        found = fealty.activities.AnalyzeActivities(request)
    if json_:
        click.echo(json.dumps(plainly(found, parts), ensure_ascii=False))
    else:
        Charts(wanted.time_zone).show(found, parts, period)
