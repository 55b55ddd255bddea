"""What callers record of elsewhere."""

from uuid import UUID

from fealty.v1 import activity_pb2
from fealty.v1 import audit_pb2 as pb
from rules import recording
from rules.activity import Kind, noted_id
from server.call import Call, scope
from server.convert import activities
from server.convert.requests import context, fill_receipt, instant
from server.policy import actions, word
from storage.activity.commands import Outcome
from storage.activity.queries import Activity
from storage.engine.requests import Answer
from storage.ledger.acts.activities import ActivityRecorded, RecordActivity
from storage.ledger.addresses import CustomerName


def record_activity(call: Call, message: pb.RecordActivityRequest) -> RecordActivity:
    """The command in a request. Raises ActionReserved, PermissionMissing, SourceDenied."""
    kind = Kind(
        message.action,
        word(activity_pb2.ActivityCategory, message.category, "ACTIVITY_CATEGORY_"),
        word(activity_pb2.ActivityType, message.type, "ACTIVITY_TYPE_"),
        event=word(activity_pb2.ActivityEvent, message.event, "ACTIVITY_EVENT_"),
    )
    how = context(call, message)
    source = word(activity_pb2.ActivitySource, message.source, "ACTIVITY_SOURCE_") or how.origin.source
    recording.check(call.caller, kind, source, how.reason.acting_user, actions(), scope(message.parent)[0])
    return RecordActivity(
        CustomerName(*scope(message.parent)),
        instant(message, "occur_time"),
        Outcome(word(activity_pb2.ActivityOutcome, message.outcome, "ACTIVITY_OUTCOME_") or Outcome.SUCCEEDED),
        message.related,
        tuple(sorted(message.facts.items())),
        tuple(sorted(message.figures.items())),
        how._replace(origin=how.origin._replace(kind=kind, source=source)),
    )


def activity_recorded(command: RecordActivity, answer: Answer[ActivityRecorded]) -> pb.RecordActivityResponse:
    """What is answered to it: the record, as it is read, without from where the request came; that may be another
    place where it is sent again."""
    origin, caller = command.context.origin, command.context.caller
    body = {
        "action": origin.kind.action,
        "actor": {"agent": "", "id": origin.actor, "ip": "", "roles": origin.roles, "type": origin.actor_type},
        "category": origin.kind.category,
        "changes": (),
        "details": command.details,
        "event": origin.kind.event,
        "method": origin.method,
        "module": None,
        "outcome": command.outcome,
        "request_id": noted_id(command.context.request.request_id),
        "source": origin.source,
        "subject": command.subject,
        "type": origin.kind.type,
    }
    value = answer.value
    found = Activity(UUID(answer.activity or "0" * 32), body, value.occurred_at, value.recorded_at, caller.name)
    response = pb.RecordActivityResponse(activity=activities.message(found, caller, command.context.language))
    if answer.activity is None:
        response.activity.ClearField("name")
    fill_receipt(response.receipt, answer)
    return response
