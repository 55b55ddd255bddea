"""Another expiry for every lot of a program, for real and as a preview, while that program's own tills go on."""

import itertools
from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from attack import club, limits, raw
from attack.callers import keep_calling
from attack.stage import Scene
from attack.trial import Attack
from fealty.v1.lots_pb2 import RedateLotsRequest
from fealty.v1.lots_pb2_grpc import LotServiceStub
from fealty.v1.receipt_pb2 import Reason
from fealty.v1.transactions_pb2_grpc import TransactionServiceStub

PATIENCE_S = 30.0
# None of the lots expires while they are attacked.
LASTS = timedelta(days=365)


def _redate(validate_only: bool, scene: Scene, seconds: float) -> str:
    days = itertools.count()
    answered: Counter[str] = Counter()

    async def redate(channel: grpc.aio.Channel) -> None:
        # Another day each time: a redating to what stands already would change nothing.
        expires = Timestamp()
        expires.FromDatetime(datetime.now(UTC) + LASTS + timedelta(days=next(days)))
        request = RedateLotsRequest(
            parent=f"programs/{club.CROWD}/cards/{club.CARD}",
            expire_time=expires,
            reason=Reason(code="GOODWILL"),
            request_id=club.fresh(),
            validate_only=validate_only,
        )
        await LotServiceStub(channel).RedateLots(request, timeout=PATIENCE_S)
        answered["redatings"] += 1

    async def buy(channel: grpc.aio.Channel, number: int) -> None:
        request = club.purchase(club.account(club.CROWD, f"c{number}"))
        await TransactionServiceStub(channel).RecordTransaction(request, timeout=PATIENCE_S)
        answered["purchases"] += 1

    def call(channel: grpc.aio.Channel, number: int) -> Awaitable[None]:
        return redate(channel) if number < limits.REDATINGS else buy(channel, number)

    callers = limits.REDATINGS + limits.REDATED_TILLS
    ended = keep_calling(scene.target, scene.keys.administrator, call, callers, seconds)
    return f"{raw.counted(answered)} answered; all calls: {raw.counted(ended)}"


ATTACKS = (
    Attack(
        "redating",
        f"{limits.REDATINGS} calls of RedateLots at any time, over all {limits.LOTS:,} lots of another program,"
        " whose own tills go on",
        lambda scene, seconds: _redate(False, scene, seconds),
        crowded=True,
    ),
    Attack(
        "redating_preview",
        "the same with validate_only",
        lambda scene, seconds: _redate(True, scene, seconds),
        crowded=True,
    ),
)
