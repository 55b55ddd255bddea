"""`fealty ledger`: whether the books add up."""

import json
from typing import TYPE_CHECKING

import click

from cli.options import as_json

if TYPE_CHECKING:
    from storage.ledger.verify import Verdict


@click.group()
def ledger() -> None:
    """Check the books."""


@ledger.command()
@click.option("--program", metavar="ID", help="Only its accounts.  [default: all]")
@as_json
def verify(program: str | None, json_: bool) -> None:
    """Recompute every account from its lots, its entries and its purchases; exit code 1 where one differs.

    Checks the rules of the books as one snapshot, then rebuilds every balance from the entries alone, and what every
    purchase earned from its amount, its lines and the settings of its day.
    """
    from cli import books
    from cli.settings import load
    from storage.engine.database import connection
    from storage.ledger import verify as check
    from storage.ledger.verifying.rebuild import rebuild

    with books.opened(load()) as database:
        number = books.program(program).id if program else None
        with connection(database) as held:
            verdict = check.verify(held, number)
            rebuilt = rebuild(held, number)
    verdict = verdict._replace(
        faults=verdict.faults + rebuilt.faults, shown=[*verdict.shown, *rebuilt.shown][: check.FAULTS_SHOWN]
    )
    if json_:
        found = {"holds": verdict.holds, "faults": verdict.faults, "shown": verdict.shown}
        click.echo(json.dumps({"program": program, **found, **verdict.totals._asdict()}))
    else:
        totals = verdict.totals
        for name, figure in totals._asdict().items():
            click.echo(f"{name:<14}{figure:>16,}")
        click.echo(f"ledger check: {line(verdict)}")
        for fault in verdict.shown:
            click.echo(f"  {fault}")
    if not verdict.holds:
        raise SystemExit(1)


def line(verdict: "Verdict") -> str:
    """The verdict in one line."""
    if verdict.holds:
        coupons = f", and of {verdict.totals.coupons:,} coupons" if verdict.totals.coupons else ""
        return f"holds: every one of {verdict.totals.accounts:,} accounts{coupons} adds up"
    shown = f", the first {len(verdict.shown)} below" if verdict.faults > len(verdict.shown) else ""
    return f"DOES NOT HOLD: {verdict.faults:,} faults{shown}; keep a backup before anything is repaired"
