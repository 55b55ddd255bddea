"""Acts on many coupons: made, taken in, assigned, voided."""

import hashlib
from typing import Any

from fealty.v1 import coupon_campaigns_pb2 as pb
from fealty.v1 import coupons_pb2
from rules import recording
from rules.coupons.codes import Code
from server.call import Call
from server.convert import campaigns, names, operations
from server.convert.requests import context, fill_receipt
from server.errors import RequestInvalid
from storage.coupons.assigning.commands import AssignCoupons
from storage.coupons.generating.commands import GenerateCoupons
from storage.coupons.importing.commands import ImportReport, PublishImport
from storage.coupons.importing.staging import Staging
from storage.coupons.voiding.commands import VoidCoupons
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer, Request
from storage.operations.queries import Operation

FORMS: dict[Any, str] = {number: name.removeprefix("IMPORT_FORMAT_") for name, number in pb.ImportFormat.items()}
# The synthetic IV, which depends on all of it, and as much again.
_HASH_BYTES = 32


def generate_coupons(call: Call, message: pb.GenerateCouponsRequest) -> GenerateCoupons:
    """The command in a request."""
    return GenerateCoupons(*names.campaign(message.parent), message.count, message.code_pattern, context(call, message))


def generating(command: GenerateCoupons, answer: Answer[Operation]) -> pb.GenerateCouponsResponse:
    """What is answered to it."""
    response = pb.GenerateCouponsResponse()
    operations.fill(response.operation, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def assign_coupons(call: Call, message: coupons_pb2.AssignCouponsRequest) -> AssignCoupons:
    """The command in a request. Raises RequestInvalid."""
    name = names.campaign(message.campaign)
    customers = [names.customer(one) for one in message.customers]
    if wrong := [place for place, one in enumerate(customers) if one.program != name.program]:
        raise RequestInvalid([(f"customers[{wrong[0]}]", "must be of the campaign's program")])
    return AssignCoupons(*name, tuple(sorted({one.customer for one in customers})), context(call, message))


def assigning(command: AssignCoupons, answer: Answer[Operation]) -> coupons_pb2.AssignCouponsResponse:
    """What is answered to it."""
    response = coupons_pb2.AssignCouponsResponse()
    operations.fill(response.operation, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def void_coupons(call: Call, message: coupons_pb2.VoidCouponsRequest) -> VoidCoupons:
    """The command in a request. Raises RequestInvalid."""
    if message.batch and not message.batch.startswith(f"{message.parent}/batches/"):
        raise RequestInvalid([("batch", "must be of the campaign")])
    return VoidCoupons(
        *names.campaign(message.parent),
        names.batch(message.batch).number if message.batch else None,
        message.assigned if message.HasField("assigned") else None,
        message.unused,
        context(call, message),
    )


def voiding(command: VoidCoupons, answer: Answer[Operation]) -> coupons_pb2.VoidCouponsResponse:
    """What is answered to it."""
    response = coupons_pb2.VoidCouponsResponse()
    operations.fill(response.operation, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def import_context(call: Call, target: pb.ImportTarget, digest: str) -> CommandContext:
    """How an import is asked for, whose file has that digest. Raises SourceDenied."""
    content = target.SerializeToString(deterministic=True) + digest.encode()
    # Codes that people think of could be found by the hash of their file: so it is one that needs the key.
    about = Code(hashlib.sha256(content).hexdigest())
    hashed = call.codes.seal(names.program_id(target.parent), about)[:_HASH_BYTES].hex()
    request = Request(call.caller.id, call.method.name, target.request_id, hashed)
    if call.whence.source:
        recording.check_source(call.caller, call.whence.source, on_behalf=False)
    return CommandContext(
        call.caller, request, call.origin, target.validate_only, call.deadline, language=call.language
    )


def publish_import(call: Call, target: pb.ImportTarget, digest: str, staged: Staging | None) -> PublishImport:
    """The command at the end of a file; nothing is staged of one whose request was answered before."""
    return PublishImport(
        *names.campaign(target.parent),
        None if staged is None else staged.target.batch,
        FORMS[target.format],
        target.skip_bad_lines,
        0 if staged is None else staged.file.lines,
        0 if staged is None else staged.bad_lines_total,
        () if staged is None else tuple(staged.bad_lines),
        0 if staged is None else staged.expired_lines,
        import_context(call, target, digest),
    )


def imported(command: PublishImport, answer: Answer[ImportReport]) -> pb.ImportCouponsResponse:
    """What is answered to it."""
    response = pb.ImportCouponsResponse()
    report, found = response.report, answer.value
    if found.batch is not None:
        report.batch.CopyFrom(campaigns.batch(found.batch))
        if command.context.validate_only:
            # There is no such batch.
            report.batch.ClearField("name")
    report.lines, report.bad_lines_total = found.lines, found.bad_lines_total
    report.expired_lines = found.expired_lines
    for bad in found.bad_lines:
        report.bad_lines.add(line=bad.line, reason=bad.reason, message=bad.message)
    fill_receipt(report.receipt, answer)
    return response
