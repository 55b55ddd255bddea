"""Rewards: the catalogue, and what customers claimed of it."""

from fealty.v1 import rewards_pb2 as pb
from rules.access import check_scope
from server.call import Call
from server.commands import Commands
from server.convert import claims, names, rewards
from server.paging import Pages, page_size
from server.policy import word
from storage.books import Books
from storage.programs import queries as programs
from storage.rewards import claims as reading
from storage.rewards import queries


class Rewards:
    """Rewards: the catalogue, and what customers claimed of it."""

    service = "fealty.v1.RewardService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateReward(self, call: Call, message: pb.CreateRewardRequest) -> pb.CreateRewardResponse:
        return await self._commands.carry_out(call, message, pb.CreateRewardResponse)

    async def GetReward(self, call: Call, message: pb.GetRewardRequest) -> pb.GetRewardResponse:
        name = names.reward(message.name)
        found = await self._books.read(
            call.caller, lambda: queries.get(programs.get(name.program, call.caller), name.reward)
        )
        return pb.GetRewardResponse(reward=rewards.message(found))

    async def ListRewards(self, call: Call, message: pb.ListRewardsRequest) -> pb.ListRewardsResponse:
        state = word(pb.RewardState, message.state, "REWARD_STATE_")
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)

        def read() -> list[queries.Reward]:
            program = programs.get(names.program_id(message.parent), call.caller)
            return queries.page(program, state, message.card_id, after, size + 1)

        found = await self._books.read(call.caller, read)
        following = self._pages.token(message, found[size - 1].reward_id) if len(found) > size else ""
        return pb.ListRewardsResponse(
            rewards=[rewards.message(reward) for reward in found[:size]], next_page_token=following
        )

    async def UpdateReward(self, call: Call, message: pb.UpdateRewardRequest) -> pb.UpdateRewardResponse:
        return await self._commands.carry_out(call, message, pb.UpdateRewardResponse)

    async def ArchiveReward(self, call: Call, message: pb.ArchiveRewardRequest) -> pb.ArchiveRewardResponse:
        return await self._commands.carry_out(call, message, pb.ArchiveRewardResponse)

    async def UnarchiveReward(self, call: Call, message: pb.UnarchiveRewardRequest) -> pb.UnarchiveRewardResponse:
        return await self._commands.carry_out(call, message, pb.UnarchiveRewardResponse)

    async def ClaimReward(self, call: Call, message: pb.ClaimRewardRequest) -> pb.ClaimRewardResponse:
        return await self._commands.carry_out(call, message, pb.ClaimRewardResponse)

    async def CancelClaim(self, call: Call, message: pb.CancelClaimRequest) -> pb.CancelClaimResponse:
        return await self._commands.carry_out(call, message, pb.CancelClaimResponse)

    async def GetClaim(self, call: Call, message: pb.GetClaimRequest) -> pb.GetClaimResponse:
        name = names.claim(message.name)
        check_scope(call.caller, name.program)
        found = await self._books.query(call.caller, lambda books: reading.get(books, name))
        response = pb.GetClaimResponse()
        claims.fill(response.claim, found)
        return response

    async def ListClaims(self, call: Call, message: pb.ListClaimsRequest) -> pb.ListClaimsResponse:
        owner = names.customer(message.parent)
        check_scope(call.caller, owner.program)
        state = word(pb.ClaimState, message.state, "CLAIM_STATE_")
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)
        found = await self._books.query(call.caller, lambda books: reading.page(books, owner, state, after, size + 1))
        response = pb.ListClaimsResponse()
        for read in found[:size]:
            claims.fill(response.claims.add(), read)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, found[size - 1].id)
        return response
