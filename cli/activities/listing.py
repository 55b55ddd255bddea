"""`fealty activities list`."""

import json
from pathlib import Path
from typing import Any

import click

from cli.activities.asking import connecting, filtering, scoping
from cli.options import as_json

LIMIT_MAX = 100_000  # more is for `export`
PAGE_MAX = 1_000


@click.command("list")
@filtering
@scoping
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
    with connected(address, key_file) as fealty:
        while True:
            wanted.page_size = min(limit - len(found), PAGE_MAX)
            page = fealty.activities.ListActivities(wanted)
            found += page.activities
            if wanted.want_total:
                counted, is_more = page.total, page.total_is_lower_bound
                wanted.want_total = False
            wanted.page_token = page.next_page_token
            if len(found) >= limit or not wanted.page_token:
                break
    if json_:
        told: dict[str, Any] = {"activities": [shown.plainly(one) for one in found], "more": bool(wanted.page_token)}
        if total:
            told |= {"total": counted, "total_is_lower_bound": is_more}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    table = shown.Table(wanted.time_zone)
    table.head()
    for one in found:
        table.row(one)
    if total:
        click.echo(f"{'more than ' if is_more else ''}{counted:,} in all", err=True)
    elif wanted.page_token:
        click.echo(f"There may be more: --limit {limit * 10} shows ten times as many.", err=True)
