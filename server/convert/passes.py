"""Passes of customers, links to them, and what became of their updates."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fealty.v1 import pass_templates_pb2
from fealty.v1 import passes_pb2 as pb
from rules.access import Permission, check
from server.call import Call
from server.convert import names
from server.convert.requests import context, fill_receipt, set_instant
from server.errors import RequestInvalid
from server.policy import word
from storage.engine.requests import Answer
from storage.passes.acts import EmailPass, Mailed, Pushed, PushPass, VoidPass
from storage.passes.issuing import IssuePass
from storage.passes.linking import GetSaveLinks, MadeLink, RevokedLinks, RevokeLink
from storage.passes.reading.passes import PassFilter, PassRead
from storage.passes.reading.tracing import Installation, Trace

_KINDS: Mapping[str, Any] = {
    name.removeprefix("PASS_KIND_"): kind for name, kind in pass_templates_pb2.PassKind.items()
}
_DELIVERIES: Mapping[str, Any] = {
    name.removeprefix("PASS_DELIVERY_STATE_"): state for name, state in pb.PassDeliveryState.items()
}


def issue_pass(call: Call, message: pb.IssuePassRequest) -> IssuePass:
    """The command in a request. Raises CouponNotFound, ClaimNotFound, RequestInvalid."""
    owner = names.customer(message.parent)
    template_id = template_of(message, owner.program)
    coupon = names.coupon(message.coupon) if message.coupon else None
    if coupon is not None and coupon.program != owner.program:
        raise RequestInvalid([("coupon", "must be a coupon of the customer's program")])
    claim = names.claim(message.claim) if message.claim else None
    return IssuePass(owner, template_id, coupon, claim, context(call, message))


def issued(command: IssuePass, answer: Answer[PassRead]) -> pb.IssuePassResponse:
    """What is answered to it."""
    response = pb.IssuePassResponse()
    fill(response.wallet_pass, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def wanted_template(call: Call, message: Any, program: str) -> str:
    """The template of a pass that is to be issued with something else, empty: none. Raises PermissionMissing,
    RequestInvalid."""
    if message.pass_template:
        check(call.caller, Permission.PASSES_ISSUE, program)
    return template_of(message, program)


def template_of(message: Any, program: str) -> str:
    """The id of the template that a request names, empty where it names none. Raises RequestInvalid."""
    if not message.pass_template:
        return ""
    name = names.template(message.pass_template)
    if name.program != program:
        raise RequestInvalid([("pass_template", "must be a template of the customer's program")])
    return name.template


def void_pass(call: Call, message: pb.VoidPassRequest) -> VoidPass:
    """The command in a request. Raises PassNotFound."""
    return VoidPass(names.pass_(message.name), context(call, message))


def voided(command: VoidPass, answer: Answer[PassRead]) -> pb.VoidPassResponse:
    """What is answered to it."""
    response = pb.VoidPassResponse()
    fill(response.wallet_pass, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def email_pass(call: Call, message: pb.EmailPassRequest) -> EmailPass:
    """The command in a request. Raises PassNotFound."""
    return EmailPass(names.pass_(message.name), call.wallet.keys, call.wallet.url, context(call, message))


def mailed(command: EmailPass, answer: Answer[Mailed]) -> pb.EmailPassResponse:
    """What is answered to it. Where somebody only asked, there is neither mail nor link."""
    response = pb.EmailPassResponse()
    if not command.context.validate_only:
        response.mail = answer.value.mail
        response.link = answer.value.link.name
    fill_receipt(response.receipt, answer)
    return response


def push_pass(call: Call, message: pb.PushPassRequest) -> PushPass:
    """The command in a request. Raises PassNotFound."""
    return PushPass(names.pass_(message.name), context(call, message))


def pushed(command: PushPass, answer: Answer[Pushed]) -> pb.PushPassResponse:
    """What is answered to it."""
    response = pb.PushPassResponse(devices=answer.value.devices, google=answer.value.google)
    fill_receipt(response.receipt, answer)
    return response


def get_save_links(call: Call, message: pb.GetSaveLinksRequest) -> GetSaveLinks:
    """The command in a request. Raises PassNotFound."""
    name, wallet = names.pass_(message.name), call.wallet
    return GetSaveLinks(name, message.days, wallet.keys, wallet.url, context(call, message))


def linked(command: GetSaveLinks, answer: Answer[MadeLink]) -> pb.GetSaveLinksResponse:
    """What is answered to it. The addresses are made anew each time: what is kept of the answer opens nothing. Where
    somebody only asked, there are none."""
    link = answer.value
    response = pb.GetSaveLinksResponse()
    set_instant(response.expire_time, link.expires_at)
    if not command.context.validate_only:
        token = command.keys.link_token(UUID(link.name.link))
        response.name = link.name.name
        response.url = f"{command.passes_url.rstrip('/')}/p/{token}"
        response.apple_url = f"{response.url}/apple"
        response.google_url = f"{response.url}/google"
    fill_receipt(response.receipt, answer)
    return response


def revoke_link(call: Call, message: pb.RevokeLinkRequest) -> RevokeLink:
    """The command in a request. Raises LinkNotFound."""
    return RevokeLink(names.pass_link(message.name), context(call, message))


def revoked(command: RevokeLink, answer: Answer[RevokedLinks]) -> pb.RevokeLinkResponse:
    """What is answered to it."""
    response = pb.RevokeLinkResponse(revoked=answer.value.revoked)
    fill_receipt(response.receipt, answer)
    return response


def pass_filter(message: pb.ListPassesRequest) -> PassFilter:
    """Which passes a list is of."""
    state = word(pb.PassState, message.state, "PASS_STATE_")
    return PassFilter(state, word(pass_templates_pb2.PassKind, message.kind, "PASS_KIND_"))


def fill(shown: pb.Pass, found: PassRead) -> None:
    """A pass as the contract shows it."""
    shown.name = found.name.name
    shown.pass_template = found.template
    shown.kind = _KINDS[found.kind]
    shown.state = pb.PASS_STATE_ACTIVE if found.voided_at is None else pb.PASS_STATE_VOIDED
    shown.coupon = found.coupon_name
    shown.claim = found.claim_name
    shown.reward = found.reward
    if found.devices:
        shown.platforms.append(pb.PASS_PLATFORM_APPLE)
    if found.google:
        shown.platforms.append(pb.PASS_PLATFORM_GOOGLE)
    shown.devices = found.devices
    shown.delivery_state = _DELIVERIES[found.delivery]
    set_instant(shown.create_time, found.created_at)
    set_instant(shown.update_time, found.updated_at)
    if found.voided_at is not None:
        set_instant(shown.void_time, found.voided_at)
    shown.activity = names.activity(found.activity)


def traced(found: Trace) -> pb.TraceDeliveryResponse:
    """What became of the updates of a pass."""
    response = pb.TraceDeliveryResponse(revision=found.revision, halted=found.halted)
    fill(response.wallet_pass, found.of)
    _fill_instants(response, change_time=found.changed_at, build_time=found.built_at)
    for one in found.installations:
        _fill_installation(response.installations.add(), one)
    return response


def _fill_installation(shown: pb.PassInstallation, found: Installation) -> None:
    shown.platform = pb.PASS_PLATFORM_APPLE if found.device else pb.PASS_PLATFORM_GOOGLE
    shown.device = found.device
    shown.verdict = found.verdict
    _fill_instants(shown, install_time=found.installed_at)
    for one in found.deliveries:
        delivery = shown.deliveries.add(revision=one.revision, provider_id=one.push_id, answer=one.answer)
        _fill_instants(delivery, push_time=one.pushed_at, list_time=one.listed_at, fetch_time=one.fetched_at)
        if one.seconds is not None:
            delivery.seconds = one.seconds


def _fill_instants(shown: Any, **instants: Any) -> None:
    for field, at in instants.items():
        if at is not None:
            set_instant(getattr(shown, field), at)
