"""Coupons in use: assigned, validated, reserved, redeemed, rolled back, voided."""

from fealty.v1 import coupons_pb2 as pb
from rules import access
from rules.access import Permission, check_scope
from rules.coupons.codes import normalise
from rules.coupons.orders import check_named_once
from rules.coupons.refusals import CouponNotFound
from server.call import Call
from server.commands import Commands
from server.convert import coupons, names, orders, validating
from server.paging import Pages, page_size
from server.services.points import only
from storage.books import Books
from storage.coupons.acts.using import Wanted
from storage.coupons.reading import coupons as reading
from storage.coupons.reading import pages, redemptions, revealing
from storage.coupons.reading.pages import CouponPage
from storage.coupons.reading.redemptions import RedemptionPage
from storage.coupons.validating import ValidateCoupons, Validated
from storage.engine.database import Connection


class Coupons:
    """Coupons in use: assigned, validated, reserved, redeemed, rolled back, voided."""

    service = "fealty.v1.CouponService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def GetCoupon(self, call: Call, message: pb.GetCouponRequest) -> pb.GetCouponResponse:
        check_scope(call.caller, names.program_id(message.name))
        name = names.coupon(message.name)
        found = await self._books.query(call.caller, lambda books: reading.get(books, name))
        if not found.customer and not call.caller.may(Permission.COUPONS_INSPECT, name.program):
            raise CouponNotFound(program=name.program)
        response = pb.GetCouponResponse()
        coupons.fill_coupon(response.coupon, found)
        return response

    async def LookupCoupon(self, call: Call, message: pb.LookupCouponRequest) -> pb.LookupCouponResponse:
        program = names.program_id(message.parent)
        check_scope(call.caller, program)
        code = call.codes.seal(program, normalise(message.code))
        found = await self._books.query(call.caller, lambda books: reading.lookup(books, program, code))
        call.about(found.name)
        response = pb.LookupCouponResponse()
        coupons.fill_coupon(response.coupon, found)
        return response

    async def ListCoupons(self, call: Call, message: pb.ListCouponsRequest) -> pb.ListCouponsResponse:
        check_scope(call.caller, names.program_id(message.parent))
        wanted = coupons.coupon_filter(message)
        after = self._pages.position(message, message.page_token) or None
        size = page_size(message.page_size)

        def found(books: Connection) -> CouponPage:
            if names.is_customer(message.parent):
                return pages.page_of_customer(books, names.customer(message.parent), wanted, after, size)
            access.check(call.caller, Permission.COUPONS_INSPECT, call.program)
            program, campaign = names.campaign(message.parent)
            return pages.page_of_campaign(books, program, campaign, wanted, after, size)

        page = await self._books.query(call.caller, found)
        response = pb.ListCouponsResponse()
        for read in page.coupons:
            coupons.fill_coupon(response.coupons.add(), read)
        if page.following is not None:
            response.next_page_token = self._pages.token(message, page.following)
        return response

    async def RevealCodes(self, call: Call, message: pb.RevealCodesRequest) -> pb.RevealCodesResponse:
        program = names.program_id(message.parent)
        check_scope(call.caller, program)
        asked = [names.coupon(name) for name in message.names]
        found = await self._books.query(call.caller, lambda books: revealing.sealed(books, program, asked))
        call.details = {"count": len(found), "coupons": [one.named for one in found]}
        codes = [pb.RevealedCode(coupon=one.coupon, code=one.unsealed(call.codes, program)) for one in found]
        return pb.RevealCodesResponse(codes=codes)

    async def AssignCoupon(self, call: Call, message: pb.AssignCouponRequest) -> pb.AssignCouponResponse:
        return await self._commands.carry_out(call, message, pb.AssignCouponResponse)

    async def AssignCoupons(self, call: Call, message: pb.AssignCouponsRequest) -> pb.AssignCouponsResponse:
        return await self._commands.carry_out(call, message, pb.AssignCouponsResponse)

    async def ValidateCoupons(self, call: Call, message: pb.ValidateCouponsRequest) -> pb.ValidateCouponsResponse:
        name = names.customer(message.customer)
        check_scope(call.caller, name.program)
        order = orders.order(message.order)
        wanted = [await validating.wanted(call, use, name.program) for use in message.coupons]
        check_named_once([one.key if isinstance(one, Wanted) else None for one in wanted])
        asked = ValidateCoupons(name, order, tuple(wanted))
        answered = only(await self._books.ask([asked]), Validated)
        validating.note_failed(call, message, answered, name.program)
        return validating.response(call, asked, answered)

    async def ReserveCoupons(self, call: Call, message: pb.ReserveCouponsRequest) -> pb.ReserveCouponsResponse:
        return await self._commands.carry_out(call, message, pb.ReserveCouponsResponse)

    async def ReleaseCoupons(self, call: Call, message: pb.ReleaseCouponsRequest) -> pb.ReleaseCouponsResponse:
        return await self._commands.carry_out(call, message, pb.ReleaseCouponsResponse)

    async def RedeemCoupons(self, call: Call, message: pb.RedeemCouponsRequest) -> pb.RedeemCouponsResponse:
        return await self._commands.carry_out(call, message, pb.RedeemCouponsResponse)

    async def RollBackRedemption(
        self, call: Call, message: pb.RollBackRedemptionRequest
    ) -> pb.RollBackRedemptionResponse:
        return await self._commands.carry_out(call, message, pb.RollBackRedemptionResponse)

    async def GetRedemption(self, call: Call, message: pb.GetRedemptionRequest) -> pb.GetRedemptionResponse:
        check_scope(call.caller, names.program_id(message.name))
        name = names.redemption(message.name)
        found = await self._books.query(call.caller, lambda books: redemptions.get(books, name))
        response = pb.GetRedemptionResponse()
        coupons.fill_redemption(response.redemption, found)
        return response

    async def ListRedemptions(self, call: Call, message: pb.ListRedemptionsRequest) -> pb.ListRedemptionsResponse:
        check_scope(call.caller, names.program_id(message.parent))
        wanted = coupons.redemption_filter(message)
        after = self._pages.position(message, message.page_token) or None
        size = page_size(message.page_size)

        def found(books: Connection) -> RedemptionPage:
            if names.is_customer(message.parent):
                return redemptions.page_of_customer(books, names.customer(message.parent), wanted, after, size)
            access.check(call.caller, Permission.COUPONS_INSPECT, call.program)
            return redemptions.page_of_coupon(books, names.coupon(message.parent), wanted, after, size)

        page = await self._books.query(call.caller, found)
        response = pb.ListRedemptionsResponse()
        for read in page.redemptions:
            coupons.fill_redemption(response.redemptions.add(), read)
        if page.following is not None:
            response.next_page_token = self._pages.token(message, page.following)
        return response

    async def VoidCoupon(self, call: Call, message: pb.VoidCouponRequest) -> pb.VoidCouponResponse:
        return await self._commands.carry_out(call, message, pb.VoidCouponResponse)

    async def VoidCoupons(self, call: Call, message: pb.VoidCouponsRequest) -> pb.VoidCouponsResponse:
        return await self._commands.carry_out(call, message, pb.VoidCouponsResponse)
