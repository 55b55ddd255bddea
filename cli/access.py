"""`fealty access`: who may what, and who might."""

import json
from datetime import UTC, datetime, timedelta

import click

from cli.keys.options import Permissions
from cli.options import as_json


@click.group()
def access() -> None:
    """Report who held which permission."""


@access.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="In UTC, past or today.  [default: today]")
@click.option("--permission", type=Permissions(), help="Only who held this.")
@click.option("--holder", metavar="ID", default="", help="Only this user or service, by the id.")
@click.option("--program", metavar="ID", default="", help="Only what held in this program.")
@as_json
def report(day: datetime | None, permission: frozenset[str] | None, holder: str, program: str, json_: bool) -> None:
    """Tell who held which role on a day, at any time of it, and what it permitted.

    A service without a usable key or certificate could not call, and neither could a user who was not active; where
    that is not known any more, as of who was locked that very day, it says so.
    """
    from cli import books
    from cli.keys.making import word
    from cli.settings import load
    from storage.access import report as reporting
    from storage.access.report import ReportFilter
    from storage.engine.database import connection

    start = (day or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    if start > datetime.now(UTC):
        raise click.BadParameter("must be a past day or today, in UTC.", param_hint="--day")
    if permission is not None and len(permission) > 1:
        raise click.BadParameter("one permission is wanted.")
    end, wanted = start + timedelta(days=1), next(iter(permission or ()), "")
    asked = ReportFilter(start, end, wanted, holder.rpartition("/")[2], program)
    with books.opened(load()) as database, connection(database) as held:
        found = reporting.page(held, asked, books.OPERATOR, None, 1_000_000)
    if json_:
        click.echo(json.dumps([one._asdict() for one in found], default=str))
        return
    form = "{:<24}  {:<16}  {:<24}  {:<16}  {:<16}  {:<8}  {}"
    click.echo(form.format("WHO", "ROLE", "WHERE", "FROM", "UNTIL", "USABLE", "PERMISSIONS"))
    for one in found:
        until = f"{one.until_at:%Y-%m-%d %H:%M}" if one.until_at else "now"
        usable = {True: "yes", False: "no", None: "unknown"}[one.is_usable]
        permitted = ", ".join(name.lower() for name in one.permissions)
        when = f"{one.from_at:%Y-%m-%d %H:%M}"
        who = one.name or one.holder
        click.echo(form.format(who, word(one.role), one.scope or "all", when, until, usable, permitted))
