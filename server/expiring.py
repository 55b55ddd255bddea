"""Looks now and then at the server's certificate: whether there is another, and how long it lasts."""

import asyncio
from datetime import UTC, datetime

import structlog

from rules import certificates
from server import limits
from server.tls import Tls
from storage.books import Books
from storage.passes import expiring

log = structlog.get_logger()

TOPIC = "server"


async def watch(tls: Tls, books: Books, *, says: bool) -> None:
    """Until it is cancelled. What is seldom connected to would not find out otherwise. Of processes with the same
    certificate one `says` that it ends: in the log each day, in the activity log at each of WARNED_DAYS."""
    said_at = float("-inf")
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.to_thread(tls.renew)
        if says and loop.time() - said_at >= limits.CERTIFICATE_SAID_S:
            said_at = loop.time()
            await say(tls, books)
        await asyncio.sleep(limits.CERTIFICATE_LOOK_S)


async def say(tls: Tls, books: Books) -> None:
    """Says that it ends, where that is soon."""
    now, ends_at = datetime.now(UTC), tls.certificate.ends_at
    stage = certificates.stage(ends_at, now)
    if stage is None:
        return
    days_left = (ends_at - now).days
    what = "certificate ends soon" if stage else "certificate has ended: no client believes it"
    advice = "put another in its place, with its key: it is taken without a restart"
    log.warning(what, file=str(tls.certificate_file), days_left=days_left, advice=advice)
    [noted] = await books.record([expiring.act(TOPIC, tls.certificate_file.name, ends_at, stage, days_left)])
    if isinstance(noted, Exception):
        # Another server has just done so, or the books are away: the log has said it.
        log.info("end of the certificate not recorded", error=type(noted).__name__)
