"""From what went wrong to what the caller is told. Refusals of the rules have their table in `reasons.py`."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc import StatusCode

from fealty.v1.errors_pb2 import ErrorReason
from rules.refusals import Refusal
from server import limits, reasons
from storage.activity.commands import Outcome
from storage.engine.database import StorageUnavailable, unavailable

DOMAIN = "fealty"

log = structlog.get_logger()


class RequestInvalid(Exception):
    """The request is shaped wrongly: (field, what is wrong with it) for each violation."""

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        self.violations = violations
        super().__init__("; ".join(f"{name}: {what}" for name, what in violations))


class RequestMalformed(Exception):
    """The bytes are not a message of this method; regenerate the client from the contract."""


class MethodUnknown(Exception):
    """There is no such method; regenerate the client from the contract."""


class Overloaded(Exception):
    """The server has as many calls in hand as it takes; try again in a moment."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What the caller is told: a status with one ErrorInfo, and what the activity log calls it."""

    code: StatusCode
    reason: str
    message: str
    outcome: Outcome
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[tuple[str, str]] = ()
    retry_ms: int | None = None

    def status(self) -> status_pb2.Status:
        """As google.rpc.Status."""
        details = [_packed(error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata))]
        if self.violations:
            violation = error_details_pb2.BadRequest.FieldViolation
            fields = [violation(field=name, description=what) for name, what in self.violations]
            details.append(_packed(error_details_pb2.BadRequest(field_violations=fields)))
        if self.retry_ms is not None:
            delay = duration_pb2.Duration(nanos=self.retry_ms * 1_000_000)
            details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
        code = code_pb2.Code.Value(self.code.name)
        return status_pb2.Status(code=code, message=self.message, details=details)


def failure(error: BaseException) -> Failure:
    """What the caller is told of `error`. Of what we did not expect, only an incident number that the log has too."""
    if isinstance(error, Refusal):
        code, reason, outcome = reasons.REFUSALS[type(error)]
        return Failure(code, reason, str(error), outcome, error.facts)
    if isinstance(error, RequestInvalid):
        message = f"The request is shaped wrongly: {' '.join(error.violations[0])}"
        return Failure(*_INVALID, message, Outcome.INVALID, violations=error.violations)
    if isinstance(error, RequestMalformed):
        return Failure(
            StatusCode.INVALID_ARGUMENT,
            reasons.name(ErrorReason.ERROR_REASON_MALFORMED_REQUEST),
            _doc(error),
            Outcome.INVALID,
        )
    if isinstance(error, MethodUnknown):
        return Failure(
            StatusCode.UNIMPLEMENTED,
            reasons.name(ErrorReason.ERROR_REASON_METHOD_UNKNOWN),
            _doc(error),
            Outcome.INVALID,
        )
    if isinstance(error, Overloaded):
        return Failure(
            StatusCode.RESOURCE_EXHAUSTED,
            reasons.name(ErrorReason.ERROR_REASON_OVERLOADED),
            _doc(error),
            Outcome.FAILED,
            retry_ms=limits.PUSHBACK_MS,
        )
    if isinstance(error, StorageUnavailable) or unavailable(error):
        log.error("database unavailable", error=str(error))
        return Failure(
            StatusCode.UNAVAILABLE,
            reasons.name(ErrorReason.ERROR_REASON_UNAVAILABLE),
            "The database cannot be reached; nothing is known to have changed. Retry with the same request_id.",
            Outcome.FAILED,
            retry_ms=limits.PUSHBACK_MS,
        )
    incident = secrets.token_hex(8)
    log.error("unexpected failure", incident=incident, exc_info=error)
    return Failure(
        StatusCode.INTERNAL,
        reasons.name(ErrorReason.ERROR_REASON_INTERNAL),
        f"A fault of ours; tell your operator incident {incident}.",
        Outcome.FAILED,
        {"incident": incident},
    )


def _doc(error: Exception) -> str:
    return type(error).__doc__ or ""


def _packed(message: error_details_pb2.ErrorInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


_INVALID = (StatusCode.INVALID_ARGUMENT, reasons.name(ErrorReason.ERROR_REASON_INVALID_REQUEST))
