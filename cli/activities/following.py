"""`fealty activities follow`."""

import json
from pathlib import Path
from typing import Any

import click

from cli.activities.asking import connecting, filtering, scoping
from cli.options import as_json


@click.command()
@filtering
@scoping(of_one=True)
@click.option("--all", "all_", is_flag=True, help="From the beginning of the log, not from now.")
@connecting
@as_json
def follow(address: str | None, key_file: Path | None, all_: bool, json_: bool, **given: Any) -> None:
    """Follow the log of a program, or of a customer of it, as it grows; until it is interrupted.

    What passes by itself, such as a server that is started anew, is waited out. With --json each is a line.
    """
    from cli.activities import shown
    from cli.activities.asking import asked, connected
    from fealty import v1

    wanted = asked(**given)
    table = shown.Table(wanted.time_zone)
    request = v1.WatchActivitiesRequest(**wanted._asdict(), only_new=not all_)
    with connected(address, key_file) as fealty, fealty.activities.follow(request) as following:
        for number, one in enumerate(following):
            if json_:
                click.echo(json.dumps(shown.plainly(one), ensure_ascii=False))
                continue
            if number == 0:
                table.head()
            table.row(one)
