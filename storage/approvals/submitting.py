"""Takes down what somebody asks for, as it was asked: frozen, hashed and sealed, until others have decided."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from rules import access
from rules.access import Role
from rules.activity import APPROVAL_DRAFTED, APPROVAL_SUBMITTED
from rules.approvals.deciding import ApprovalState, Need, party
from rules.approvals.matching import EXPIRES_AFTER_HOURS
from storage.activity.commands import Scope, record
from storage.approvals import queries, sealing
from storage.approvals.queries import ApprovalRequest, request_name
from storage.approvals.records import RequestRow
from storage.approvals.sealing import Content
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.unit import Unit

# Who says yes where no rule says who does.
BY_AN_ADMINISTRATOR = (Need("", 1, Role.ADMINISTRATOR.value),)


class Frozen(NamedTuple):
    """An act as it was asked for: its method's name, its request, byte for byte, and the SHA-256 of it in hexadecimal
    (of one with codes, with these sealed); the resource name that it is about, the public id of its program (empty: of
    none), those of the customers it names, and its whole numbers by the paths of their fields. `action` is what it is
    called when it is done; empty: as the context says. `roles` are those that it gives or takes, each by its id
    (`role`) and the resource name of where (`scope`, empty: everywhere)."""

    method: str
    message: bytes
    content_hash: str
    subject: str
    program: str = ""
    customers: tuple[str, ...] = ()
    figures: Mapping[str, int] = {}
    action: str = ""
    roles: Sequence[Mapping[str, str]] = ()


def submit(
    unit: Unit,
    context: CommandContext,
    frozen: Frozen,
    needs: Sequence[Need] = BY_AN_ADMINISTRATOR,
    expires_after_hours: int = EXPIRES_AFTER_HOURS,
    is_draft: bool = False,
    justification: str = "",
) -> ApprovalRequest:
    """Asks for approval of an act, in the name of the context's caller, as whom it is carried out once it has all that
    it needs. The activity `approval.submitted` (of a draft `approval.drafted`) tells of it; its `activity` has its id.

    The unit's keyring seals it. Whether the act could be done as things stand is the asker's to find out before. Raises
    KeyringError.
    """
    identity = new_uuid()
    program, customer = _scope(unit, frozen)
    name, caller, reason = request_name(frozen.program, identity), context.caller, context.reason
    kind = APPROVAL_DRAFTED if is_draft else APPROVAL_SUBMITTED
    action = frozen.action or context.origin.kind.action
    details = {
        "action": action,
        "method": frozen.method,
        "of": frozen.subject,
        "figures": dict(frozen.figures),
        "roles": [dict(one) for one in frozen.roles],
        "rules": [need.rule for need in needs if need.rule],
    }
    activity = record(
        unit,
        context.origin._replace(kind=kind),
        name,
        Scope(program, customer),
        details=reason.added_to(details),
        request_id=context.request.request_id,
        note=justification or reason.note,
    )
    sealed = sealing.seal(unit, typeid("approval", identity.int), Content(frozen.message, justification))
    unit.write()
    maker = party(caller)
    RequestRow.insert(
        id=identity,
        program=program,
        customer=customer,
        state=ApprovalState.DRAFT if is_draft else ApprovalState.PENDING,
        method=frozen.method,
        action=action,
        request_id=context.request.request_id,
        subject=frozen.subject,
        customers=list(frozen.customers),
        figures=dict(frozen.figures),
        roles=[dict(one) for one in frozen.roles],
        content_hash=sealing.as_hash(frozen.content_hash),
        sealed=sealed,
        maker=maker.caller,
        maker_user=maker.user,
        maker_on_behalf_of=maker.on_behalf_of,
        maker_permissions=sorted(access.held(caller)),
        actor_type=caller.type,
        source=context.origin.source,
        reason_code=reason.code,
        acting_user=reason.acting_user,
        needs=[list(need) for need in needs],
        expires_after_hours=expires_after_hours,
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
        expires_at=unit.now + timedelta(hours=expires_after_hours),
        due_at=unit.now,
        activity=activity,
        failure_reason="",
        failure_message="",
    ).execute()
    return written(unit, identity)


def written(unit: Unit, identity: UUID) -> ApprovalRequest:
    """A request as it stands by now, in this unit."""
    found = queries.of_id(identity, unit.now)
    assert found is not None
    return found[0]


def _scope(unit: Unit, frozen: Frozen) -> tuple[int | None, int | None]:
    """The internal ids of its program and, where it is about one that there is, its customer."""
    if not frozen.program:
        return None, None
    parts = frozen.subject.split("/")
    customer = parts[3] if len(parts) > 3 and parts[2] == "customers" else ""
    found = unit.connection.execute(_SCOPE, (customer, frozen.program)).fetchone()
    return found if found is not None else (None, None)


_SCOPE = """
SELECT p.id, c.id FROM program p LEFT JOIN customer c ON c.program = p.id AND c.customer_id = %s
WHERE p.program_id = %s
"""
