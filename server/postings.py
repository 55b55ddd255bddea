"""Every kind of posting: how its request becomes a command and its answer a response, by a call or in a stream."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fealty.v1 import events_pb2, holds_pb2, lots_pb2, points_pb2, reports_pb2, transactions_pb2
from rules import access
from rules.refusals import ProgramNotFound
from server.call import Call
from server.convert import events, holds, lots, points, reports, transactions
from server.policy import method_of
from storage.books import Books
from storage.ledger.commands import Command


class Posting(NamedTuple):
    """How one kind is read and answered."""

    command: Callable[[Call, Any], Any]
    response: Callable[[Any, Any], Any]


POSTINGS: dict[type[Any], Posting] = {
    transactions_pb2.RecordTransactionRequest: Posting(transactions.record_transaction, transactions.recorded),
    transactions_pb2.UpdateTransactionRequest: Posting(transactions.update_transaction, transactions.updated),
    transactions_pb2.AcceptTransactionRequest: Posting(transactions.accept_transaction, transactions.accepted),
    transactions_pb2.RejectTransactionRequest: Posting(transactions.reject_transaction, transactions.rejected),
    transactions_pb2.RefundTransactionRequest: Posting(transactions.refund_transaction, transactions.refunded),
    points_pb2.SpendPointsRequest: Posting(points.spend_points, points.spent),
    points_pb2.RollBackSpendingRequest: Posting(points.roll_back_spending, points.rolled_back),
    points_pb2.AdjustPointsRequest: Posting(points.adjust_points, points.adjusted),
    points_pb2.TransferPointsRequest: Posting(points.transfer_points, points.transferred),
    points_pb2.ClaimRewardRequest: Posting(points.claim_reward, points.claimed),
    holds_pb2.CreateHoldRequest: Posting(holds.create_hold, holds.created),
    holds_pb2.CaptureHoldRequest: Posting(holds.capture_hold, holds.captured),
    holds_pb2.ReleaseHoldRequest: Posting(holds.release_hold, holds.released),
    lots_pb2.ActivateLotRequest: Posting(lots.activate_lot, lots.activated),
    lots_pb2.CancelLotRequest: Posting(lots.cancel_lot, lots.cancelled),
    events_pb2.RecordEventRequest: Posting(events.record_event, events.event_recorded),
    reports_pb2.WriteOffShortfallRequest: Posting(reports.write_off_shortfall, reports.written_off),
}


class Poster:
    """Posts single requests."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def post(self, call: Call, message: Any) -> Any:
        """What is answered to a request of any kind of posting. Raises what its command raises."""
        command = command_of(call, message)
        [outcome] = await self._books.write([command])
        if isinstance(outcome, Exception):
            raise outcome
        return POSTINGS[type(message)].response(command, outcome)


def command_of(call: Call, message: Any) -> Command:
    """The command in a request. Raises ProgramNotFound: what is not yours is not found; RequestInvalid."""
    command: Any = POSTINGS[type(message)].command(call, message)
    program = (command.address if hasattr(command, "address") else command.name).program
    if not call.caller.sees(program):
        raise ProgramNotFound(program=program)
    return command  # type: ignore[no-any-return]


def check_permission(call: Call, message: Any) -> None:
    """Whether the caller might post it by a call of its own. Raises PermissionMissing."""
    access.check(call.caller, method_of(type(message)).permission)
