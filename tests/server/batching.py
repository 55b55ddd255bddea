"""Batches of the campaign `spring` as administrators work with them: generated, imported, exported."""

from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import grpc.aio
import pytest

from fealty.v1 import coupon_campaigns_pb2 as pb
from fealty.v1 import coupons_pb2
from storage.coupons.generating import steps
from storage.engine.unit import run
from storage.operations.commands import ACTOR
from tests.personal import CODES
from tests.server.campaigning import SPRING, created
from tests.server.club import ADA, NAME, WHY, Club
from tests.server.serving import Client, Told, fresh, told_by

CSV, NDJSON = pb.IMPORT_FORMAT_CSV, pb.IMPORT_FORMAT_NDJSON
BATCH = f"{SPRING}/batches/1"


def target(form: Any = CSV, **more: Any) -> pb.ImportCouponsRequest:
    """The first message of an import."""
    given = {"parent": SPRING, "format": form, "request_id": fresh(), **more}
    return pb.ImportCouponsRequest(target=pb.ImportTarget(**given))


def pieces(data: bytes, size: int = 1 << 20) -> list[pb.ImportCouponsRequest]:
    """The others."""
    return [pb.ImportCouponsRequest(data=data[start : start + size]) for start in range(0, len(data), size)]


async def imported(client: Client, data: bytes, form: Any = CSV, size: int = 1 << 20, **more: Any) -> pb.ImportReport:
    """What becomes of a file."""
    answers = await sent(client, [target(form, **more), *pieces(data, size)])
    assert [one.WhichOneof("part") for one in answers] == ["progress"] * (len(answers) - 1) + ["report"]
    return answers[-1].report


async def sent(client: Client, messages: Iterable[pb.ImportCouponsRequest]) -> Sequence[pb.ImportCouponsResponse]:
    """All answers to a stream."""

    async def stream() -> AsyncIterator[pb.ImportCouponsRequest]:
        for message in messages:
            yield message

    call: Any = client.coupon_campaigns.ImportCoupons(stream())
    return [answer async for answer in call]


async def import_told(client: Client, messages: Iterable[pb.ImportCouponsRequest]) -> Told:
    """What the caller of one is told that fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await sent(client, messages)
    return told_by(failed.value)


def bad(report: pb.ImportReport) -> list[tuple[int, str]]:
    """Its bad lines, by number and reason."""
    return [(one.line, one.reason) for one in report.bad_lines]


async def exported(client: Client, name: str = BATCH, **more: Any) -> list[pb.ExportCouponsResponse]:
    """All messages of an export."""
    call: Any = client.coupon_campaigns.ExportCoupons(pb.ExportCouponsRequest(name=name, request_id=fresh(), **more))
    return [response async for response in call]


async def ask_generate(club: Club) -> pb.GenerateCouponsRequest:
    """A request for codes of a campaign that is there."""
    await created(club)
    return pb.GenerateCouponsRequest(parent=SPRING, count=1_500)


async def ask_assign(club: Club) -> coupons_pb2.AssignCouponsRequest:
    """A request to give one to a customer and to somebody who is not there."""
    await created(club)
    return coupons_pb2.AssignCouponsRequest(campaign=SPRING, customers=[ADA, f"{NAME}/customers/nobody"], reason=WHY)


async def ask_void(club: Club) -> coupons_pb2.VoidCouponsRequest:
    """A request to void all of a batch."""
    await created(club)
    return coupons_pb2.VoidCouponsRequest(parent=SPRING, batch=await generated(club), unused=True, reason=WHY)


async def generating(club: Club, count: int = 5, parent: str = SPRING, **more: Any) -> pb.GenerateCouponsResponse:
    """Codes that are asked for."""
    request = pb.GenerateCouponsRequest(parent=parent, count=count, request_id=fresh(), **more)
    return await club.admin.coupon_campaigns.GenerateCoupons(request)


async def generated(club: Club, count: int = 5, parent: str = SPRING, **more: Any) -> str:
    """The name of a batch that is published: workers have done their part."""
    operation = (await generating(club, count, parent, **more)).operation
    work(club)
    return operation.generate_coupons.batch


def work(club: Club) -> None:
    """All steps of all generations that run, as workers take them."""
    open_tasks = "SELECT args ->> 'operation' FROM task WHERE actor = %s AND args ->> 'kind' = 'GENERATE_COUPONS'"
    for (operation,) in club.served.rows(open_tasks, ACTOR):
        step = partial(steps.step, identity=UUID(operation), seals=CODES)
        while not run(club.served.database, step):
            pass


def codes(club: Club) -> list[str]:
    """The codes of all coupons that can be seen, in the order in which they were made."""
    program = NAME.rpartition("/")[2]
    return [CODES.unseal(program, bytes(code)) for (code,) in club.served.rows(_SEEN)]


_SEEN = """
SELECT code FROM coupon c JOIN coupon_batch b ON b.campaign = c.campaign AND b.number = c.batch
WHERE published_at IS NOT NULL ORDER BY c.id
"""
