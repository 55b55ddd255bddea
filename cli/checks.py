"""What `fealty doctor` looks at: each check answers with what it found, and what to do where that is a problem."""

import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cli import health
from cli.dialing import dialing
from cli.failures import Failure
from cli.settings import Settings, validated
from storage import migrate, rights, wall
from storage.embedded import VERSION_MIN
from storage.engine.database import Connection, StorageUnavailable, connection, open_database
from storage.engine.keyring import KeyringError
from storage.ledger.sweep import set_aside
from storage.mail.queries import mails
from storage.migrate import Schema
from storage.personal import keys
from storage.rights import RightsMissing
from wallet.settings import WalletSettings
from workers import diagnosis
from workers.broker import BrokerUnavailable
from workers.limits import MAIL_LIMIT_S
from workers.mail.transport import MailServerAway, open_transport
from workers.settings import WorkerSettings

PYTHON_MIN = (3, 11)
DISK_FREE_MIN_BYTES = 2 << 30  # a few days of a small installation; PostgreSQL stops hard on a full disk
CLOCK_SKEW_MAX_S = 2.0  # more makes logs of two hosts hard to read side by side; the books use PostgreSQL's clock
TASK_AGE_MAX_S = 600.0  # a task takes seconds; one this old has waited for workers that do not run, or fails again
MAIL_AGE_MAX_S = 3_600.0  # servers that say "later" mean minutes
MAIL_LATELY = timedelta(days=1)

SHOWN_MAX = 5  # a line that can be read; all of them are in the table set_aside


class Finding(NamedTuple):
    """One thing as it is. `advice` is empty where it is as it should be; `warns` where all works without it."""

    check: str
    found: str
    advice: str = ""
    warns: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done for all to work."""
        return self.warns or not self.advice


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order in which one needs the other."""
    yield _python()
    yield from _database(settings)
    yield from _broker(settings)
    yield _mail_server(settings)
    yield from _tls(settings)
    yield _server(settings)
    yield _disk(settings)


def _python() -> Finding:
    wanted = ".".join(map(str, PYTHON_MIN))
    advice = (
        "" if sys.version_info >= PYTHON_MIN else f"install Python {wanted} or newer, then `make clean` and `make up`"
    )
    return Finding("Python", platform.python_version(), advice)


def _database(settings: Settings) -> Iterator[Finding]:
    database = open_database(settings.database)
    try:
        with connection(database) as held:
            yield from _postgres(held, settings)
            yield _rights(held)
            schema = migrate.schema(database)
            yield _schema(schema)
            if not schema.pending:
                yield _wall(held)
                yield _personal_keys(held, settings)
                yield _tasks(held)
                yield _set_aside(held)
                yield _mails(held, settings)
                yield _wallets(held)
                yield from _entrusted(held)
    except RightsMissing as error:
        yield Finding("rights", str(error).partition("; ")[0], str(error).partition("; ")[2])
    except StorageUnavailable as error:
        advice = "start it, or correct FEALTY_DATABASE_URL" if settings.database_url else "`fealty up` starts it"
        yield Finding("PostgreSQL", f"{settings.database_shown} does not answer ({error})", advice)
    finally:
        database.close()


def _postgres(held: Connection, settings: Settings) -> Iterator[Finding]:
    before = time.time()
    version, now, fsync, synchronous = held.execute(_POSTGRES).fetchone() or ()
    after = time.time()
    major = int(version.split(".")[0])
    advice = "" if major >= VERSION_MIN else f"move to PostgreSQL {VERSION_MIN} or newer"
    yield Finding("PostgreSQL", f"{version} at {settings.database_shown}", advice)
    lost = [name for name, value in (("fsync", fsync), ("synchronous_commit", synchronous)) if value == "off"]
    advice = f"set {' and '.join(lost)} = on: a power cut would undo what callers were told is done" if lost else ""
    yield Finding("durability", f"fsync {fsync}, synchronous_commit {synchronous}", advice)
    skew = max(before - now.timestamp(), now.timestamp() - after, 0.0)
    advice = "synchronize the clocks of both hosts (NTP)" if skew > CLOCK_SKEW_MAX_S else ""
    yield Finding("clock", f"{skew:.1f} s between this host and PostgreSQL", advice)


def _rights(held: Connection) -> Finding:
    role = held.info.user
    why = rights.unguarded(held)
    if why is None:
        return Finding("log", f"cannot be changed by {role}, which Fealty connects as")
    advice = (
        "let servers, workers and clocks connect as another role than the owner of the schema"
        " (docs/operating.md, Roles)"
    )
    return Finding("log", f"could be changed by {role}, which Fealty connects as: {why}", advice, warns=True)


def _schema(schema: Schema) -> Finding:
    newer = f"newer than this version, has {', '.join(schema.newer)}"
    if schema.pending:
        return Finding("schema", f"lacks {', '.join(schema.pending)}", "run `fealty migrate`")
    if schema.refuses_us:
        return Finding("schema", newer, f"use a version of schema {schema.oldest_server} or newer")
    return Finding("schema", newer if schema.newer else "current")


def _wall(held: Connection) -> Finding:
    if wall.stands(held):
        return Finding("programs", "callers of some are shown no others, by PostgreSQL either")
    advice = "have `fealty migrate` make its roles, or somebody who may (docs/operating.md, Roles)"
    return Finding("programs", "kept apart by the server alone: the database has no role for it", advice, warns=True)


def _personal_keys(held: Connection, settings: Settings) -> Finding:
    try:
        keys.require(held, settings.personal_keys)
    except KeyringError as error:
        what, _, advice = str(error).partition(": ")
        return Finding("personal keys", what, advice or "see that we may read it")
    path = settings.personal_keys
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding("personal keys", f"others may read {path}", f"chmod 600 {path}")
    return Finding("personal keys", f"{path} opens what is kept of persons")


def _tasks(held: Connection) -> Finding:
    count, oldest_at = held.execute(_TASKS).fetchone() or (0, None)
    if not count:
        return Finding("tasks", "none open")
    age_s = (datetime.now(UTC) - oldest_at).total_seconds()
    found = f"{count:,} open, the oldest for {age_s:.0f} s"
    if age_s <= TASK_AGE_MAX_S:
        return Finding("tasks", found)
    return Finding("tasks", found, "see that `fealty clock` and `fealty worker` run, and what their logs say")


def _set_aside(held: Connection) -> Finding:
    found = set_aside(held)
    if not found:
        return Finding("accounts", "all can be settled")
    shown = ", ".join(f"{one.account} of program {one.program} ({one.error})" for one in found[:SHOWN_MAX])
    more = f" and {len(found) - SHOWN_MAX:,} more" if len(found) > SHOWN_MAX else ""
    advice = (
        "writes to them fail, and their histories stand still: see what `fealty ledger verify` says of them, and the"
        " worker's log where it says `account set aside`; mended, they are settled within the hour"
    )
    return Finding("accounts", f"{len(found):,} cannot be settled: {shown}{more}", advice)


def _mails(held: Connection, settings: Settings) -> Finding:
    waiting, oldest_due_at, failed = mails(held, MAIL_LATELY)
    errors = ", ".join(f"{count:,} {error}" for error, count in list(failed.items())[:SHOWN_MAX])
    given_up = f"; given up within a day: {errors}" if failed else ""
    if not waiting:
        return Finding("mails", f"none waits{given_up}")
    age_s = (datetime.now(UTC) - oldest_due_at).total_seconds() if oldest_due_at else 0.0
    found = f"{waiting:,} wait, the oldest for {age_s:.0f} s{given_up}"
    if settings.mail_url is None:
        return Finding("mails", found, "set FEALTY_MAIL_URL and FEALTY_MAIL_SENDER for the workers")
    advice = "see that a worker takes the queue mail, and what its log says of send_mail"
    return Finding("mails", found, advice if age_s > MAIL_AGE_MAX_S else "")


def _wallets(held: Connection) -> Finding:
    from cli.wallet.standing import summary  # it says what it finds as we do

    return summary(held, validated(WalletSettings))


def _entrusted(held: Connection) -> Iterator[Finding]:
    from cli.entrusted import examine as examine_entrusted  # it says what it finds as we do

    return examine_entrusted(held)


def _mail_server(settings: Settings) -> Finding:
    transport = open_transport(validated(WorkerSettings, redis_url=settings.redis))
    if transport is None:
        return Finding("mail server", "none is set: mails would wait")
    try:
        transport.check(time.monotonic() + MAIL_LIMIT_S)
    except MailServerAway as away:
        found = f"{settings.mail_shown} cannot be used ({away})"
        return Finding("mail server", found, "see that it runs, or correct FEALTY_MAIL_URL")
    return Finding("mail server", f"{settings.mail_shown} lets us in, to send as {transport.sender}")


def _broker(settings: Settings) -> Iterator[Finding]:
    try:
        broker = diagnosis.ask(settings.redis)
    except BrokerUnavailable as error:
        advice = "start it, or correct FEALTY_REDIS_URL" if settings.redis_url else "`fealty up` starts it"
        yield Finding("broker", f"{settings.redis_shown} does not answer ({error})", advice)
        return
    advice = "use a single Redis or Valkey: Dramatiq's scripts do not run on a cluster" if broker.is_cluster else ""
    yield Finding("broker", f"{broker.version} at {settings.redis_shown}", advice)
    advice = "" if broker.keeps_log else "set appendonly yes: a restart would lose the queues, and tasks would wait"
    yield Finding("broker log", f"appendonly {'yes' if broker.keeps_log else 'no'}", advice)
    keeps = broker.eviction == "noeviction"
    advice = "" if keeps else "set maxmemory-policy noeviction: others drop queues when memory is short"
    yield Finding("broker memory", f"maxmemory-policy {broker.eviction}", advice)


def _tls(settings: Settings) -> Iterator[Finding]:
    from cli.private import examine as examine_tls  # it says what it finds as we do

    return examine_tls(settings)


def _server(settings: Settings) -> Finding:
    try:
        how = dialing(settings)
    except Failure as failure:
        what, _, advice = str(failure).partition(": ")
        return Finding("server", what, advice)
    said = health.status(settings.address, how)
    if said == "SERVING":
        return Finding("server", f"serving gRPC at {settings.address}")
    if said == "NOT_SERVING":
        return Finding("server", f"{settings.address} is stopping or starting", "ask again in a moment")
    by = "" if how.plaintext else " by TLS"
    advice = "start `fealty up` or `fealty serve`"
    return Finding("server", f"nothing healthy at {settings.address}{by} ({said})", advice)


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    found = f"{free / (1 << 30):,.1f} GB free for {settings.data_dir}"
    if not os.access(place, os.W_OK):
        return Finding("disk", f"{place} cannot be written to", "choose another FEALTY_DATA_DIR, or chown it")
    return Finding("disk", found, "make room" if free < DISK_FREE_MIN_BYTES else "")


_POSTGRES = """
SELECT current_setting('server_version'), clock_timestamp(), current_setting('fsync'),
       current_setting('synchronous_commit')
"""

# Mails wait for other reasons, and are looked at by themselves.
_TASKS = """
SELECT count(*), min(first_due_at) FROM task
WHERE state IN ('READY', 'SENT') AND first_due_at <= now() AND queue <> 'mail'
"""
