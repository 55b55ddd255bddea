"""How a call fails: Fealty says no and why, or nobody of Fealty answers."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import grpc
import grpc.aio
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from fealty import v1

# How gRPC refuses for a server what is too large to be read.
_TOO_LARGE = re.compile(r"SERVER: Received message larger than max \((\d+) vs\. (\d+)\)")
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Violation(NamedTuple):
    """A field as the contract writes it, and what is wrong with it."""

    field: str
    what: str


class FealtyError(Exception):
    """A call failed. `code` is gRPC's."""

    code: grpc.StatusCode


class Refused(FealtyError):
    """Fealty answered no. Its text is the sentence for a person; programs go by `reason`.

    `reason` is a name of `enum ErrorReason` without its prefix, `facts` are what the contract promises with it.
    `violations` say which fields are shaped wrongly, where it is INVALID_REQUEST. `retry_after_s` is there where the
    same message may be taken a moment later.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        sentence: str,
        facts: Mapping[str, str],
        violations: Sequence[Violation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        # All of it are its arguments, so that it can be pickled.
        super().__init__(code, reason, sentence, facts, violations, retry_after_s)
        self.code = code
        self.reason = reason
        self.facts = facts
        self.violations = violations
        self.retry_after_s = retry_after_s
        self._sentence = sentence
        # For who reads the traceback.
        self.add_note(f"{code.name} {reason} {dict(facts)}")

    def __str__(self) -> str:
        return self._sentence


class Unanswered(FealtyError):
    """No server of Fealty answered: the network, a proxy, or the deadline, as `what` says. Whether it was done is not
    known: send the same message again."""

    def __init__(self, code: grpc.StatusCode, what: str) -> None:
        super().__init__(code, what)
        self.code = code
        self.what = what

    def __str__(self) -> str:
        return f"No server of Fealty answered ({self.code.name}): {self.what}"


def refusal_of(result: v1.ItemResult | v1.BalanceResult) -> Refused:
    """Why an item of `BatchIngest`, or a customer of `BatchGetBalances`, was refused. Raises ValueError where it was
    not."""
    refused = _refused(result.refused)
    if refused is None:
        raise ValueError(f"it was not refused: {result.WhichOneof('result')}")
    return refused


def failure(error: grpc.RpcError) -> FealtyError:
    """The same failure of a stub of one's own over the raw channel."""
    if not isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        return Unanswered(grpc.StatusCode.UNKNOWN, str(error))
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            refused = _refused(Status.FromString(value))
            if refused is not None:
                return refused
    if too_large := _TOO_LARGE.match(error.details() or ""):
        found, taken = (int(size) for size in too_large.groups())
        sentence = f"The message has {found:,} bytes, and a call may have {taken:,}: send less in it."
        return Refused(error.code(), "INVALID_REQUEST", sentence, {})
    return Unanswered(error.code(), error.details() or "")


def _refused(status: Status) -> Refused | None:
    found = None
    violations: list[Violation] = []
    retry_after_s = None
    for detail in status.details:
        info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
        if detail.Unpack(info) and info.domain == "fealty":
            found = info
        elif detail.Unpack(bad):
            violations += [Violation(wrong.field, wrong.description) for wrong in bad.field_violations]
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
    if found is None:
        return None
    return Refused(_CODES[status.code], found.reason, status.message, dict(found.metadata), violations, retry_after_s)
