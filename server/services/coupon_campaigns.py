"""Coupon campaigns, and the making of codes."""

from fealty.v1 import coupon_campaigns_pb2 as pb
from rules.access import check_scope
from server.call import Call
from server.commands import Commands
from server.convert import campaigns, names
from server.paging import Pages, page_size
from server.services.export_codes import CodesExport
from server.services.importing import Import
from storage.books import Books
from storage.coupons import queries
from storage.coupons.queries import Campaign
from storage.coupons.reading import batches, statistics
from storage.coupons.reading.batches import BatchRead
from storage.programs import queries as programs


class CouponCampaigns:
    """Coupon campaigns, and the making of codes."""

    service = "fealty.v1.CouponCampaignService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)
        self._import = Import(books)
        self._export = CodesExport(books)

    async def CreateCouponCampaign(
        self, call: Call, message: pb.CreateCouponCampaignRequest
    ) -> pb.CreateCouponCampaignResponse:
        return await self._commands.carry_out(call, message, pb.CreateCouponCampaignResponse)

    async def GetCouponCampaign(self, call: Call, message: pb.GetCouponCampaignRequest) -> pb.GetCouponCampaignResponse:
        name = names.campaign(message.name)

        def found() -> Campaign:
            program = programs.get(name.program, call.caller)
            return queries.at_version(queries.get(program, name.campaign), message.version, program)

        return pb.GetCouponCampaignResponse(campaign=campaigns.message(await self._books.read(call.caller, found)))

    async def ListCouponCampaigns(
        self, call: Call, message: pb.ListCouponCampaignsRequest
    ) -> pb.ListCouponCampaignsResponse:
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)

        def found() -> list[Campaign]:
            program = programs.get(names.program_id(message.parent), call.caller)
            return queries.page(program, campaigns.is_archived(message.state), after, size + 1)

        page = await self._books.read(call.caller, found)
        following = self._pages.token(message, page[size - 1].campaign_id) if len(page) > size else ""
        shown = [campaigns.message(campaign) for campaign in page[:size]]
        return pb.ListCouponCampaignsResponse(campaigns=shown, next_page_token=following)

    async def UpdateCouponCampaign(
        self, call: Call, message: pb.UpdateCouponCampaignRequest
    ) -> pb.UpdateCouponCampaignResponse:
        return await self._commands.carry_out(call, message, pb.UpdateCouponCampaignResponse)

    async def ArchiveCouponCampaign(
        self, call: Call, message: pb.ArchiveCouponCampaignRequest
    ) -> pb.ArchiveCouponCampaignResponse:
        return await self._commands.carry_out(call, message, pb.ArchiveCouponCampaignResponse)

    async def UnarchiveCouponCampaign(
        self, call: Call, message: pb.UnarchiveCouponCampaignRequest
    ) -> pb.UnarchiveCouponCampaignResponse:
        return await self._commands.carry_out(call, message, pb.UnarchiveCouponCampaignResponse)

    async def GetCouponStatistics(
        self, call: Call, message: pb.GetCouponStatisticsRequest
    ) -> pb.GetCouponStatisticsResponse:
        name = names.campaign(message.name)
        check_scope(call.caller, name.program)
        found = await self._books.report(call.caller, lambda books: statistics.of_campaign(books, *name))
        return pb.GetCouponStatisticsResponse(statistics=campaigns.statistics(found))

    async def GenerateCoupons(self, call: Call, message: pb.GenerateCouponsRequest) -> pb.GenerateCouponsResponse:
        return await self._commands.carry_out(call, message, pb.GenerateCouponsResponse)

    async def ImportCoupons(self, call: Call) -> None:
        await self._import.run(call)

    async def CreateSharedCoupon(
        self, call: Call, message: pb.CreateSharedCouponRequest
    ) -> pb.CreateSharedCouponResponse:
        return await self._commands.carry_out(call, message, pb.CreateSharedCouponResponse)

    async def ListCouponBatches(self, call: Call, message: pb.ListCouponBatchesRequest) -> pb.ListCouponBatchesResponse:
        name = names.campaign(message.parent)
        position = self._pages.position(message, message.page_token)
        after = int(position) if position else None
        size = page_size(message.page_size)

        def found() -> list[BatchRead]:
            campaign = queries.get(programs.get(name.program, call.caller), name.campaign)
            return batches.page(campaign, after, size + 1)

        page = await self._books.read(call.caller, found)
        following = self._pages.token(message, str(page[size - 1].number)) if len(page) > size else ""
        shown = [campaigns.batch(batch) for batch in page[:size]]
        return pb.ListCouponBatchesResponse(batches=shown, next_page_token=following)

    async def ExportCoupons(self, call: Call, message: pb.ExportCouponsRequest) -> None:
        await self._export.run(call, message)

    def end_streams(self) -> None:
        """Ends each stream with the message in hand: the server is about to stop."""
        self._import.end()
        self._export.end()
