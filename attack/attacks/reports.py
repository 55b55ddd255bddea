"""Reports over many lots, by a caller who may read them and asks for far too many at once."""

from collections.abc import Awaitable
from typing import Any

import grpc.aio

from attack import club, limits, raw
from attack.callers import keep_calling
from attack.stage import Scene
from attack.trial import Attack
from fealty.v1.reports_pb2 import GetLiabilityRequest
from fealty.v1.reports_pb2_grpc import ReportServiceStub

PATIENCE_S = 30.0


def _liability(scene: Scene, seconds: float) -> str:
    request = GetLiabilityRequest(card=f"programs/{club.CROWD}/cards/{club.CARD}")

    def call(channel: grpc.aio.Channel, number: int) -> Awaitable[Any]:
        answer: Any = ReportServiceStub(channel).GetLiability(request, timeout=PATIENCE_S)
        return answer  # type: ignore[no-any-return]

    return raw.counted(keep_calling(scene.target, scene.keys.auditor, call, limits.REPORTS, seconds))


ATTACKS = (
    Attack(
        "reports",
        f"{limits.REPORTS} calls of GetLiability at any time, over {limits.LOTS:,} lots of another program",
        _liability,
        crowded=True,
    ),
)
