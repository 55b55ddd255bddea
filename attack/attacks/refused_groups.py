"""All-or-nothing groups that are decided up to their last item, which is refused: the most work for nothing."""

from collections import Counter

from attack import club, limits, raw
from attack.stage import Scene
from attack.trial import Attack
from bench.frames import WireError
from bench.load import Stream, run
from bench.payload import PLACEHOLDER, Payload
from fealty.v1 import ingest_pb2, points_pb2

PATH = "/fealty.v1.IngestService/BatchIngest"
# More than anybody has.
POINTS = 1 << 50


def _groups(scene: Scene, seconds: float) -> str:
    work = Stream(
        scene.target,
        PATH,
        Payload(*(_group(number) for number in range(limits.GROUPS))),
        token=scene.keys.rival,
        in_flight=limits.GROUPS,
        connections=limits.GROUPS,
        warmup_s=0.0,
        duration_s=seconds,
        inspect=_refused,
    )
    try:
        load = run(work)
    except WireError as error:
        return str(error)
    return f"{load.per_s:.1f} groups a second: {raw.counted(Counter(load.failed))}"


def _group(number: int) -> bytes:
    names = [f"c{(number + item) % limits.CROWD_CUSTOMERS}" for item in range(limits.GROUP_ITEMS)]
    items = [
        ingest_pb2.Item(record=club.purchase(club.account(club.CROWD, name), ids=PLACEHOLDER)) for name in names[1:]
    ]
    spending = points_pb2.SpendPointsRequest(
        account=club.account(club.CROWD, names[0]), points=POINTS, reference="order-1", request_id=PLACEHOLDER
    )
    message = ingest_pb2.BatchIngestRequest(items=[*items, ingest_pb2.Item(spend=spending)], all_or_nothing=True)
    return message.SerializeToString()


def _refused(answer: bytes) -> list[str]:
    [*_, last] = ingest_pb2.BatchIngestResponse.FromString(answer).results
    return ["refused"] if last.HasField("refused") else ["recorded"]


ATTACKS = (
    Attack(
        "refused_groups",
        f"{limits.GROUPS} streams of all-or-nothing groups of {limits.GROUP_ITEMS}, each refused for its last item",
        _groups,
    ),
)
