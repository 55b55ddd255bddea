"""`fealty activities access`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.activities.asking import connecting
from cli.activities.listing import LIMIT_MAX, PAGE_MAX
from cli.options import as_json

if TYPE_CHECKING:
    from fealty import v1


@click.command("access")
@click.argument("customer", metavar="CUSTOMER")
@click.option("--program", metavar="ID", required=True, help="The program of the customer.")
@click.option("--time-zone", metavar="ZONE", default="UTC", show_default=True, help="Where times are.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, show_default=True, help="So many at most.")
@connecting
@as_json
def access(
    customer: str, program: str, time_zone: str, limit: int, address: str | None, key_file: Path | None, json_: bool
) -> None:
    """List who looked at the personal data of CUSTOMER, by its id: the newest look first, with what was shown."""
    from cli.activities import shown
    from cli.activities.asking import asked, connected
    from fealty import v1

    parent = asked(program, customer, time_zone).parent
    wanted = v1.ListAccessToCustomerRequest(parent=parent, time_zone=time_zone)
    found: list[v1.CustomerAccess] = []
    with connected(address, key_file) as fealty:
        while True:
            wanted.page_size = min(limit - len(found), PAGE_MAX)
            page = fealty.activities.ListAccessToCustomer(wanted)
            found += page.accesses
            wanted.page_token = page.next_page_token
            if len(found) >= limit or not wanted.page_token:
                break
    if json_:
        told = {"accesses": [_plainly(one) for one in found], "more": bool(wanted.page_token)}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    table = shown.Table(time_zone)
    click.echo(f"{'TIME':<19}  {'FROM':<15}  WHO LOOKED AT WHAT")
    for one in found:
        told_of = shown.printable(one.description)
        click.echo(f"{table.time(one.access_time)}  {one.actor.ip_address or '-':<15}  {told_of}")
    if wanted.page_token:
        click.echo(f"There may be more: --limit {limit * 10} shows ten times as many.", err=True)


def _plainly(one: "v1.CustomerAccess") -> dict[str, Any]:
    from cli.activities import shown

    told: dict[str, Any] = {
        "activity": one.activity,
        "access_time": shown.utc(one.access_time),
        "local_access_time": one.local_access_time,
        "description": one.description,
        "actor": shown.actor(one.actor),
        "on_behalf_of": one.on_behalf_of,
        "action": one.action,
        "method": one.method,
        "subject": one.subject,
        "fields": list(one.fields),
        "purpose": one.purpose,
    }
    return {name: value for name, value in told.items() if value}
