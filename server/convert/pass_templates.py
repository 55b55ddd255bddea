"""Templates of passes, and their images."""

from typing import Any

from fealty.v1 import pass_templates_pb2 as pb
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import names
from server.convert.designs import design, design_message
from server.convert.requests import context, given_fixed, receipt, timestamp
from server.errors import RequestInvalid
from server.policy import word
from storage.engine.requests import Answer
from storage.passes.images import KeptImage, UploadImage
from storage.passes.queries import Template
from storage.passes.templates import ArchiveTemplate, CreateTemplate, UpdateTemplate

# What an update may send back as it was read.
_FIXED = ("state", "version", "create_time", "update_time")
# The fields of the rules, for those of the contract that are called otherwise there.
_CALLED = {
    "campaign": "campaign_id",
    "background_color": "colors.background",
    "foreground_color": "colors.foreground",
    "label_color": "colors.label",
}


def create_template(call: Call, message: pb.CreatePassTemplateRequest) -> CreateTemplate:
    """The command in a request. Raises RequestInvalid."""
    program, given = names.program_id(message.parent), message.pass_template
    _check_kind(given.design)
    made = design(given.design, program)
    return CreateTemplate(program, message.pass_template_id, given.display_name, made, context(call, message))


def created(command: CreateTemplate, answer: Answer[Template]) -> pb.CreatePassTemplateResponse:
    """What is answered to it."""
    return pb.CreatePassTemplateResponse(pass_template=message(answer.value), receipt=receipt(answer))


def update_template(call: Call, message: pb.UpdatePassTemplateRequest) -> UpdateTemplate:
    """The command in a request. Raises UpdateMaskInvalid, RequestInvalid."""
    given = message.pass_template
    name = names.template(given.name)
    paths = list(message.update_mask.paths)
    filled = [
        *(["display_name"] if given.display_name else []),
        *(["design"] if given.HasField("design") else []),
    ]
    changes: dict[str, Any] = {}
    for path in paths or filled:
        changes.update(_change(path, given, name.program))
    # A mask says what is meant; without one, what is sent is.
    fixed = () if paths else given_fixed(given, _FIXED)
    fixed = tuple(
        (field, word(pb.PassTemplateState, value, "PASS_TEMPLATE_STATE_") if field == "state" else value)
        for field, value in fixed
    )
    return UpdateTemplate(name.program, name.template, given.etag, changes, context(call, message), fixed)


def updated(command: UpdateTemplate, answer: Answer[Template]) -> pb.UpdatePassTemplateResponse:
    """What is answered to it."""
    return pb.UpdatePassTemplateResponse(pass_template=message(answer.value), receipt=receipt(answer))


def archive_template(call: Call, message: pb.ArchivePassTemplateRequest) -> ArchiveTemplate:
    """The command in a request."""
    return ArchiveTemplate(*names.template(message.name), message.etag, True, context(call, message))


def archived(command: ArchiveTemplate, answer: Answer[Template]) -> pb.ArchivePassTemplateResponse:
    """What is answered to it."""
    return pb.ArchivePassTemplateResponse(pass_template=message(answer.value), receipt=receipt(answer))


def unarchive_template(call: Call, message: pb.UnarchivePassTemplateRequest) -> ArchiveTemplate:
    """The command in a request."""
    return ArchiveTemplate(*names.template(message.name), message.etag, False, context(call, message))


def unarchived(command: ArchiveTemplate, answer: Answer[Template]) -> pb.UnarchivePassTemplateResponse:
    """What is answered to it."""
    return pb.UnarchivePassTemplateResponse(pass_template=message(answer.value), receipt=receipt(answer))


def upload_image(call: Call, message: pb.UploadPassImageRequest) -> UploadImage:
    """The command in a request."""
    return UploadImage(names.program_id(message.parent), message.content, context(call, message))


def uploaded(command: UploadImage, answer: Answer[KeptImage]) -> pb.UploadPassImageResponse:
    """What is answered to it."""
    kept = answer.value
    return pb.UploadPassImageResponse(name=kept.name, width=kept.width, height=kept.height, receipt=receipt(answer))


def message(template: Template) -> pb.PassTemplate:
    """A template as the contract shows it."""
    return pb.PassTemplate(
        name=template.name,
        display_name=template.display_name,
        state=pb.PASS_TEMPLATE_STATE_ARCHIVED if template.archived else pb.PASS_TEMPLATE_STATE_ACTIVE,
        design=design_message(template.design, template.program_id),
        version=template.version,
        etag=template.etag,
        create_time=timestamp(template.created_at),
        update_time=timestamp(template.updated_at),
    )


def _change(path: str, given: pb.PassTemplate, program: str) -> dict[str, Any]:
    """What an update changes by one path of its mask. Raises UpdateMaskInvalid."""
    if path == "display_name":
        return {path: given.display_name}
    if path == "design":
        _check_kind(given.design)
        return {path: design(given.design, program)}
    field = path.removeprefix("design.")
    is_known = field != path and field in pb.PassDesign.DESCRIPTOR.fields_by_name
    if not is_known or (field == "kind" and not given.design.kind):
        raise UpdateMaskInvalid(path=path)
    found: Any = design(given.design, program)
    inner = _CALLED.get(field, field)
    for part in inner.split("."):
        found = getattr(found, part)
    return {f"design.{inner}": found}


def _check_kind(given: pb.PassDesign) -> None:
    if not given.kind:
        raise RequestInvalid([("pass_template.design.kind", "is required: it says what a card is of")])
