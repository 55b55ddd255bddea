"""Networks and partners."""

from collections.abc import Sequence
from typing import Any

from fealty.v1 import organizations_pb2 as pb
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import names
from server.convert.requests import context, receipt, timestamp
from storage.engine.requests import Answer
from storage.organizations.commands import (
    CreateNetwork,
    CreatePartner,
    DeleteNetwork,
    DeletePartner,
    ProgramTransfer,
    TransferProgram,
    UpdateNetwork,
    UpdatePartner,
)
from storage.organizations.queries import Network, Partner


def create_network(call: Call, message: pb.CreateNetworkRequest) -> CreateNetwork:
    """The command in a request."""
    return CreateNetwork(message.network_id, message.network.display_name, context(call, message))


def network_created(command: CreateNetwork, answer: Answer[Network]) -> pb.CreateNetworkResponse:
    """What is answered to it."""
    return pb.CreateNetworkResponse(network=network(answer.value), receipt=receipt(answer))


def update_network(call: Call, message: pb.UpdateNetworkRequest) -> UpdateNetwork:
    """The command in a request. Raises UpdateMaskInvalid."""
    given = message.network
    changes = _changes({"display_name": given.display_name}, message.update_mask.paths)
    return UpdateNetwork(names.last(given.name), given.etag, changes, context(call, message))


def network_updated(command: UpdateNetwork, answer: Answer[Network]) -> pb.UpdateNetworkResponse:
    """What is answered to it."""
    return pb.UpdateNetworkResponse(network=network(answer.value), receipt=receipt(answer))


def delete_network(call: Call, message: pb.DeleteNetworkRequest) -> DeleteNetwork:
    """The command in a request."""
    return DeleteNetwork(names.last(message.name), message.etag, context(call, message))


def network_deleted(command: DeleteNetwork, answer: Answer[Network]) -> pb.DeleteNetworkResponse:
    """What is answered to it."""
    return pb.DeleteNetworkResponse(network=network(answer.value), receipt=receipt(answer))


def create_partner(call: Call, message: pb.CreatePartnerRequest) -> CreatePartner:
    """The command in a request."""
    given = message.partner
    return CreatePartner(message.partner_id, names.last(given.network), given.display_name, context(call, message))


def partner_created(command: CreatePartner, answer: Answer[Partner]) -> pb.CreatePartnerResponse:
    """What is answered to it."""
    return pb.CreatePartnerResponse(partner=partner(answer.value), receipt=receipt(answer))


def update_partner(call: Call, message: pb.UpdatePartnerRequest) -> UpdatePartner:
    """The command in a request. Raises UpdateMaskInvalid."""
    given = message.partner
    fields = {"display_name": given.display_name, "network": names.last(given.network)}
    changes = _changes(fields, message.update_mask.paths)
    return UpdatePartner(names.last(given.name), given.etag, changes, context(call, message))


def partner_updated(command: UpdatePartner, answer: Answer[Partner]) -> pb.UpdatePartnerResponse:
    """What is answered to it."""
    return pb.UpdatePartnerResponse(partner=partner(answer.value), receipt=receipt(answer))


def delete_partner(call: Call, message: pb.DeletePartnerRequest) -> DeletePartner:
    """The command in a request."""
    return DeletePartner(names.last(message.name), message.etag, context(call, message))


def partner_deleted(command: DeletePartner, answer: Answer[Partner]) -> pb.DeletePartnerResponse:
    """What is answered to it."""
    return pb.DeletePartnerResponse(partner=partner(answer.value), receipt=receipt(answer))


def transfer_program(call: Call, message: pb.TransferProgramRequest) -> TransferProgram:
    """The command in a request."""
    return TransferProgram(names.program_id(message.name), names.last(message.partner), context(call, message))


def transferred(command: TransferProgram, answer: Answer[ProgramTransfer]) -> pb.TransferProgramResponse:
    """What is answered to it."""
    program_id, partner_id = answer.value
    owner = f"partners/{partner_id}" if partner_id else ""
    return pb.TransferProgramResponse(name=f"programs/{program_id}", partner=owner, receipt=receipt(answer))


def network(found: Network) -> pb.Network:
    """A network as the contract shows it."""
    return pb.Network(
        name=found.name,
        display_name=found.display_name,
        version=found.version,
        etag=found.etag,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
    )


def partner(found: Partner) -> pb.Partner:
    """A partner as the contract shows it."""
    return pb.Partner(
        name=found.name,
        display_name=found.display_name,
        network=f"networks/{found.network}" if found.network else "",
        version=found.version,
        etag=found.etag,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
    )


def _changes(given: dict[str, Any], mask: Sequence[str]) -> dict[str, Any]:
    """What an update changes: what its mask names or, without one, what is filled. Raises UpdateMaskInvalid."""
    paths = list(mask) or [name for name, value in given.items() if value]
    for path in paths:
        if path not in given:
            raise UpdateMaskInvalid(path=path)
    return {path: given[path] for path in paths}
