"""What the demo runs on: a server with all that stands around it, a key, and households with phones."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import click
import structlog

from cli import books, health
from cli.failures import Failure
from cli.journey import Journey
from cli.settings import Settings
from cli.stopping import StopRequest
from cli.supervisor import AlreadyRunning, Stack
from cli.up import show_key
from rules.access import Role
from storage.access.commands import create_key, revoke_key
from storage.engine.database import Database, StorageUnavailable
from storage.engine.unit import run

if TYPE_CHECKING:
    from cli.phones.households import Households
    from cli.phones.standins import StandIns

KEY_NAME = "demo"
KEY_DAYS = 1  # a demo that is killed cannot revoke its key: it ends by itself
UP_LIMIT_S = 60.0  # for `fealty up` in another terminal to finish starting

log = structlog.get_logger("fealty.demo")


class Server(NamedTuple):
    """Where one answers, and what stands in for Apple, Google and mail servers, where it was told of that."""

    address: str
    standins: "StandIns | None"


@contextmanager
def server(settings: Settings, address: str | None, quiet: bool) -> Iterator[Server]:
    """Where a server answers; where none does and none was asked for, all of Fealty is started for this long, with
    stand-ins.

    `quiet` shows no first key, and so makes none: the first `fealty up` does.
    """
    if address is not None and not health.serving(address):
        raise Failure(f"no server answers at {address}: start it, or leave out --address to have one started")
    if address is not None or health.serving(settings.address):
        yield _beside(address or settings.address)
        return
    click.echo(f"starting Fealty, as nothing answers at {settings.address}", err=True)
    with _standins(settings) as standins:
        stack = Stack(settings, None if quiet else show_key, standins.environment)
        try:
            stack.start(StopRequest())
            yield Server(settings.address, standins)
            return
        except AlreadyRunning:
            # Another terminal's `fealty up` may be on its way.
            if not health.await_serving(settings.address, UP_LIMIT_S):
                raise
        finally:
            stack.stop()
    yield _beside(settings.address)


def _beside(address: str) -> Server:
    """A Fealty that somebody else started, with accounts of their own or none."""
    click.echo(
        "passes are left out, as Fealty runs already: stop it, and the demo starts one that has stand-ins for them",
        err=True,
    )
    return Server(address, None)


@contextmanager
def _standins(settings: Settings) -> "Iterator[StandIns]":
    """Of Apple, Google and a mail server."""

    try:
        from cli.phones.standins import standins
    except ModuleNotFoundError as error:
        raise Failure(
            f"what the demo's stand-ins need is missing ({error.name}): `make demo` installs it, or `pip install"
            " aiosmtpd jsonschema`"
        ) from None
    with standins(settings.passes_port) as made:
        yield made


@contextmanager
def households(settings: Settings, standins: "StandIns | None", year: Journey) -> "Iterator[Households | None]":
    """Those that have phones, where there are stand-ins to reach them."""
    if standins is None:
        yield None
        return
    from cli.phones.households import Households

    made = Households(standins, year.holders, settings.data_dir / "demo" / year.program_id)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def key(settings: Settings) -> Iterator[tuple[Database, str]]:
    """The database, and a key for this run."""
    with books.opened(settings) as database:
        lifetime = timedelta(days=KEY_DAYS)
        made = run(database, lambda unit: create_key(unit, KEY_NAME, Role.ADMINISTRATOR, lifetime=lifetime))
        try:
            yield database, made.key.text
        finally:
            try:
                run(database, lambda unit: revoke_key(unit, made.key.id))
            except StorageUnavailable as error:
                log.warning("the demo's key was not revoked: it ends in a day", key=made.key.id, reason=str(error))
