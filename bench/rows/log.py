"""The activity log: what callers add to it, and how it is read where it has millions of entries."""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from bench.grow import PERIOD, Grown
from bench.payload import PLACEHOLDER, Payload
from bench.processor import peak_mb
from bench.requests import PROGRAM, Requests, customer, purchases
from bench.row import Row, clean, cost, median, p50, rate, speeds, waits
from bench.server import NOTHING, RECORD
from bench.stage import Stage
from fealty import connect
from fealty.v1 import activity_pb2
from fealty.v1 import audit_pb2 as pb
from storage.activity import positions, rollup, words
from storage.engine.database import Connection, connection, patient

ANALYZE_ACTIVITIES = "/fealty.v1.AuditService/AnalyzeActivities"
RECORD_ACTIVITY = "/fealty.v1.AuditService/RecordActivity"
LIST_ACTIVITIES = "/fealty.v1.AuditService/ListActivities"

CUSTOMERS = 10_000
PAGE = 20
# Pages that are asked for, each at another place of the log.
PLACES = 500
ANALYZED = timedelta(days=90)
# Everything that is counted ahead.
PARTS = sorted(
    set(pb.AnalysisPart.keys()) - {"ANALYSIS_PART_UNSPECIFIED", "ANALYSIS_PART_ACTORS", "ANALYSIS_PART_SUBJECTS"}
)
# Of what is written to a file, by both: some seconds' worth.
EXPORTED = 100_000
# What the clock does of it at a time is less; here nobody waits.
TAKEN = 5_000


def recording(here: Stage, rounds: int) -> Iterable[Row]:
    """`activity_vs_earn`."""
    visits, earn = _visits(), purchases(range(CUSTOMERS))
    recorded, earned = [], []
    here.unary(RECORD_ACTIVITY, visits)
    for _ in range(rounds):
        recorded.append(clean(here.unary(RECORD_ACTIVITY, visits)))
        earned.append(clean(here.unary(RECORD, earn)))
    note = f"{rate(recorded)} against {rate(earned)}; {cost(recorded)} a call against {cost(earned)}"
    yield Row("activity_vs_earn", speeds(recorded, earned), 1.0, 1.2, note)


def reads(full: Stage, rounds: int, what: Grown) -> Iterable[Row]:
    """`log_page_vs_noop`, `log_text_rare_vs_noop` and its like, `log_analyze_vs_noop` and `log_export_vs_copy`."""
    with connection(full.database) as books, patient(books):
        _take(full, books)
        named = [name for (name,) in books.execute(_SOME.encode(), (PLACES,))]
    asked = {
        "log_page": (LIST_ACTIVITIES, _pages(), 5, 4),
        "log_text_rare": (LIST_ACTIVITIES, _texts(named), 8, 5),
        "log_text_common": (LIST_ACTIVITIES, _texts(["purchase"]), 8, 5),
        "log_text_mixed": (LIST_ACTIVITIES, _texts(f"purchase {name}" for name in named), 8, 5),
        "log_analyze": (ANALYZE_ACTIVITIES, _analysis(), 25, 15),
    }
    for name, (path, make, least, aim) in asked.items():
        nothing, read = [], []
        for _ in range(rounds):
            nothing.append(clean(full.unary(NOTHING, make, 1)))
            # Each look is recorded, and no clock runs here to take it in, as one does each second.
            with connection(full.database) as books, patient(books):
                _take(full, books)
            read.append(clean(full.unary(path, make, 1)))
        note = f"p50 {p50(read)} against {p50(nothing)}, 1 in flight; {cost(read)} a call against {cost(nothing)}"
        yield Row(f"{name}_vs_noop", waits(read, nothing), least, aim, f"{note}; {what}", lower=True)
    yield _export(full, rounds)


def _take(full: Stage, books: Connection) -> None:
    """Makes of the log what the clock does of it as it comes: positions, counts and words."""
    steps: tuple[tuple[str, Callable[[Connection, int], int], int], ...] = (
        ("positions", positions.assign, 500_000),
        ("counts", rollup.advance, TAKEN),
        ("words", words.advance, TAKEN),
    )
    for name, advance, size in steps:
        taken = size
        began = time.monotonic()
        while taken == size:
            with books.transaction():
                taken = advance(books, size)
        if sys.stderr.isatty():
            print(f"{name} in {time.monotonic() - began:.0f} s", file=sys.stderr)
    books.execute("VACUUM ANALYZE activity_place, activity_rollup, activity_word, activity_block")


def _export(full: Stage, rounds: int) -> Row:
    """Rows a second of a CSV, of as many of the newest entries as EXPORTED, against COPY of the same rows."""
    with connection(full.database) as books:
        [(since, count)] = books.execute(_NEWEST.encode(), (EXPORTED,))
    request = pb.ExportActivitiesRequest(parent=f"programs/{PROGRAM}", format=pb.EXPORT_FORMAT_CSV)
    request.filter.start_time.FromDatetime(since.astimezone(UTC).replace(tzinfo=None))
    exported, copied = [], []
    for _ in range(rounds):
        exported.append(count / _timed(lambda: _download(full, request)))
        copied.append(count / _timed(lambda: _copy(full, since)))
    ratio = median(ours / theirs for ours, theirs in zip(exported, copied, strict=True))
    note = f"{median(exported):.0f} rows/s against {median(copied):.0f}, {count:,} rows"
    return Row("log_export_vs_copy", ratio, 0.06, 0.1, f"{note}; server {max(map(peak_mb, full.server))} MB at most")


def _download(full: Stage, request: pb.ExportActivitiesRequest) -> None:
    with connect(full.target, full.token) as fealty, tempfile.TemporaryFile() as file:
        for response in fealty.activities.ExportActivities(request):
            file.write(response.data)


def _copy(full: Stage, since: datetime) -> None:
    with (
        connection(full.database) as books,
        books.cursor().copy(_COPY.encode(), (since,)) as rows,
        tempfile.TemporaryFile() as file,
    ):
        for data in rows:
            file.write(data)


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _pages() -> Requests:
    """Of one action, which a fifth of the entries have, anywhere in the log."""
    now = datetime.now(UTC).timestamp()
    places = random.Random(2).choices(range(int(PERIOD.total_seconds() * 0.9)), k=PLACES)
    return Requests([_page(now - back).SerializeToString() for back in places])


def _texts(texts: Iterable[str]) -> Requests:
    requests = [
        pb.ListActivitiesRequest(parent=f"programs/{PROGRAM}", page_size=PAGE, filter=pb.ActivityFilter(text=text))
        for text in texts
    ]
    return Requests([request.SerializeToString() for request in requests])


def _analysis() -> Requests:
    request = pb.AnalyzeActivitiesRequest(
        parent=f"programs/{PROGRAM}", parts=PARTS, period=pb.TREND_PERIOD_DAY, time_zone="Europe/Prague"
    )
    request.filter.start_time.FromDatetime((datetime.now(UTC) - ANALYZED).replace(tzinfo=None))
    return Requests([request.SerializeToString()])


def _page(before: float) -> pb.ListActivitiesRequest:
    request = pb.ListActivitiesRequest(parent=f"programs/{PROGRAM}", page_size=PAGE)
    request.filter.actions.append("points.spent")
    request.filter.end_time.FromSeconds(int(before))
    return request


def _visits() -> Payload:
    return Payload(
        *(
            pb.RecordActivityRequest(
                parent=customer(number),
                action="visit.started",
                category=activity_pb2.ACTIVITY_CATEGORY_CUSTOMERS,
                type=activity_pb2.ACTIVITY_TYPE_VISIT,
                source=activity_pb2.ACTIVITY_SOURCE_PHYSICAL,
                event=activity_pb2.ACTIVITY_EVENT_CREATED,
                related="stores/12",
                facts={"door": "east"},
                request_id=PLACEHOLDER,
            ).SerializeToString()
            for number in range(CUSTOMERS)
        )
    )


# Ids of purchases that have words of their own, from anywhere in the log.
_SOME = "SELECT transaction_id FROM transaction TABLESAMPLE BERNOULLI (5) LIMIT %s"
_NEWEST = """
SELECT min(recorded_at), count(*) FROM (
    SELECT recorded_at FROM activity WHERE program = (SELECT id FROM program) ORDER BY recorded_at DESC LIMIT %s
) AS newest
"""
_COPY = "COPY (SELECT * FROM activity WHERE program IS NOT NULL AND recorded_at >= %s) TO STDOUT (FORMAT csv)"
