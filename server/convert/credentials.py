"""Services, their keys and certificates."""

from datetime import timedelta
from typing import Any

from fealty.v1 import credentials_pb2 as pb
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import roles
from server.convert.requests import context, instant, receipt, timestamp, timestamp_or_none
from server.policy import word
from storage.access.certificates import CertificateRead, RegisterCertificate, RevokeCertificate
from storage.access.credentials import CredentialKind, new_token
from storage.access.keys import Bounds, CreateKey, KeyRead, RevokeKey, Rotated, RotateKey
from storage.access.services import NewService, ServiceRead, UpdateService
from storage.engine.requests import Answer

_ACTS_FOR: dict[str, Any] = {name.removeprefix("ACTS_FOR_"): number for name, number in pb.ActsFor.items()}
_UPDATED = ("roles", "rates")


def create_key(call: Call, message: pb.CreateKeyRequest) -> CreateKey:
    """The command in a request, with a fresh secret: what was answered before, is answered without it."""
    return CreateKey(
        _whose(message),
        _bounds(message),
        instant(message, "expire_time"),
        message.made_for.removeprefix("users/"),
        new_token(CredentialKind.KEY),
        context(call, message),
    )


def key_created(command: CreateKey, answer: Answer[KeyRead]) -> pb.CreateKeyResponse:
    """What is answered to it."""
    response = pb.CreateKeyResponse(key=key(answer.value), receipt=receipt(answer))
    if _is_made(command, answer):
        response.secret = command.token.text
    elif command.context.validate_only:
        response.key.ClearField("name")
    return response


def rotate_key(call: Call, message: pb.RotateKeyRequest) -> RotateKey:
    """The command in a request, with a fresh secret."""
    return RotateKey(
        *_of_service(message.name),
        timedelta(seconds=message.overlap_s),
        instant(message, "expire_time"),
        new_token(CredentialKind.KEY),
        context(call, message),
    )


def key_rotated(command: RotateKey, answer: Answer[Rotated]) -> pb.RotateKeyResponse:
    """What is answered to it."""
    new, old = answer.value
    response = pb.RotateKeyResponse(key=key(new), old_key=key(old), receipt=receipt(answer))
    if _is_made(command, answer):
        response.secret = command.token.text
    elif command.context.validate_only:
        response.key.ClearField("name")
    return response


def revoke_key(call: Call, message: pb.RevokeKeyRequest) -> RevokeKey:
    """The command in a request."""
    return RevokeKey(*_of_service(message.name), context(call, message))


def key_revoked(command: RevokeKey, answer: Answer[KeyRead]) -> pb.RevokeKeyResponse:
    """What is answered to it."""
    return pb.RevokeKeyResponse(key=key(answer.value), receipt=receipt(answer))


def register_certificate(call: Call, message: pb.RegisterCertificateRequest) -> RegisterCertificate:
    """The command in a request."""
    return RegisterCertificate(_whose(message), _bounds(message), message.certificate_name, context(call, message))


def certificate_registered(
    command: RegisterCertificate, answer: Answer[CertificateRead]
) -> pb.RegisterCertificateResponse:
    """What is answered to it."""
    response = pb.RegisterCertificateResponse(certificate=certificate(answer.value), receipt=receipt(answer))
    if command.context.validate_only:
        response.certificate.ClearField("name")
    return response


def revoke_certificate(call: Call, message: pb.RevokeCertificateRequest) -> RevokeCertificate:
    """The command in a request."""
    return RevokeCertificate(*_of_service(message.name), context(call, message))


def certificate_revoked(command: RevokeCertificate, answer: Answer[CertificateRead]) -> pb.RevokeCertificateResponse:
    """What is answered to it."""
    return pb.RevokeCertificateResponse(certificate=certificate(answer.value), receipt=receipt(answer))


def update_service(call: Call, message: pb.UpdateServiceRequest) -> UpdateService:
    """The command in a request. Raises UpdateMaskInvalid."""
    given = message.service
    paths = list(message.update_mask.paths) or [name for name in _UPDATED if getattr(given, name)]
    for path in paths:
        if path not in _UPDATED:
            raise UpdateMaskInvalid(path=path)
    return UpdateService(
        service_id(given.name),
        given.etag,
        tuple(roles.role_at(one) for one in given.roles) if "roles" in paths else None,
        dict(given.rates) if "rates" in paths else None,
        context(call, message),
    )


def service_updated(command: UpdateService, answer: Answer[ServiceRead]) -> pb.UpdateServiceResponse:
    """What is answered to it."""
    return pb.UpdateServiceResponse(service=service(answer.value), receipt=receipt(answer))


def service_id(name: str) -> str:
    """Of `services/{service}`, or of a name below it."""
    return name.split("/", 2)[1]


def service(found: ServiceRead) -> pb.Service:
    """A service as the contract shows it."""
    return pb.Service(
        name=found.resource,
        display_name=found.name,
        roles=[roles.role_in_scope(one) for one in found.roles],
        rates=found.rates,
        etag=found.etag,
        create_time=timestamp(found.created_at),
    )


def key(found: KeyRead) -> pb.Key:
    """A key as the contract shows it."""
    return pb.Key(
        name=found.name,
        permissions=roles.permission_numbers(found.permissions or ()),
        may_act_for=[_ACTS_FOR[kind] for kind in found.may_act_for],
        made_for=f"users/{found.made_for}" if found.made_for else "",
        create_time=timestamp(found.created_at),
        expire_time=timestamp_or_none(found.expires_at),
        revoke_time=timestamp_or_none(found.revoked_at),
        use_time=timestamp_or_none(found.used_at),
    )


def certificate(found: CertificateRead) -> pb.Certificate:
    """A certificate as the contract shows it."""
    return pb.Certificate(
        name=found.name,
        certificate_name=found.certificate_name,
        permissions=roles.permission_numbers(found.permissions or ()),
        may_act_for=[_ACTS_FOR[kind] for kind in found.may_act_for],
        create_time=timestamp(found.created_at),
        revoke_time=timestamp_or_none(found.revoked_at),
        use_time=timestamp_or_none(found.used_at),
    )


def _whose(message: Any) -> str | NewService:
    if message.service:
        return service_id(message.service)
    return NewService(message.service_name, tuple(roles.role_at(one) for one in message.roles))


def _bounds(message: Any) -> Bounds:
    permissions = roles.permissions(message.permissions) if message.permissions else None
    acts_for = sorted(word(pb.ActsFor, kind, "ACTS_FOR_") for kind in message.may_act_for)
    return Bounds(permissions, tuple(acts_for))


def _of_service(name: str) -> tuple[str, str]:
    _, of, _, identity = name.split("/")
    return of, identity


def _is_made(command: CreateKey | RotateKey, answer: Answer[Any]) -> bool:
    """Whether the secret is one that works: it was kept by nobody when the request was answered before."""
    return not answer.replayed and not command.context.validate_only
