"""PointsService: the hot one."""

from collections.abc import Sequence
from typing import TypeVar

from fealty.v1 import points_pb2 as pb
from rules.access import check_scope
from rules.refusals import CardNotFound, EntryNotFound, ProgramNotFound, Refusal
from server.call import Call
from server.commands import Commands
from server.convert import explanations, names, points
from server.convert.balances import fill_balance, fill_entry
from server.convert.requests import instant
from server.errors import failure
from server.paging import Pages, page_size
from server.policy import word
from storage.books import Books
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance
from storage.ledger.entries import EntryRead
from storage.ledger.queries import GetBalance, ListEntries
from storage.ledger.reading import accounts, entries, explain, past
from storage.ledger.reading.entries import EntryFilter

# Before the first entry that can be numbered: where a list that starts at the newest begins.
NEWEST = 2**63 - 1

Value = TypeVar("Value")


class Points:
    """Spendings, rollbacks, adjustments, transfers, accounts, balances and the points history."""

    service = "fealty.v1.PointsService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def SpendPoints(self, call: Call, message: pb.SpendPointsRequest) -> pb.SpendPointsResponse:
        return await self._commands.carry_out(call, message, pb.SpendPointsResponse)

    async def RollBackSpending(self, call: Call, message: pb.RollBackSpendingRequest) -> pb.RollBackSpendingResponse:
        return await self._commands.carry_out(call, message, pb.RollBackSpendingResponse)

    async def AdjustPoints(self, call: Call, message: pb.AdjustPointsRequest) -> pb.AdjustPointsResponse:
        return await self._commands.carry_out(call, message, pb.AdjustPointsResponse)

    async def TransferPoints(self, call: Call, message: pb.TransferPointsRequest) -> pb.TransferPointsResponse:
        return await self._commands.carry_out(call, message, pb.TransferPointsResponse)

    async def GetBalance(self, call: Call, message: pb.GetBalanceRequest) -> pb.GetBalanceResponse:
        address = names.address(message.account)
        check_scope(call.caller, address.program)
        at = instant(message, "as_of_time")
        if at is None:
            found = only(await self._books.ask([GetBalance(address)]), Balance)
        else:
            found = await self._books.query(call.caller, lambda books: past.balance_at(books, address, at))
        response = pb.GetBalanceResponse()
        fill_balance(response.balance, address, found)
        return response

    async def BatchGetBalances(self, call: Call, message: pb.BatchGetBalancesRequest) -> pb.BatchGetBalancesResponse:
        addresses = points.batch_addresses(message)
        check_scope(call.caller, addresses[0].program)
        response = pb.BatchGetBalancesResponse()
        for address, found in zip(addresses, await self._books.balances(addresses), strict=True):
            if isinstance(found, ProgramNotFound | CardNotFound):
                # What is wrong with the card is wrong with all of them.
                raise found
            result = response.results.add()
            if isinstance(found, Refusal):
                result.refused.CopyFrom(failure(found, address.name).status())
            else:
                fill_balance(result.balance, address, found)
        return response

    async def ListAccounts(self, call: Call, message: pb.ListAccountsRequest) -> pb.ListAccountsResponse:
        name = names.customer(message.parent)
        check_scope(call.caller, name.program)
        after = self._pages.position(message, message.page_token)
        cards = await self._books.query(call.caller, lambda books: accounts.cards(books, name))
        start = [card.card_id for card in cards].index(after) + 1 if after else 0
        page = cards[start : start + page_size(message.page_size)]
        addresses = [Address(name.program, name.customer, card.card_id) for card in page]
        response = pb.ListAccountsResponse()
        for card, address, found in zip(page, addresses, await self._books.balances(addresses), strict=True):
            if isinstance(found, Refusal):
                raise found
            points.fill_account(response.accounts.add(), address, card, found)
        if start + len(page) < len(cards):
            response.next_page_token = self._pages.token(message, page[-1].card_id)
        return response

    async def GetEntry(self, call: Call, message: pb.GetEntryRequest) -> pb.GetEntryResponse:
        address, seq = names.numbered(message.name)
        check_scope(call.caller, address.program)
        found: list[EntryRead] = only(await self._books.ask([ListEntries(address, seq + 1, 1)]), list)
        if [read.entry.seq for read in found] != [seq]:
            raise EntryNotFound(entry=message.name)
        response = pb.GetEntryResponse()
        fill_entry(response.entry, address, found[0])
        return response

    async def ListEntries(self, call: Call, message: pb.ListEntriesRequest) -> pb.ListEntriesResponse:
        address = names.address(message.account)
        check_scope(call.caller, address.program)
        before = int(self._pages.position(message, message.page_token) or NEWEST)
        size = page_size(message.page_size)
        kind = word(pb.EntryKind, message.kind, "ENTRY_KIND_")
        wanted = EntryFilter(kind, instant(message, "start_time"), instant(message, "end_time"))
        found: list[EntryRead]
        if wanted == EntryFilter():
            found = only(await self._books.ask([ListEntries(address, before, size + 1)]), list)
        else:
            found = await self._books.query(
                call.caller, lambda books: entries.page(books, address, wanted, before, size + 1)
            )
        response = pb.ListEntriesResponse()
        for entry in found[:size]:
            fill_entry(response.entries.add(), address, entry)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, str(found[size - 1].entry.seq))
        return response

    async def ExplainBalance(self, call: Call, message: pb.ExplainBalanceRequest) -> pb.ExplainBalanceResponse:
        address = names.address(message.account)
        check_scope(call.caller, address.program)
        position = self._pages.position(message, message.page_token)
        after = int(position) if position else None
        size = page_size(message.page_size)
        balance = only(await self._books.ask([GetBalance(address)]), Balance)
        found = await self._books.query(call.caller, lambda books: explain.explain(books, address, after, size + 1))
        response = pb.ExplainBalanceResponse()
        fill_balance(response.balance, address, balance)
        for explanation in found[:size]:
            explanations.fill(response.explanations.add(), address, explanation)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, str(found[size - 1].lot))
        return response


def only(outcomes: Sequence[object], kind: type[Value]) -> Value:
    """The one outcome, which is of that kind; raised where it is an exception."""
    [outcome] = outcomes
    if isinstance(outcome, Exception):
        raise outcome
    assert isinstance(outcome, kind)
    return outcome
