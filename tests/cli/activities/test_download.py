"""A file that comes in pieces, and the table that a terminal shows."""

import asyncio
import hashlib
import sys
from collections.abc import Iterator
from io import BytesIO, StringIO

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from cli.activities import download, shown
from cli.activities.download import Download
from cli.failures import Failure
from fealty import Refused, connect, v1
from rules.access import Role
from server import limits
from tests.server.serving import Served, customer


def _request() -> v1.ExportActivitiesRequest:
    return v1.ExportActivitiesRequest(
        parent="programs/coffee", format=v1.EXPORT_FORMAT_NDJSON, filter_text="action = customer.created"
    )


async def test_a_file_is_put_together_of_what_broken_streams_sent(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours of a download must not be lost with one connection; and what was put together is what was sent."""
    for number in range(6):
        await server.till.customers.CreateCustomer(customer(f"c{number}"))
    monkeypatch.setattr(limits, "EXPORT_ROWS", 1)
    monkeypatch.setattr(download, "PAUSE_MIN_S", 0.001)
    key = server.key("auditor", Role.AUDITOR)
    rows: list[int] = []
    with connect(server.address, key) as fealty:

        def cut(request: v1.ExportActivitiesRequest) -> Iterator[v1.ExportActivitiesResponse]:
            with fealty.activities.ExportActivities(request) as stream:
                for number, response in enumerate(stream):
                    yield response
                    if number == 2:
                        return

        out = BytesIO()
        pieces = Download(cut, _request(), out, rows.append)
        end = await asyncio.to_thread(pieces.run)
        whole = Download(fealty.activities.ExportActivities, _request(), BytesIO(), rows.append)
        await asyncio.to_thread(whole.run)
    assert end.rows == 7
    assert len(end.parts) > 2
    assert hashlib.sha256(out.getvalue()).hexdigest() == pieces.sha256 == whole.sha256
    assert rows[0] == 0
    assert rows.count(7) >= 2


async def test_what_is_not_what_the_server_sent_is_thrown_away(server: Served) -> None:
    """A proxy that drops or doubles a message leaves a file that looks whole."""
    key = server.key("auditor", Role.AUDITOR)
    with connect(server.address, key) as fealty:

        def doubled(request: v1.ExportActivitiesRequest) -> Iterator[v1.ExportActivitiesResponse]:
            for response in fealty.activities.ExportActivities(request):
                yield response
                if response.data:
                    yield response

        with pytest.raises(Failure, match="not what the server sent"):
            await asyncio.to_thread(Download(doubled, _request(), BytesIO(), lambda _: None).run)


async def test_a_refusal_is_told_and_a_server_that_only_ends_is_given_up(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for what never comes should hear so."""
    monkeypatch.setattr(download, "PAUSE_MIN_S", 0.001)
    with connect(server.address, server.key("till2", Role.SERVICE)) as fealty, pytest.raises(Refused) as refused:
        await asyncio.to_thread(Download(fealty.activities.ExportActivities, _request(), BytesIO(), print).run)
    assert refused.value.reason == "PERMISSION_MISSING"
    monkeypatch.setattr(limits, "EXPORT_MAX_S", 0.0)
    with connect(server.address, server.key("auditor", Role.AUDITOR)) as fealty, pytest.raises(Failure, match="again"):
        await asyncio.to_thread(Download(fealty.activities.ExportActivities, _request(), BytesIO(), lambda _: None).run)


class _Screen(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [40, 60, 99, 100, 160])
def test_a_table_fits_the_terminal_and_does_not_obey_what_it_shows(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Names are what people typed: one of them could clear the screen of whoever reads the log."""
    screen = _Screen()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", screen)
    table = shown.Table("Europe/Prague")
    name = "\x1b[2J" + "Kaffeehausgesellschaft " * 6
    table.row(v1.Activity(record_time=Timestamp(seconds=1_772_366_400), description=f"Program {name} created."))
    lines = screen.getvalue().splitlines()
    assert lines[0].startswith("2026-03-01 13:00:00")
    assert "\x1b" not in screen.getvalue()
    assert max(map(len, lines)) <= columns or columns == 40
    assert " ".join(screen.getvalue().split()).count("Kaffeehausgesellschaft") == 6
