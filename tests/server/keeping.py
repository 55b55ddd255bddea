"""Every change that a caller may ask for twice, and what is kept of its answer.

`python -m tests.server.keeping FILE` asks for each of them, and writes down what this version of the server keeps.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from fealty.v1 import rewards_pb2
from storage.embedded import EmbeddedPostgres
from storage.engine.database import connection, open_database
from storage.migrate import migrate
from tests.conftest import SETTINGS, open_folder
from tests.databases import fresh_database
from tests.personal import install
from tests.server import passing
from tests.server.acts import ACTS, call_of
from tests.server.campaigning import SPRING, created
from tests.server.club import BEN, Club, account, found
from tests.server.serving import fresh, serve

FOLDER = Path(__file__).parent / "kept"


async def _update(club: Club) -> Any:
    request = await ACTS["transactions.UpdateTransaction"].ask(club)
    request.lines.add(product_id="espresso", category="drinks", quantity=2, amount_minor=40, points=7)
    request.lines.add(product_id="cake", quantity=1, amount_minor=20)
    return request


async def _merge(club: Club) -> Any:
    await club.earn(100, customer=BEN)
    return await ACTS["customers.MergeCustomers"].ask(club)


async def _claim(club: Club) -> Any:
    await created(club)
    await club.earn(100)
    made = await club.reward(coupon_of=SPRING)
    template = await passing.of_coupons(club)
    return rewards_pb2.ClaimRewardRequest(
        account=account(), reward=made.name, reference="order-7", pass_template=template
    )


async def _assign(club: Club) -> Any:
    request = await ACTS["coupons.AssignCoupon"].ask(club)
    request.pass_template = await passing.of_coupons(club)
    return request


# Some of them with all that can be kept of them.
ASKED: dict[str, Callable[[Club], Awaitable[Any]]] = {
    **{name: act.ask for name, act in ACTS.items()},
    "transactions.UpdateTransaction": _update,
    "customers.MergeCustomers": _merge,
    "rewards.ClaimReward": _claim,
    "coupons.AssignCoupon": _assign,
}


async def kept(club: Club, name: str) -> dict[str, Any]:
    """Asks for one change: what was asked, what was answered, and what is kept of it."""
    request = await ASKED[name](club)
    request.request_id = fresh()
    answer = await call_of(club.admin, name)(request)
    [(method, content_hash, response)] = club.served.rows(
        "SELECT method, encode(content_hash, 'hex'), response FROM request WHERE request_id = %s", request.request_id
    )
    return {
        "call": name,
        "method": method,
        "request": json_format.MessageToDict(request, preserving_proto_field_name=True),
        "content_hash": content_hash,
        "kept": json.loads(response),
        "answer": json_format.MessageToDict(answer, preserving_proto_field_name=True),
    }


async def _in_a_club_of_its_own(database_url: str, name: str) -> dict[str, Any]:
    served = await serve(database_url)
    try:
        return await kept(await found(served), name)
    finally:
        await served.close()


def main() -> None:
    """Writes the file."""
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "data", SETTINGS)
        server.start()
        try:
            written = []
            for name in ASKED:
                with fresh_database(server.url) as url:
                    database = open_database(url)
                    migrate(database)
                    with connection(database) as books:
                        install(books)
                    database.close()
                    written.append(asyncio.run(_in_a_club_of_its_own(url, name)))
        finally:
            server.stop()
    lines = ",\n".join(json.dumps(one) for one in written)
    Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
