"""Approval rules and requests."""

from typing import Any

from fealty.v1 import approvals_pb2 as pb
from rules.approvals.deciding import ApprovalState
from rules.approvals.matching import EXPIRES_AFTER_HOURS, Rule
from rules.approvals.refusals import ApprovalRuleInvalid
from server.asked import approvable, is_ever, is_path, without_secrets
from server.call import Call
from server.convert import names
from server.convert.requests import context, receipt, timestamp, timestamp_or_none
from storage.approvals.configuring import ApprovalRule, CreateApprovalRule, DeleteApprovalRule, UpdateApprovalRule
from storage.approvals.deciding import ApproveRequest, RejectRequest, SubmitApprovalRequest, WithdrawRequest
from storage.approvals.outcomes import Held
from storage.approvals.queries import ApprovalRequest
from storage.engine.requests import Answer

_STATES: dict[ApprovalState, Any] = {
    ApprovalState(name.removeprefix("APPROVAL_STATE_")): state for name, state in pb.ApprovalState.items() if state
}
_VERDICTS: dict[str, Any] = {
    name.removeprefix("APPROVAL_VERDICT_"): verdict for name, verdict in pb.ApprovalVerdict.items()
}


def create_rule(call: Call, message: pb.CreateApprovalRuleRequest) -> CreateApprovalRule:
    """The command in a request. Raises ApprovalRuleInvalid."""
    program = names.program_id(message.parent) if message.parent else ""
    return CreateApprovalRule(
        program, asked_rule(program, message.approval_rule_id, message.approval_rule), context(call, message)
    )


def rule_created(command: CreateApprovalRule, answer: Answer[ApprovalRule]) -> pb.CreateApprovalRuleResponse:
    """What is answered to it."""
    return pb.CreateApprovalRuleResponse(approval_rule=_shown(command, answer), receipt=receipt(answer))


def update_rule(call: Call, message: pb.UpdateApprovalRuleRequest) -> UpdateApprovalRule:
    """The command in a request. Raises ApprovalRuleInvalid."""
    program, rule_id = rule_name(message.approval_rule.name)
    rule = asked_rule(program, rule_id, message.approval_rule)
    return UpdateApprovalRule(program, rule, message.approval_rule.etag, context(call, message))


def rule_updated(command: UpdateApprovalRule, answer: Answer[ApprovalRule]) -> pb.UpdateApprovalRuleResponse:
    """What is answered to it."""
    return pb.UpdateApprovalRuleResponse(approval_rule=_shown(command, answer), receipt=receipt(answer))


def delete_rule(call: Call, message: pb.DeleteApprovalRuleRequest) -> DeleteApprovalRule:
    """The command in a request."""
    return DeleteApprovalRule(*rule_name(message.name), message.etag, context(call, message))


def rule_deleted(command: DeleteApprovalRule, answer: Answer[ApprovalRule]) -> pb.DeleteApprovalRuleResponse:
    """What is answered to it."""
    return pb.DeleteApprovalRuleResponse(approval_rule=rule(answer.value), receipt=receipt(answer))


def submit_request(call: Call, message: pb.SubmitApprovalRequestRequest) -> SubmitApprovalRequest:
    """The command in a request."""
    return SubmitApprovalRequest(message.name, message.etag, message.justification, context(call, message))


def submitted(command: Any, answer: Answer[ApprovalRequest]) -> pb.SubmitApprovalRequestResponse:
    """What is answered to it."""
    return pb.SubmitApprovalRequestResponse(approval_request=_asked(command, answer), receipt=receipt(answer))


def approve_request(call: Call, message: pb.ApproveRequestRequest) -> ApproveRequest:
    """The command in a request."""
    return ApproveRequest(message.name, message.etag, context(call, message))


def approved(command: Any, answer: Answer[ApprovalRequest]) -> pb.ApproveRequestResponse:
    """What is answered to it, before the act is carried out."""
    return pb.ApproveRequestResponse(approval_request=_asked(command, answer), receipt=receipt(answer))


def reject_request(call: Call, message: pb.RejectRequestRequest) -> RejectRequest:
    """The command in a request."""
    return RejectRequest(message.name, message.etag, context(call, message))


def rejected(command: Any, answer: Answer[ApprovalRequest]) -> pb.RejectRequestResponse:
    """What is answered to it."""
    return pb.RejectRequestResponse(approval_request=_asked(command, answer), receipt=receipt(answer))


def withdraw_request(call: Call, message: pb.WithdrawRequestRequest) -> WithdrawRequest:
    """The command in a request."""
    return WithdrawRequest(message.name, message.etag, context(call, message))


def withdrawn(command: Any, answer: Answer[ApprovalRequest]) -> pb.WithdrawRequestResponse:
    """What is answered to it."""
    return pb.WithdrawRequestResponse(approval_request=_asked(command, answer), receipt=receipt(answer))


def rule_name(name: str) -> tuple[str, str]:
    """The public id of the program (empty: none) and the id of the rule in a name."""
    program, _, rule_id = name.rpartition("approvalRules/")
    return (names.program_id(program) if program else ""), rule_id


def rule(found: ApprovalRule) -> pb.ApprovalRule:
    """A rule as the contract shows it."""
    kept = found.rule
    return pb.ApprovalRule(
        name=found.name,
        methods=kept.methods,
        amount_field=kept.amount_field,
        above=kept.above,
        day_sum_above=kept.day_sum_above,
        paths=kept.paths,
        approvers=kept.approvers,
        role=f"roles/{kept.role}" if kept.role else "",
        expires_after_hours=kept.expires_after_hours,
        begins_as_draft=kept.begins_as_draft,
        etag=found.etag,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
        activity=names.activity(found.activity),
    )


def request(found: ApprovalRequest) -> pb.ApprovalRequest:
    """A request as the contract shows it, without what it says of people."""
    shown = pb.ApprovalRequest(
        name=found.name,
        state=_STATES[found.state],
        method=found.method,
        subject=found.subject,
        sha256=found.content_hash,
        figures=found.figures,
        maker=f"callers/{found.maker.caller}",
        maker_on_behalf_of=found.maker.on_behalf_of,
        reason_code=found.reason_code,
        acting_user=found.acting_user,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
        expire_time=timestamp(found.expires_at),
        end_time=timestamp_or_none(found.ended_at),
        activity=names.activity(found.activity),
        end_activity=names.activity(found.end_activity),
        effect_activity=names.activity(found.effect_activity),
        etag=found.etag,
    )
    for need in found.needs:
        role = f"roles/{need.role}" if need.role else ""
        shown.needs.add(rule=need.rule, approvers=need.approvers, role=role, approved=need.given)
    for one in found.decisions:
        shown.decisions.add(
            caller=f"callers/{one.party.caller}",
            on_behalf_of=one.party.on_behalf_of,
            verdict=_VERDICTS[one.decision],
            reason_code=one.reason_code,
            decide_time=timestamp(one.decided_at),
            activity=names.activity(one.activity),
        )
    if found.failure_reason:
        shown.failure.reason, shown.failure.message = found.failure_reason, found.failure_message
    return shown


def in_full(held: Held) -> pb.GetApprovalRequestResponse:
    """The same with what was asked for, and why, as long as it has not ended."""
    shown = pb.GetApprovalRequestResponse(approval_request=request(held.request))
    if held.message is not None:
        message = approvable()[held.request.method].request.FromString(held.message)
        shown.request.Pack(without_secrets(message))
        shown.justification = held.justification
    return shown


def asked_rule(program: str, rule_id: str, message: pb.ApprovalRule) -> Rule:
    """A rule as it is to be, in a program (its public id) or, where that is empty, for calls that are in none. Raises
    ApprovalRuleInvalid where no call of the contract is as it says."""
    for name in message.methods:
        method = approvable().get(name)
        if method is None:
            raise ApprovalRuleInvalid(
                what=f"no change is called {name} that can be put under approval; correct methods"
            )
        if not is_ever(method, in_program=bool(program)):
            where = "no program; make it outside of programs" if program else "one program or another; make it in one"
            raise ApprovalRuleInvalid(what=f"{name} is about {where}")
        asked = method.request.DESCRIPTOR
        if message.amount_field and not is_path(asked, message.amount_field, whole=True):
            raise ApprovalRuleInvalid(what=f"{name} has no whole number {message.amount_field}; correct amount_field")
        for path in message.paths:
            if not is_path(asked, path):
                raise ApprovalRuleInvalid(what=f"{name} has no field {path}; correct paths")
    return Rule(
        rule_id,
        tuple(sorted(message.methods)),
        message.amount_field,
        message.above if message.HasField("above") else None,
        message.day_sum_above if message.HasField("day_sum_above") else None,
        tuple(sorted(message.paths)),
        message.approvers or 1,
        message.role.removeprefix("roles/"),
        message.expires_after_hours or EXPIRES_AFTER_HOURS,
        message.begins_as_draft,
    )


def _shown(command: Any, answer: Answer[ApprovalRule]) -> pb.ApprovalRule:
    shown = rule(answer.value)
    if command.context.validate_only:
        shown.ClearField("activity")
    return shown


def _asked(command: Any, answer: Answer[ApprovalRequest]) -> pb.ApprovalRequest:
    shown = request(answer.value)
    if command.context.validate_only:
        # Nothing of it was recorded.
        shown.ClearField("end_activity")
        for one in shown.decisions[-1:]:
            one.ClearField("activity")
    return shown
