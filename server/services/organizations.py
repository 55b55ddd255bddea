"""OrganizationService."""

from fealty.v1 import organizations_pb2 as pb
from rules.access import Permission
from rules.organizations import scopes
from server.call import Call
from server.commands import Commands
from server.convert import names, organizations
from server.paging import Pages, page_size
from storage.books import Books
from storage.organizations import queries


class Organizations:
    """Networks and partners, and whose programs are."""

    service = "fealty.v1.OrganizationService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateNetwork(self, call: Call, message: pb.CreateNetworkRequest) -> pb.CreateNetworkResponse:
        return await self._commands.carry_out(call, message, pb.CreateNetworkResponse)

    async def GetNetwork(self, call: Call, message: pb.GetNetworkRequest) -> pb.GetNetworkResponse:
        held = scopes(call.caller, Permission.ORGANIZATIONS_READ)
        found = await self._books.read(call.caller, lambda: queries.network(names.last(message.name), held))
        return pb.GetNetworkResponse(network=organizations.network(found))

    async def ListNetworks(self, call: Call, message: pb.ListNetworksRequest) -> pb.ListNetworksResponse:
        after, size = self._pages.position(message, message.page_token), page_size(message.page_size)
        found = await self._books.read(call.caller, lambda: queries.networks(call.caller, after, size + 1))
        following = self._pages.token(message, found[size - 1].network_id) if len(found) > size else ""
        shown = [organizations.network(one) for one in found[:size]]
        return pb.ListNetworksResponse(networks=shown, next_page_token=following)

    async def UpdateNetwork(self, call: Call, message: pb.UpdateNetworkRequest) -> pb.UpdateNetworkResponse:
        return await self._commands.carry_out(call, message, pb.UpdateNetworkResponse)

    async def DeleteNetwork(self, call: Call, message: pb.DeleteNetworkRequest) -> pb.DeleteNetworkResponse:
        return await self._commands.carry_out(call, message, pb.DeleteNetworkResponse)

    async def CreatePartner(self, call: Call, message: pb.CreatePartnerRequest) -> pb.CreatePartnerResponse:
        return await self._commands.carry_out(call, message, pb.CreatePartnerResponse)

    async def GetPartner(self, call: Call, message: pb.GetPartnerRequest) -> pb.GetPartnerResponse:
        held = scopes(call.caller, Permission.ORGANIZATIONS_READ)
        found = await self._books.read(call.caller, lambda: queries.partner(names.last(message.name), held))
        return pb.GetPartnerResponse(partner=organizations.partner(found))

    async def ListPartners(self, call: Call, message: pb.ListPartnersRequest) -> pb.ListPartnersResponse:
        after, size = self._pages.position(message, message.page_token), page_size(message.page_size)
        network = names.last(message.network)
        found = await self._books.read(call.caller, lambda: queries.partners(call.caller, network, after, size + 1))
        following = self._pages.token(message, found[size - 1].partner_id) if len(found) > size else ""
        shown = [organizations.partner(one) for one in found[:size]]
        return pb.ListPartnersResponse(partners=shown, next_page_token=following)

    async def UpdatePartner(self, call: Call, message: pb.UpdatePartnerRequest) -> pb.UpdatePartnerResponse:
        return await self._commands.carry_out(call, message, pb.UpdatePartnerResponse)

    async def DeletePartner(self, call: Call, message: pb.DeletePartnerRequest) -> pb.DeletePartnerResponse:
        return await self._commands.carry_out(call, message, pb.DeletePartnerResponse)

    async def TransferProgram(self, call: Call, message: pb.TransferProgramRequest) -> pb.TransferProgramResponse:
        return await self._commands.carry_out(call, message, pb.TransferProgramResponse)
