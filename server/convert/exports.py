"""Exports of the log: what is asked, as a stream or as an operation."""

from typing import Any

from fealty.v1 import audit_pb2 as pb
from rules.access import Permission
from server.call import Call
from server.convert import filters, operations
from server.convert.requests import context, fill_receipt
from server.policy import word
from storage.activity.exporting.operations import ExportRequest, StartExport
from storage.activity.look import Search
from storage.engine.requests import Answer
from storage.operations.queries import Operation


def start_export(call: Call, message: pb.StartExportRequest) -> StartExport:
    """The command in a request. Raises RequestInvalid, TimeZoneUnknown."""
    sees_origin = call.caller.may(Permission.ACTIVITIES_READ, call.program)
    asked = ExportRequest(search(message), form(message), message.time_zone or "UTC", call.language, sees_origin)
    return StartExport(asked, tuple(filtered(message)), context(call, message))


def started(command: StartExport, answer: Answer[Operation]) -> pb.StartExportResponse:
    """What is answered to it."""
    response = pb.StartExportResponse()
    operations.fill(response.operation, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def search(request: Any) -> Search:
    """What ListActivities would list, of a request for either. Raises RequestInvalid, TimeZoneUnknown."""
    names = ("parent", "filter", "filter_text", "time_zone")
    return filters.search(pb.ListActivitiesRequest(**{name: getattr(request, name) for name in names}))


def form(request: Any) -> str:
    """The form of the file, as the books know it."""
    return word(pb.ExportFormat, request.format, "EXPORT_FORMAT_")


def filtered(request: Any) -> list[str]:
    """By which fields it chooses: their values may be about a person."""
    names = [field.name for field, _ in request.filter.ListFields()]
    return [*names, "filter_text"] if request.filter_text else names
