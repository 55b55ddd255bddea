"""`fealty activities list`."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.activities.asking import connecting, filtering, scoping
from cli.options import as_json

if TYPE_CHECKING:
    from cli.activities import shown
    from fealty import v1

LIMIT_MAX = 100_000  # more is for `export`
PAGE_MAX = 1_000


@click.command("list")
@filtering
@scoping()
@click.option("--oldest-first", is_flag=True, help="In place of the newest.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, show_default=True, help="So many at most.")
@click.option("--total", is_flag=True, help="Say, too, how many match in all.")
@connecting
@as_json
def list_(
    address: str | None, key_file: Path | None, oldest_first: bool, limit: int, total: bool, json_: bool, **given: Any
) -> None:
    """List activities, the newest first. FILTER is a line such as 'outcome = DENIED AND actor = till'."""
    from cli.activities import shown
    from cli.activities.asking import asked, connected
    from fealty import v1

    wanted = v1.ListActivitiesRequest(**asked(**given)._asdict(), ascending=oldest_first, want_total=total)
    found: list[v1.Activity] = []
    first: v1.ListActivitiesResponse | None = None
    with connected(address, key_file) as fealty:
        while True:
            wanted.page_size = min(limit - len(found), PAGE_MAX)
            page = fealty.activities.ListActivities(wanted)
            found += page.activities
            first = first or page  # which says what holds for all
            wanted.want_total = False
            wanted.page_token = page.next_page_token
            if len(found) >= limit or not wanted.page_token:
                break
    if json_:
        told: dict[str, Any] = {"activities": [shown.plainly(one) for one in found], "more": bool(wanted.page_token)}
        if total:
            told |= {"total": first.total, "total_is_lower_bound": first.total_is_lower_bound}
        if _asks_text(wanted, first):
            taken = first.HasField("text_complete_time")
            told["text_complete_time"] = shown.utc(first.text_complete_time) if taken else None
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    table = shown.Table(wanted.time_zone)
    table.head()
    for one in found:
        table.row(one)
    if total:
        click.echo(f"{'more than ' if first.total_is_lower_bound else ''}{first.total:,} in all", err=True)
    elif wanted.page_token:
        click.echo(f"There may be more: --limit {limit * 10} shows ten times as many.", err=True)
    if _asks_text(wanted, first):
        click.echo(_words_taken(first, table), err=True)


def _words_taken(first: "v1.ListActivitiesResponse", table: "shown.Table") -> str:
    if not first.HasField("text_complete_time"):
        return "No words were taken yet, and no text is found: is a clock running?"
    return f"Words are taken up to {table.time(first.text_complete_time)}; later entries may be missing."


def _asks_text(wanted: "v1.ListActivitiesRequest", first: "v1.ListActivitiesResponse") -> bool:
    """Whether entries were looked for by words: an answer says so, unless none were ever taken."""
    if first.HasField("text_complete_time") or not wanted.filter_text:
        return first.HasField("text_complete_time")
    from server.convert import filter_text
    from server.errors import RequestInvalid

    with suppress(RequestInvalid):  # what another version's server has understood
        return bool(filter_text.parse(wanted.filter_text).text)
    return False
