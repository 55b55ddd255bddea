"""That a refusal which the contract does not declare is noticed, wherever it is answered."""

import pytest

from fealty.v1 import ingest_pb2
from tests.server.club import Club, account
from tests.server.declaring import seen, undeclared
from tests.server.serving import purchase, spending, told

SPEND = "/fealty.v1.PointsService/SpendPoints"


async def test_refusals_of_calls_and_of_items_are_seen(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not seen can be undeclared for ever."""
    batch = ingest_pb2.BatchIngestRequest(
        items=[ingest_pb2.Item(spend=spending(1, account())), ingest_pb2.Item(record=purchase(1, account("gold")))]
    )
    with seen(monkeypatch) as met:
        await told(club.till.points.SpendPoints(spending(1, account())))
        call = club.till.ingest.BatchIngest(iter([batch]))
        await call.read()
    stream = "/fealty.v1.IngestService/BatchIngest"
    assert met == {
        (SPEND, "", "INSUFFICIENT_POINTS"),
        (SPEND, stream, "INSUFFICIENT_POINTS"),
        ("/fealty.v1.TransactionService/RecordTransaction", stream, "CARD_NOT_FOUND"),
    }


def test_whoever_adds_a_refusal_is_told_what_to_declare_and_where() -> None:
    """The one who meets it first knows neither the option nor the file."""
    met = {(SPEND, "", "INSUFFICIENT_POINTS"), (SPEND, "", "REQUEST_ID_REUSED"), (SPEND, "", "HOLD_EXPIRED")}
    assert undeclared(met) == [
        f"{SPEND} was refused: add `errors: ERROR_REASON_HOLD_EXPIRED` to its policy in protos/fealty/v1/points.proto"
    ]


def test_only_an_item_of_a_stream_can_meet_what_the_stream_declares() -> None:
    """A call of its own is never refused for its neighbour's sake."""
    stream = "/fealty.v1.IngestService/BatchIngest"
    assert not undeclared({(SPEND, stream, "GROUP_REFUSED")})
    assert undeclared({(SPEND, "", "GROUP_REFUSED")})
