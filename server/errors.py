"""From what went wrong to what the caller is told. Refusals of the rules have their table in `reasons.py`."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc import StatusCode

from fealty.v1.errors_pb2 import ErrorReason
from rules.refusals import Refusal
from server import limits, reasons
from server.convert import names
from server.outage import DATABASE
from storage.activity.commands import Outcome
from storage.engine.database import AnswerLate, Busy, OutOfRoom, StorageUnavailable, TooSlow
from storage.engine.lanes import LaneFull

DOMAIN = "fealty"

log = structlog.get_logger()


class RequestInvalid(Exception):
    """The request is shaped wrongly: (field, what is wrong with it) for each violation that is shown.

    `fields` are all that are wrong, also those that are not shown.
    """

    def __init__(self, violations: Sequence[tuple[str, str]], fields: frozenset[str] = frozenset()) -> None:
        self.violations = violations
        self.fields = fields
        super().__init__("; ".join(f"{name}: {what}" for name, what in violations))


class RequestMalformed(Exception):
    """The bytes are not a message of this method; regenerate the client from the contract."""


class LogUnavailable(Exception):
    """The last record could be written neither in the books nor beside them."""


class MethodUnknown(Exception):
    """There is no such method; regenerate the client from the contract."""


class MetadataTooLarge(Exception):
    """The metadata of the call weighs more than may be; send what the contract names, and little else."""


class MessageLate(Exception):
    """The message of the call did not come in time; send it together with the call."""


class StreamIdle(Exception):
    """The stream was silent for too long, or its answers were not read; open another and go on where this one ended."""


class Overloaded(Exception):
    """The server has as many calls in hand as it takes; try again in a moment."""


class ShareUsedUp(Exception):
    """You have as many calls in hand as are free for everybody else; wait for answers before you send more."""


class PasswordsBusy(Exception):
    """As many passwords are being checked as may be at once; nothing was looked up. Try again in a moment."""


class TooManyStreams(Exception):
    """As many streams of this kind are open as may be, by you or by all; end one, or try again later."""


class ServerStopping(Exception):
    """The server is about to stop, and nothing was shown yet; ask again, and another process answers."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What the caller is told: a status with one ErrorInfo, and what the activity log calls it.

    `outcome` is None where the activity log has nothing of it: what was turned away unread is counted. `retry_ms` is
    how long to wait before it is worth trying again; with `retries_itself` the client's library may do so by itself.
    """

    code: StatusCode
    reason: str
    message: str
    outcome: Outcome | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[tuple[str, str]] = ()
    retry_ms: int | None = None
    retries_itself: bool = True

    def status(self) -> status_pb2.Status:
        """As google.rpc.Status."""
        details = [_packed(error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata))]
        if self.violations:
            violation = error_details_pb2.BadRequest.FieldViolation
            fields = [violation(field=name, description=what) for name, what in self.violations]
            details.append(_packed(error_details_pb2.BadRequest(field_violations=fields)))
        if self.retry_ms is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(self.retry_ms)
            details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
        code = code_pb2.Code.Value(self.code.name)
        return status_pb2.Status(code=code, message=self.message, details=details)


def failure(error: BaseException, subject: str = "") -> Failure:
    """What the caller is told of `error`, where it asked about `subject`: a resource name, or empty. Of what we did not
    expect, only an incident number that the log has too."""
    if isinstance(error, Refusal) and type(error) in reasons.REFUSALS:
        code, reason, outcome = reasons.REFUSALS[type(error)]
        named = names.refusal(error, subject)
        after_s = named.facts.get("retry_after_s")
        retry_ms = None if after_s is None else 1000 * int(after_s)
        return Failure(code, reason, str(named), outcome, named.facts, retry_ms=retry_ms, retries_itself=False)
    if isinstance(error, RequestInvalid):
        message = _shaped_wrongly(error.violations)
        return Failure(*_INVALID, message, Outcome.INVALID, violations=error.violations)
    if told := next((_TOLD[kind] for kind in type(error).__mro__ if kind in _TOLD), None):
        if isinstance(error, StorageUnavailable):
            DATABASE.missed(str(error))
        message = told.message or type(error).__doc__ or ""
        return Failure(told.code, reasons.name(told.reason), message, told.outcome, retry_ms=told.retry_ms)
    incident = secrets.token_hex(8)
    log.error("unexpected failure", incident=incident, exc_info=error)
    return Failure(
        StatusCode.INTERNAL,
        reasons.name(ErrorReason.ERROR_REASON_INTERNAL),
        f"A fault of ours; tell your operator incident {incident}.",
        Outcome.FAILED,
        {"incident": incident},
    )


def _shaped_wrongly(violations: Sequence[tuple[str, str]]) -> str:
    """The first in full, and where the others are; BadRequest tells them all."""
    (field, what), *others = violations
    also = sorted({name for name, _ in others} - {field})
    more = f". Wrong too: {', '.join(also)}" if also else ""
    return f"The request is shaped wrongly: {f'{field} {what}'.strip()}{more}."


def _packed(message: error_details_pb2.ErrorInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


class _Told(NamedTuple):
    code: StatusCode
    reason: ErrorReason
    outcome: Outcome | None
    retry_ms: int | None = None
    # Where the exception's own docstring is not for the caller.
    message: str = ""


_INVALID = (StatusCode.INVALID_ARGUMENT, reasons.name(ErrorReason.ERROR_REASON_INVALID_REQUEST))
_RETRY = "Retry with the same request_id."

_TOLD: dict[type, _Told] = {
    RequestMalformed: _Told(StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_MALFORMED_REQUEST, Outcome.INVALID),
    MethodUnknown: _Told(StatusCode.UNIMPLEMENTED, ErrorReason.ERROR_REASON_METHOD_UNKNOWN, Outcome.INVALID),
    MetadataTooLarge: _Told(StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_METADATA_TOO_LARGE, None),
    MessageLate: _Told(StatusCode.DEADLINE_EXCEEDED, ErrorReason.ERROR_REASON_MESSAGE_LATE, None),
    StreamIdle: _Told(StatusCode.DEADLINE_EXCEEDED, ErrorReason.ERROR_REASON_STREAM_IDLE, None),
    Overloaded: _Told(StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_OVERLOADED, None, limits.PUSHBACK_MS),
    PasswordsBusy: _Told(
        StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_OVERLOADED, None, limits.PASSWORD_PUSHBACK_MS
    ),
    LaneFull: _Told(
        StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_OVERLOADED,
        None,
        limits.PUSHBACK_MS,
        "As much of this kind waits as may wait, from you or from all; try again in a moment.",
    ),
    ShareUsedUp: _Told(StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_SHARE_USED_UP, None, limits.PUSHBACK_MS),
    TooManyStreams: _Told(
        StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_TOO_MANY_STREAMS, None, limits.STREAM_PUSHBACK_MS
    ),
    ServerStopping: _Told(
        StatusCode.UNAVAILABLE, ErrorReason.ERROR_REASON_UNAVAILABLE, Outcome.FAILED, limits.PUSHBACK_MS
    ),
    Busy: _Told(
        StatusCode.ABORTED,
        ErrorReason.ERROR_REASON_ACCOUNT_BUSY,
        Outcome.FAILED,
        limits.PUSHBACK_MS,
        f"Somebody else held what this call changes for as long as it could wait; nothing was changed. {_RETRY}",
    ),
    TooSlow: _Told(
        StatusCode.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_TOO_SLOW,
        Outcome.FAILED,
        message="The database worked on this for as long as it may; nothing was changed. Ask for less, or later.",
    ),
    StorageUnavailable: _Told(
        StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_UNAVAILABLE,
        Outcome.FAILED,
        limits.PUSHBACK_MS,
        f"The database cannot be reached; nothing is known to have changed. {_RETRY}",
    ),
    AnswerLate: _Told(
        StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_UNAVAILABLE,
        Outcome.FAILED,
        limits.PUSHBACK_MS,
        f"The database did not answer in time; whether anything was changed is not known. {_RETRY}",
    ),
    LogUnavailable: _Told(
        StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_UNAVAILABLE,
        None,
        limits.PUSHBACK_MS,
        f"What calls do can be recorded nowhere now; nothing was changed or shown. Tell your operator. {_RETRY}",
    ),
    OutOfRoom: _Told(
        StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_UNAVAILABLE,
        Outcome.FAILED,
        limits.PUSHBACK_MS,
        f"The database has no disk or memory left; nothing was changed. Tell your operator. {_RETRY}",
    ),
}
