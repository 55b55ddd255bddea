"""The activity log: what callers add to it, and how it is read where it has millions of entries."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime

from bench.grow import PERIOD, Grown
from bench.payload import PLACEHOLDER, Payload
from bench.requests import PROGRAM, Requests, customer, purchases
from bench.row import Row, clean, cost, p50, rate, speeds, waits
from bench.server import NOTHING, RECORD
from bench.stage import Stage
from fealty.v1 import activity_pb2
from fealty.v1 import audit_pb2 as pb

RECORD_ACTIVITY = "/fealty.v1.AuditService/RecordActivity"
LIST_ACTIVITIES = "/fealty.v1.AuditService/ListActivities"

CUSTOMERS = 10_000
PAGE = 20
# Pages that are asked for, each at another place of the log.
PLACES = 500


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


def pages(full: Stage, rounds: int, what: Grown) -> Iterable[Row]:
    """`log_page_vs_noop`: of one action, which a fifth of the entries have, anywhere in the log."""
    now = datetime.now(UTC).timestamp()
    places = random.Random(2).choices(range(int(PERIOD.total_seconds() * 0.9)), k=PLACES)
    asked = Requests([_page(now - back).SerializeToString() for back in places])
    nothing, listed = [], []
    for _ in range(rounds):
        nothing.append(clean(full.unary(NOTHING, asked, 1)))
        listed.append(clean(full.unary(LIST_ACTIVITIES, asked, 1)))
    note = (
        f"p50 {p50(listed)} against {p50(nothing)}, 1 in flight; {cost(listed)} a call against {cost(nothing)}; {what}"
    )
    yield Row("log_page_vs_noop", waits(listed, nothing), 5, 4, note, lower=True)


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
