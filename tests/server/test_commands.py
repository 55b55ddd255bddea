"""The table of commands is the contract's, and each call is found by its name."""

import inspect
import re
from pathlib import Path
from typing import get_type_hints

import pytest
from google.protobuf.message_factory import GetMessageClass

from fealty.v1 import ingest_pb2
from server import services
from server.commands import CODECS, COLD, HOT
from server.policy import FILES, Method, methods
from server.services import SERVICES

UNARY = [method for method in methods() if not (method.streams or method.server_streams)]
SOURCES = "".join(path.read_text() for path in sorted(Path(services.__file__).parent.glob("*.py")))


def _name(method: Method) -> str:
    return method.name


def test_every_change_of_the_contract_has_a_codec_and_nothing_else_has() -> None:
    """Whoever freezes a request and carries it out another day finds how to read it here, whatever it is."""
    changes = {method.request for method in UNARY if "request_id" in method.request.DESCRIPTOR.fields_by_name}
    assert set(CODECS) == changes
    assert not set(HOT) & set(COLD)


def test_what_a_stream_may_bring_is_gathered() -> None:
    """A cold command among a thousand items would take a transaction of its own for each, and a thread."""
    assert {type(getattr(ingest_pb2.Item(), field.name)) for field in ingest_pb2.Item.DESCRIPTOR.fields} <= set(HOT)


@pytest.mark.parametrize("method", methods(), ids=_name)
def test_a_call_is_found_by_grepping_its_name(method: Method) -> None:
    """Who reads a trace or the contract looks for `async def` and the name; there it stands, once."""
    assert len(re.findall(rf"^    async def {method.name}\(", SOURCES, re.MULTILINE)) == 1


@pytest.mark.parametrize("method", UNARY, ids=_name)
def test_a_call_says_what_it_takes_and_what_it_answers(method: Method) -> None:
    """The types are the contract's: the checker then holds the converters to them."""
    [service] = [made for made in SERVICES if getattr(made, "service", "") == method.service]
    operation = inspect.getattr_static(service, method.name)
    [answered] = [
        GetMessageClass(declared.output_type)
        for file in FILES
        for one in file.services_by_name.values()
        for declared in one.methods
        if f"/{one.full_name}/{declared.name}" == method.path
    ]
    hints = get_type_hints(operation)
    assert (hints["message"], hints["return"]) == (method.request, answered)
