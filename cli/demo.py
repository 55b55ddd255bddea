"""`fealty demo`: a year of real purchases and coupons in about half a minute, and cards in the phones of some."""

import json
from typing import TYPE_CHECKING

import click

from cli.options import as_json

if TYPE_CHECKING:
    from datetime import datetime

    from cli.phones.figures import Arrived
    from cli.phones.households import Households
    from storage.engine.database import Database
    from storage.ledger.verify import Verdict


@click.command(short_help="Replay a year of real purchases and coupons of 2,469 households.")
@click.option("--households", type=click.IntRange(1, 2469), help="Only so many, those with the lowest ids.")
@click.option("--days", type=click.IntRange(1, 365), help="Only the first so many days.")
@click.option("--address", metavar="HOST:PORT", help="Of a running server.  [default: FEALTY_HOST and FEALTY_PORT]")
@as_json
def demo(households: int | None, days: int | None, address: str | None, json_: bool) -> None:
    """Replay a year of real purchases (The Complete Journey by 84.51°) through the streaming call.

    The program has a test clock, which moves a day at a time; the workers mature and expire its points. The coupons of
    its campaigns are issued and redeemed on their days, each for 1.00 USD: what they were worth, the data does not say.
    What is not running is started, and stopped at the end. Run twice, it changes nothing the second time.

    Where the demo starts Fealty, some households have a card in a phone: stand-ins of Apple, Google and a mail server
    bring it there, and its updates.
    """
    import signal
    import time
    from datetime import UTC, datetime

    from cli import awaiting, journey, ledger, logs, staging, telling
    from cli.progress import Progress
    from cli.replay import Replay
    from cli.settings import load

    settings = load()
    logs.configure(settings.log_format)
    # Stopped politely by anybody: the key is revoked, and what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        click.echo("reading the purchases", err=True)
        year = journey.load(households, days)
        with (
            staging.server(settings, address, quiet=json_) as server,
            staging.key(settings) as (database, key),
            staging.households(settings, server.standins, year) as at_home,
            Progress() as progress,
        ):
            where, began, since = server.address, time.monotonic(), datetime.now(UTC)
            progress.expect(year.baskets)
            replay = Replay(year, where, key, progress.sent, at_home)
            new = replay.run()
            awaiting.await_workers(database, year.program_id, progress)
            seconds = time.monotonic() - began
            shown = None
            if at_home is not None:
                awaiting.await_phones(database, year.program_id, progress, at_home, replay)
                shown = _arrived(where, key, year.program_id, at_home, since)
            progress.say("checking the books")
            verdict = _verify(database, year.program_id)
            progress.say("reading the log")
            customer = None if json_ else year.told_of
            told = telling.told(where, key, customer, journey.ZONE.key) if customer else []
    except KeyboardInterrupt:
        click.echo("Stopped: the next `make demo` goes on from here.", err=True)
        raise
    figures = _figures(verdict, seconds, new or 0, shown)
    if json_:
        click.echo(json.dumps(figures))
    else:
        if new is None:
            click.echo(f"Nothing was changed: program {year.program_id} had all of it already.")
        for name, figure in figures.items():
            if name != "ledger_ok":
                label = name.replace("_per_s", "/s").replace("_", " ")
                click.echo(f"{label:<24}{'-' if figure is None else f'{figure:,}':>14}")
        click.echo(f"ledger check: {ledger.line(verdict)}")
        for line in told:
            click.echo(line)
    if not verdict.holds or (shown is not None and shown.stale_passes):
        raise SystemExit(1)


def _figures(
    verdict: "Verdict", seconds: float, new: int, shown: "Arrived | None"
) -> dict[str, int | float | bool | None]:
    """What was measured and counted; `seconds` and `baskets_per_s` are of this run, which sent `new` baskets. What
    phones show is left out where there are none."""
    totals = verdict.totals
    return {
        "households": totals.accounts,
        "baskets": totals.transactions,
        "points_issued": totals.issued,
        "points_pending": totals.pending,
        "points_active": totals.active,
        "points_expired": totals.expired,
        "coupons_issued": totals.coupons,
        "coupons_redeemed": totals.redemptions,
        **(shown._asdict() if shown is not None else {}),
        "seconds": round(seconds, 1),
        "baskets_per_s": round(new / seconds),
        "ledger_ok": verdict.holds,
    }


def _arrived(where: str, key: str, program_id: str, households: "Households", since: "datetime") -> "Arrived":
    """What the phones show."""
    from cli.dialing import connected
    from cli.phones.figures import arrived
    from cli.program import CARD

    with connected(where, key) as fealty:
        return arrived(fealty, f"programs/{program_id}", CARD, households, since)


def _verify(database: "Database", program_id: str) -> "Verdict":
    from cli import books
    from storage.engine.database import connection
    from storage.ledger.verify import verify

    with connection(database) as held:
        return verify(held, books.program(program_id).id)
