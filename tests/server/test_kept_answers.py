"""What every change keeps of its answer is answered again, also by a server of a later release."""

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from fealty.v1 import customers_pb2
from server.policy import methods
from storage.engine.answers import SHAPES
from tests.server.acts import ACTS, GWEN, call_of
from tests.server.club import Club
from tests.server.keeping import FOLDER
from tests.server.peopled import know
from tests.server.serving import fresh

FILES = sorted(FOLDER.glob("[0-9]*.json"))
# The fields of each type of which answers were kept by position, in their order.
POSITIONS = json.loads((FOLDER / "positions.json").read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_an_answer_that_another_release_kept_is_given_again(club: Club, file: Path) -> None:
    """A till retries across a deploy: it must hear that its purchase was recorded, and to the last figure how."""
    answers, expected = await _replayed(club, file)
    assert answers == expected


def test_every_change_is_among_them() -> None:
    """A change whose answer is kept, and which is forgotten here, breaks its callers' retries one day."""
    assert {one["call"] for one in json.loads(FILES[-1].read_text())} == set(ACTS)


async def test_where_answers_were_kept_by_position_each_field_keeps_its_place(club: Club) -> None:
    """Two figures that change places would be answered for each other, and nothing would fail.

    A field that is added stands last, with a default. One that is renamed in its place is renamed in the file.
    """
    await _replayed(club, FILES[-1])
    types: dict[str, Any] = {kind.__name__: kind for kind in SHAPES if kind.__module__.startswith(("rules", "storage"))}
    assert {name: list(types[name]._fields[: len(fields)]) for name, fields in POSITIONS.items()} == POSITIONS
    for name, fields in POSITIONS.items():
        assert set(types[name]._fields[len(fields) :]) <= set(types[name]._field_defaults)


async def _replayed(club: Club, file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a server answers to the requests of which a file has what was kept; and what it must answer."""
    await club.admin.customers.CreateCustomer(customers_pb2.CreateCustomerRequest(**GWEN, request_id=fresh()))
    know(club, file.read_text())
    [(caller,)] = club.served.rows("SELECT id FROM caller WHERE name = 'admin'")
    requests = {method.name: method.request for method in methods()}
    answers, expected = {}, {}
    for one in json.loads(file.read_text()):
        request = json_format.ParseDict(one["request"], requests[one["method"]]())
        club.served.execute(
            "INSERT INTO request VALUES (%s, %s, %s, decode(%s, 'hex'), %s, now())",
            *(caller, one["method"], request.request_id, one["content_hash"], json.dumps(one["kept"])),
        )
        answer = await call_of(club.admin, one["call"])(request)
        answers[one["call"]] = _told(json_format.MessageToDict(answer, preserving_proto_field_name=True))
        one["answer"]["receipt"]["replayed"] = True
        expected[one["call"]] = _told(one["answer"])
    return answers, expected


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with nothing of a person but the name of its record: the rest is that of now, and kept nowhere else.
    Nor with who called, who has another id in other books."""
    if isinstance(answer.get("approval_request"), dict):
        return {**answer, "approval_request": {**answer["approval_request"], "sha256": ""}}
    for person in ("customer", "user", "login"):
        if person in answer:
            return {**answer, person: answer[person]["name"]}
    if "activity" in answer:
        return {**answer, "activity": {**answer["activity"], "actor": {}}}
    return answer
