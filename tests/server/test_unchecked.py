"""Text that nobody has checked does not enter the log: it stands there for ever, and may be anybody's address."""

from typing import Any

import grpc.aio
import pytest
import structlog

from fealty.v1 import holds_pb2, ingest_pb2, points_pb2
from rules.access import UNGRANTED
from server.commands import CODECS
from server.interceptors import validation
from server.policy import Method, method_of, methods
from server.whence import software
from tests.contract.test_policy import RULES
from tests.server.calling import request_of
from tests.server.club import Club
from tests.server.serving import PLAIN, Client, Served, activities, fresh, purchase, told
from tests.server.unchecked import ADDRESS, keeps_no_wrong_text, kept

pytestmark = pytest.mark.long

BALANCE = "/fealty.v1.PointsService/GetBalance"


def _named(method: Method) -> str:
    return method.name


@pytest.mark.parametrize("method", [method for method in methods() if method.permission in UNGRANTED], ids=_named)
async def test_no_text_of_a_wrong_request_is_kept(club: Club, method: Method) -> None:
    """In whichever field somebody writes an address: of a wrong request, only names that are names are noted. Methods
    that need a permission are tried in test_guarded.py."""
    await keeps_no_wrong_text(club, method, await request_of(club, method))


@pytest.mark.parametrize("method", [*methods(), *map(method_of, CODECS)], ids=_named)
def test_what_a_call_is_about_has_a_rule_that_only_names_pass(method: Method) -> None:
    """The rule is what decides whether it is noted: where there is none, anything would be."""
    if path := validation.subject_field(method):
        descriptor = method.request.DESCRIPTOR
        *outer, last = path.split(".")
        for name in outer:
            descriptor = descriptor.fields_by_name[name].message_type
        rules = descriptor.fields_by_name[last].GetOptions().Extensions[RULES].string.ListFields()
        assert [rule.name.endswith("_name") for rule, _ in rules] == [True]


def test_what_is_made_is_about_no_name_that_its_request_says() -> None:
    """The contract ignores it: it would have the call judged, and noted, as one about somebody else's program."""
    made = [one for one in map(method_of, CODECS) if one.name.startswith("Create")]
    subjects = {one.name: validation.subject_field(one) for one in made}
    assert {"CreateProgram", "CreateNetwork", "CreatePartner", "CreateRole"} <= {
        name for name, subject in subjects.items() if not subject
    }
    assert {subject for subject in subjects.values() if subject} == {"parent", "account"}


async def test_a_name_that_is_one_is_noted_of_a_request_that_is_wrong_elsewhere(server: Served) -> None:
    """Whose account somebody tried to take a negative number of points from is what the log is for."""
    request_id = fresh()
    wrong = points_pb2.SpendPointsRequest(account=PLAIN, points=-1, request_id=request_id)
    await told(server.till.points.SpendPoints(wrong))
    [recorded] = await activities(server.admin, action="points.spent")
    assert recorded.subject == PLAIN
    assert request_id in kept(server)


async def test_no_text_of_a_wrong_item_of_a_stream_is_kept(server: Served) -> None:
    """The side entrance is swept like the front door; what an item is about that is well formed is noted."""
    wrong = purchase(1, f"programs/{ADDRESS}/customers/ada/accounts/plain")
    unnamed = ingest_pb2.Item(release_hold=holds_pb2.ReleaseHoldRequest(name=ADDRESS, request_id=ADDRESS))
    items = [ingest_pb2.Item(record=wrong), unnamed]
    call = server.admin.ingest.BatchIngest(iter([ingest_pb2.BatchIngestRequest(items=items)]))
    [answer] = [answer async for answer in call]
    assert all(result.HasField("refused") for result in answer.results)
    assert ADDRESS not in kept(server)
    await server.admin.ingest.BatchIngest(
        iter([ingest_pb2.BatchIngestRequest(items=[*items, ingest_pb2.Item(record=purchase(1, f"{PLAIN}-no"))])])
    ).read()
    recorded = await activities(server.admin, outcome="ACTIVITY_OUTCOME_INVALID")
    assert {(one.action, one.subject) for one in recorded} == {("transaction.recorded", ""), ("hold.released", "")}
    [refused] = await activities(server.admin, outcome="ACTIVITY_OUTCOME_REFUSED")
    assert (refused.action, refused.subject) == ("transaction.recorded", f"{PLAIN}-no")


@pytest.mark.parametrize(
    "path", [f"/{ADDRESS}", f"/fealty.v1.PointsService/{ADDRESS}", "/x?mail=somebody%40example", "/"]
)
async def test_of_an_unknown_path_only_what_looks_like_a_method_is_kept(server: Served, path: str) -> None:
    """Who tries paths is to be seen, not what he writes in them."""
    assert (await told(server.admin.send(path, b""))).reason == "METHOD_UNKNOWN"
    [recorded] = await activities(server.admin, action="method.unknown")
    assert recorded.actor.ip_address == "127.0.0.1"
    assert recorded.description == (
        "Somebody without a valid key tried to call a method that there is not: not understood, because there is no "
        "such method."
    )
    assert "somebody" not in kept(server)


async def test_of_what_a_caller_says_it_is_the_log_keeps_products_with_versions(server: Served) -> None:
    """A user agent is a text of the caller's like any other."""
    options = [("grpc.primary_user_agent", f"till/2.1 (mailto:{ADDRESS}) {ADDRESS}")]
    async with grpc.aio.insecure_channel(server.address, options) as channel:
        await told(Client(channel).send(BALANCE, b""))
    [recorded] = await activities(server.admin, action="balance.read")
    assert recorded.actor.user_agent.startswith("till/2.1 grpc-python-asyncio/")
    assert ADDRESS not in kept(server)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("grpc-go/1.62.0", "grpc-go/1.62.0"),
        ("grpc-python-asyncio/1.85.1 grpc-c/54.0.0 (linux; chttp2)", "grpc-python-asyncio/1.85.1 grpc-c/54.0.0"),
        ("a/1 b/2 c/3 d/4 e/5 f/6 g/7", "a/1 b/2 c/3 d/4 e/5 f/6"),
        ("Gwendolyn Featherstone", ""),
        (f"{ADDRESS}/1", ""),
        ("x" * 49 + "/1", ""),
        ("\x1b[2J/1", ""),
        ("", ""),
    ],
)
def test_a_product_is_a_word_and_a_version(said: str, kept: str) -> None:
    """What a terminal would obey, or a person's name, is no product."""
    assert software(said) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0af7651916cd43dd8448eb211c80319c", True),
        ("Root=1-67891233-abcdef012345678912345678", True),
        (ADDRESS, False),
        ("Gwendolyn Featherstone", False),
        ("+420601123456", False),
        ("x" * 65, False),
    ],
)
async def test_an_id_of_a_call_is_named_in_our_log_where_it_is_one(
    server: Served, monkeypatch: pytest.MonkeyPatch, given: str, kept: bool
) -> None:
    """Lines of ours can be found by the caller's own id; it is no way to write into them."""
    monkeypatch.setattr(structlog.contextvars, "bind_contextvars", lambda **bound: bound_to.append(bound))
    bound_to: list[Any] = []
    metadata = (("x-request-id", given),)
    await server.till.points.GetBalance(points_pb2.GetBalanceRequest(account=PLAIN), metadata=metadata)
    assert bound_to == ([{"request": given}] if kept else [])
