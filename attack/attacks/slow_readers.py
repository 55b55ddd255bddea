"""Clients that ask and never read: what is written for them must wait somewhere, and take no permit of others'."""

import time

from attack import club, limits, raw
from attack.stage import Scene
from attack.trial import Attack
from bench.frames import WireError
from bench.wire import Connection
from fealty.v1 import audit_pb2, points_pb2

WATCH = "/fealty.v1.AuditService/WatchActivities"
LIST = "/fealty.v1.PointsService/ListEntries"
FLUSH_S = 0.05


def _watchers(scene: Scene, seconds: float) -> str:
    request = audit_pb2.WatchActivitiesRequest(parent=f"programs/{club.CROWD}")
    return _unread(scene, WATCH, request.SerializeToString(), limits.UNREAD_WATCHERS, 1, seconds)


def _pages(scene: Scene, seconds: float) -> str:
    request = points_pb2.ListEntriesRequest(account=club.account(club.CROWD, club.DEEP), page_size=limits.PAGE_ENTRIES)
    return _unread(scene, LIST, request.SerializeToString(), limits.UNREAD_CONNECTIONS, limits.UNREAD_PAGES, seconds)


def _unread(scene: Scene, path: str, message: bytes, connections: int, calls: int, seconds: float) -> str:
    """Sends calls over connections of which it then reads nothing."""
    fields = raw.headers(scene.target, path, scene.keys.administrator)
    lines: list[Connection] = []
    refused = 0
    until = time.monotonic() + seconds
    try:
        for _ in range(connections):
            try:
                line = Connection(scene.target, fields)
            except WireError:
                refused += 1
                continue
            lines.append(line)
            for _ in range(calls):
                line.send(line.open(), message, end=True)
        while time.monotonic() < until:
            for line in lines:
                line.flush()
            time.sleep(FLUSH_S)
    finally:
        for line in lines:
            line.close()
    return f"{len(lines)} connections that did not read, {refused} refused"


ATTACKS = (
    Attack(
        "unread_watchers",
        f"{limits.UNREAD_WATCHERS} watchers of a program's log from its beginning who never read",
        _watchers,
        crowded=True,
    ),
    Attack(
        "unread_pages",
        f"{limits.UNREAD_CONNECTIONS * limits.UNREAD_PAGES} pages of {limits.PAGE_ENTRIES:,} entries that nobody reads",
        _pages,
    ),
)
