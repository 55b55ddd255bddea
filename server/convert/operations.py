"""Operations."""

from typing import Any

from fealty.v1 import operations_pb2 as pb
from fealty.v1.errors_pb2 import ErrorReason
from rules.coupons.refusals import CampaignArchived
from server import reasons
from server.call import Call
from server.convert import names
from server.convert.requests import context, fill_receipt, set_instant
from storage.activity.exporting import operations as exporting
from storage.engine.requests import Answer
from storage.operations.commands import CancelOperation
from storage.operations.queries import Operation
from storage.operations.records import OperationKind, OperationState

_KINDS: dict[str, Any] = {name.removeprefix("OPERATION_KIND_"): kind for name, kind in pb.OperationKind.items()}
_STATES: dict[str, Any] = {name.removeprefix("OPERATION_STATE_"): state for name, state in pb.OperationState.items()}

_GIVEN_UP = (
    ErrorReason.ERROR_REASON_INTERNAL,
    "Given up after many tries ({error}). Asked for again, it does the rest.",
)
# What makes an operation end early that is no fault, by the name of its type.
_ERRORS = {
    CampaignArchived.__name__: (
        ErrorReason.ERROR_REASON_CAMPAIGN_ARCHIVED,
        "The campaign was archived meanwhile. Unarchive it, and ask again.",
    )
}


def cancel_operation(call: Call, message: pb.CancelOperationRequest) -> CancelOperation:
    """The command in a request."""
    return CancelOperation(message.name, context(call, message))


def cancelled(command: CancelOperation, answer: Answer[Operation]) -> pb.CancelOperationResponse:
    """What is answered to it."""
    response = pb.CancelOperationResponse()
    fill(response.operation, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def fill(shown: pb.Operation, found: Operation) -> None:
    """An operation as the contract shows it."""
    shown.name = found.name
    shown.done = found.state is not OperationState.RUNNING
    shown.state = _STATES[found.state]
    shown.kind = _KINDS[found.kind]
    shown.subject = found.subject
    shown.accounts_done = found.accounts_done
    shown.accounts_total = found.accounts_total
    match found.kind:
        case OperationKind.REDATE_LOTS:
            shown.redate_lots.CopyFrom(pb.RedateLotsResult(**found.figures))
        case OperationKind.EXPORT_ACTIVITIES:
            file = exporting.file_name(found) if found.state is OperationState.SUCCEEDED else ""
            shown.export_activities.CopyFrom(pb.ExportResult(file=file, **found.figures))
        case OperationKind.GENERATE_COUPONS:
            result = pb.GenerateCouponsResult(batch=found.arguments["batch"], **found.figures)
            shown.generate_coupons.CopyFrom(result)
        case OperationKind.ASSIGN_COUPONS:
            shown.assign_coupons.CopyFrom(pb.AssignCouponsResult(**found.figures))
        case OperationKind.VOID_COUPONS:
            shown.void_coupons.CopyFrom(pb.VoidCouponsResult(voided=found.figures["voided"]))
    if found.error is not None:
        reason, message = _ERRORS.get(found.error, _GIVEN_UP)
        shown.error.reason = reasons.name(reason)
        shown.error.message = message.format(error=found.error)
    shown.caller = f"callers/{found.actor}"
    shown.acting_user = found.acting_user
    shown.reason_code = found.reason_code
    set_instant(shown.create_time, found.created_at)
    set_instant(shown.update_time, found.updated_at)
    if found.ended_at is not None:
        set_instant(shown.end_time, found.ended_at)
    shown.activity = names.activity(found.activity)
    shown.end_activity = names.activity(found.end_activity)
