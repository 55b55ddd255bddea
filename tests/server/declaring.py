"""Every failure that the servers of a test answer, held against what the contract declares for its call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor

from server.call import Call
from server.errors import Failure
from server.interceptors import failures
from server.policy import method_of
from server.services import ingest
from tests.contract.descriptors import script

CALLS: Any = script("calls")
DECLARED: dict[str, MethodDescriptor] = {
    f"/{method.containing_service.full_name}/{method.name}": method for method in CALLS.methods()
}
BATCH = "/fealty.v1.IngestService/BatchIngest"

# The path of a call, and of the stream that it was an item of; the reason that its caller was told.
Met = set[tuple[str, str, str]]


@contextmanager
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Met]:
    """Fills the set with what the servers of this process answer meanwhile."""
    met: Met = set()
    end, response = failures.end, ingest._response

    async def seeing_end(call: Call, told: Failure) -> None:
        met.add((call.method.path, "", told.reason))
        await end(call, told)

    async def seeing_response(call: Any, taken: Any) -> Any:
        answer, refused = await response(call, taken)
        for item, told in refused:
            path = BATCH if item.message is None else method_of(type(item.message)).path
            met.add((path, BATCH, told.reason))
        return answer, refused

    monkeypatch.setattr(failures, "end", seeing_end)
    monkeypatch.setattr(ingest, "_response", seeing_response)
    yield met


def undeclared(met: Met) -> list[str]:
    """What is to be added to the contract, and where, one line each."""
    return [
        f"{path} was refused: add `errors: {CALLS.PREFIX}{reason}` to its policy in protos/{_file(path)}"
        for path, stream, reason in sorted(met)
        if path in DECLARED and reason not in _declared(path) | _declared(stream)
    ]


def _file(path: str) -> str:
    return str(DECLARED[path].containing_service.file.name)


def _declared(path: str) -> set[str]:
    if path not in DECLARED:
        return set()
    return {*CALLS.own_reasons(DECLARED[path]), *CALLS.common_reasons(DECLARED[path])}
