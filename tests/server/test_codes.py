"""Every call carries the seals of codes, so that its conversion seals what was typed before anything else sees it."""

from typing import Any

import pytest

from fealty.v1 import points_pb2
from rules.coupons.codes import Code
from server import commands
from server.call import Call
from server.commands import Codec
from storage.coupons.sealing import CodeSeals
from tests.personal import CODES
from tests.server.club import Club

CODE = Code("SUMMER7XKQWM")


async def test_a_conversion_seals_codes_by_its_call(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands wait in queues, and are printed by faults: what they hold of a code is under seal already."""
    request = points_pb2.SpendPointsRequest
    codec = commands.CODECS[request]
    given: list[CodeSeals] = []

    def convert(call: Call, message: Any) -> Any:
        given.append(call.codes)
        return codec.command(call, message)

    monkeypatch.setitem(commands.CODECS, request, Codec(convert, codec.response))
    await club.earn(100)
    await club.spend(30)
    [seals] = given
    assert seals.seal("coffee", CODE) == CODES.seal("coffee", CODE)
