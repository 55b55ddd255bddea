"""`fealty demo`: a year of real purchases and coupons in about half a minute."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cli.options import as_json

if TYPE_CHECKING:
    from cli.progress import Progress
    from cli.settings import Settings
    from storage.engine.database import Database
    from storage.ledger.verify import Verdict

KEY_NAME = "demo"
KEY_DAYS = 1  # a demo that is killed cannot revoke its key: it ends by itself
WORKERS_LIMIT_S = 120.0  # takes a second; a task that was lost with its worker is sent again after 60
POLL_S = 0.1
UP_LIMIT_S = 60.0  # for `fealty up` in another terminal to finish starting


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
    """
    import signal
    import time

    from cli import journey, ledger, logs, telling
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
            _server(settings, address, quiet=json_) as where,
            _key(settings) as (database, key),
            Progress() as progress,
        ):
            began = time.monotonic()
            progress.expect(year.baskets)
            new = Replay(year, where, key, progress.sent).run()
            _await_workers(database, year.program_id, progress)
            seconds = time.monotonic() - began
            progress.say("checking the books")
            verdict = _verify(database, year.program_id)
            progress.say("reading the log")
            customer = None if json_ else year.told_of
            told = telling.told(where, key, customer, journey.ZONE.key) if customer else []
    except KeyboardInterrupt:
        click.echo("Stopped: the next `make demo` goes on from here.", err=True)
        raise
    figures = _figures(verdict, seconds, new or 0)
    if json_:
        click.echo(json.dumps(figures))
    else:
        if new is None:
            click.echo(f"Nothing was changed: program {year.program_id} had all of it already.")
        for name, figure in figures.items():
            if name != "ledger_ok":
                click.echo(f"{name.replace('_per_s', '/s').replace('_', ' '):<16}{figure:>14,}")
        click.echo(f"ledger check: {ledger.line(verdict)}")
        for line in told:
            click.echo(line)
    if not verdict.holds:
        raise SystemExit(1)


def _figures(verdict: "Verdict", seconds: float, new: int) -> dict[str, int | float | bool]:
    """What was measured and counted; `seconds` and `baskets_per_s` are of this run, which sent `new` baskets."""
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
        "seconds": round(seconds, 1),
        "baskets_per_s": round(new / seconds),
        "ledger_ok": verdict.holds,
    }


@contextmanager
def _server(settings: "Settings", address: str | None, quiet: bool) -> "Iterator[str]":
    """Where a server answers; where none does and none was asked for, all of Fealty is started for this long.

    `quiet` shows no first key, and so makes none: the first `fealty up` does.
    """
    from cli import health
    from cli.failures import Failure
    from cli.stopping import StopRequest
    from cli.supervisor import AlreadyRunning, Stack
    from cli.up import show_key

    if address is not None and not health.serving(address):
        raise Failure(f"no server answers at {address}: start it, or leave out --address to have one started")
    if address is not None or health.serving(settings.address):
        yield address or settings.address
        return
    click.echo(f"starting Fealty, as nothing answers at {settings.address}", err=True)
    stack = Stack(settings, None if quiet else show_key)
    try:
        try:
            stack.start(StopRequest())
        except AlreadyRunning:
            # Another terminal's `fealty up` may be on its way.
            if not health.await_serving(settings.address, UP_LIMIT_S):
                raise
        yield settings.address
    finally:
        stack.stop()


@contextmanager
def _key(settings: "Settings") -> "Iterator[tuple[Database, str]]":
    """The database, and a key for this run."""
    from datetime import timedelta

    import structlog

    from cli import books
    from rules.access import Role
    from storage.access.commands import create_key, revoke_key
    from storage.engine.database import StorageUnavailable
    from storage.engine.unit import run

    with books.opened(settings) as database:
        lifetime = timedelta(days=KEY_DAYS)
        made = run(database, lambda unit: create_key(unit, KEY_NAME, Role.ADMINISTRATOR, lifetime=lifetime))
        try:
            yield database, made.key.text
        finally:
            try:
                run(database, lambda unit: revoke_key(unit, made.key.id))
            except StorageUnavailable as error:
                log = structlog.get_logger("fealty.demo")
                log.warning("the demo's key was not revoked: it ends in a day", key=made.key.id, reason=str(error))


def _await_workers(database: "Database", program_id: str, progress: "Progress") -> None:
    """Returns when nothing of the program is due and none of its tasks open. Raises Failure."""
    import time

    from cli import books
    from cli.failures import Failure
    from storage.engine.database import connection
    from storage.ledger.sweep import programs_with_due
    from storage.tasks.commands import open_tasks

    deadline = time.monotonic() + WORKERS_LIMIT_S
    while True:
        with connection(database) as held:
            number = books.program(program_id).id
            tasks = open_tasks(held, [number])
            if not tasks and number not in programs_with_due(held):
                return
        if time.monotonic() > deadline:
            raise Failure(
                f"the workers did not finish within {WORKERS_LIMIT_S:.0f} s, {tasks} tasks are open: see that"
                " `fealty worker` and `fealty clock` run, then run the demo again"
            )
        progress.say("the workers mature and expire the last points")
        time.sleep(POLL_S)


def _verify(database: "Database", program_id: str) -> "Verdict":
    from cli import books
    from storage.engine.database import connection
    from storage.ledger.verify import verify

    with connection(database) as held:
        return verify(held, books.program(program_id).id)
