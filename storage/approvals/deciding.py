"""How a request goes on by what people do: its maker submits and withdraws it, others approve and reject it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import Permission
from rules.approvals import deciding
from rules.approvals.deciding import ApprovalState, Party, check_maker, check_way, party
from rules.approvals.refusals import ApprovalRequestNotFound, ApprovalStateWrong
from rules.refusals import StaleEtag
from storage.activity.commands import Scope, record
from storage.approvals import queries, sealing
from storage.approvals.queries import ApprovalRequest
from storage.approvals.records import DecisionRow, RequestRow
from storage.approvals.sealing import Content
from storage.approvals.submitting import written
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class SubmitApprovalRequest(NamedTuple):
    """Has others decide on a draft, for the reason that its maker gives. From then on its time runs anew."""

    name: str
    etag: str
    justification: str
    context: CommandContext

    def answers(self) -> type[ApprovalRequest]:
        """The request."""
        return ApprovalRequest

    def decide(self, unit: Unit) -> Answer[ApprovalRequest]:
        """Raises ProgramNotFound, ApprovalRequestNotFound, ApprovalStateWrong, StaleEtag."""
        found, row = _made_by_caller(unit, self)
        check_way(found.state, ApprovalState.PENDING)
        content = sealing.unseal(unit.connection, unit.keyring, found.public_id, bytes(row.sealed))
        sealed = sealing.seal(unit, found.public_id, Content(content.message, self.justification))
        activity = _record(unit, self.context, found, row, note=self.justification)
        expires_at = unit.now + timedelta(hours=found.expires_after_hours)
        return change(unit, found, activity, state=ApprovalState.PENDING, sealed=sealed, expires_at=expires_at)


class WithdrawRequest(NamedTuple):
    """Takes back what nobody has decided on: its maker wants it no more."""

    name: str
    etag: str
    context: CommandContext

    def answers(self) -> type[ApprovalRequest]:
        """The request."""
        return ApprovalRequest

    def decide(self, unit: Unit) -> Answer[ApprovalRequest]:
        """Raises ProgramNotFound, ApprovalRequestNotFound, ApprovalStateWrong, StaleEtag."""
        found, row = _made_by_caller(unit, self)
        check_way(found.state, ApprovalState.WITHDRAWN)
        activity = _record(unit, self.context, found, row)
        return change(unit, found, activity, **ended(unit, ApprovalState.WITHDRAWN, activity))


class ApproveRequest(NamedTuple):
    """Says yes, for one of those that it takes; with the last of them it is approved, and carried out."""

    name: str
    etag: str
    context: CommandContext

    def answers(self) -> type[ApprovalRequest]:
        """The request."""
        return ApprovalRequest

    def decide(self, unit: Unit) -> Answer[ApprovalRequest]:
        """Raises ProgramNotFound, ApprovalRequestNotFound, PermissionMissing, ApproverUnknown, OwnApproval,
        AlreadyDecided, ApproverRoleMissing, ApprovalStateWrong, StaleEtag."""
        found, row, before = _to_decide(unit, self)
        deciding.check_decider(self.context.caller, found.maker, before)
        _check_pending(found.state)
        needs = deciding.approved_by(self.context.caller, found.program, found.needs)
        activity = _record(unit, self.context, found, row, cause=found.activity)
        _decided(unit, self.context, found, ApprovalState.APPROVED, activity)
        changed: dict[str, Any] = {"needs": [list(need) for need in needs]}
        if deciding.is_approved(needs):
            changed |= {"state": ApprovalState.APPROVED, "approved_activity": activity}
        return change(unit, found, activity, **changed)


class RejectRequest(NamedTuple):
    """Says no, for a reason: one is enough."""

    name: str
    etag: str
    context: CommandContext

    def answers(self) -> type[ApprovalRequest]:
        """The request."""
        return ApprovalRequest

    def decide(self, unit: Unit) -> Answer[ApprovalRequest]:
        """Raises ProgramNotFound, ApprovalRequestNotFound, PermissionMissing, ApproverUnknown, OwnApproval,
        ApproverRoleMissing, ApprovalStateWrong, StaleEtag."""
        found, row, _ = _to_decide(unit, self)
        # Whoever has said yes may think again, as long as the others have not.
        deciding.check_decider(self.context.caller, found.maker, ())
        _check_pending(found.state)
        deciding.approved_by(self.context.caller, found.program, found.needs)
        activity = _record(unit, self.context, found, row, cause=found.activity)
        _decided(unit, self.context, found, ApprovalState.REJECTED, activity)
        return change(unit, found, activity, **ended(unit, ApprovalState.REJECTED, activity))


_Command = SubmitApprovalRequest | WithdrawRequest | ApproveRequest | RejectRequest


def change(unit: Unit, found: ApprovalRequest, activity: str | None, **columns: Any) -> Answer[ApprovalRequest]:
    """The request, which is locked, with other columns, of which the activity tells."""
    unit.write()
    columns |= {"version": found.version + 1, "updated_at": unit.now}
    RequestRow.update(**columns).where(RequestRow.id == found.id).execute()
    return Answer(written(unit, found.id), activity)


def ended(unit: Unit, state: ApprovalState, activity: str) -> dict[str, Any]:
    """The columns of a request that has ended: what was asked for is gone."""
    return {"state": state, "sealed": None, "ended_at": unit.now, "end_activity": activity}


def details_of(found: ApprovalRequest) -> dict[str, Any]:
    """What the records of a request have in common: what was asked for, by whom, and who has said yes before."""
    return {
        "action": found.action,
        "method": found.method,
        "of": found.subject,
        "figures": dict(found.figures),
        "roles": [dict(one) for one in found.roles],
        "maker": found.maker.caller,
        "approved_by": list(found.approvers),
    }


def _made_by_caller(unit: Unit, command: _Command) -> tuple[ApprovalRequest, Any]:
    """The request, locked, for who asked for it; for others there is none that they could have."""
    found, row = _locked(unit, command)
    if not check_maker(command.context.caller, found.maker):
        raise ApprovalRequestNotFound
    _check_etag(found, command.etag)
    return found, row


def _to_decide(unit: Unit, command: _Command) -> tuple[ApprovalRequest, Any, Sequence[Party]]:
    """The same for who may decide, and who said yes before."""
    found, row = _locked(unit, command)
    caller = command.context.caller
    deciding.check_may(caller, Permission.APPROVALS_DECIDE, found.program)
    _check_etag(found, command.etag)
    return found, row, [one.party for one in found.decisions]


def _locked(unit: Unit, command: _Command) -> tuple[ApprovalRequest, Any]:
    return queries.find(command.name, command.context.caller, unit.now, for_update=True)


def _check_etag(found: ApprovalRequest, etag: str) -> None:
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)


def _check_pending(state: ApprovalState) -> None:
    if state is not ApprovalState.PENDING:
        raise ApprovalStateWrong(state=state, wanted=ApprovalState.PENDING)


def _record(
    unit: Unit, context: CommandContext, found: ApprovalRequest, row: Any, note: str = "", cause: UUID | None = None
) -> str:
    return record(
        unit,
        context.origin,
        found.name,
        Scope(row.program, row.customer),
        details=context.reason.added_to(details_of(found)),
        request_id=context.request.request_id,
        note=note or context.reason.note,
        cause=cause or found.activity,
    )


def _decided(
    unit: Unit, context: CommandContext, found: ApprovalRequest, decision: ApprovalState, activity: str
) -> None:
    unit.write()
    who = party(context.caller)
    DecisionRow.insert(
        request=found.id,
        caller=who.caller,
        person=who.user,
        on_behalf_of=who.on_behalf_of,
        decision=decision,
        reason_code=context.reason.code,
        decided_at=unit.now,
        activity=activity,
    ).execute()
