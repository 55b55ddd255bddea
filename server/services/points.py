"""PointsService: the hot one."""

from collections.abc import Sequence
from typing import TypeVar

from fealty.v1 import points_pb2 as pb
from rules.access import Caller
from rules.refusals import ProgramNotFound
from server.call import Call
from server.convert import names, points
from server.paging import Pages, page_size
from server.services.ingest import Ingest
from storage.books import Books
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance
from storage.ledger.queries import EntryRead, GetBalance, ListEntries

# Before the first entry that can be numbered: where a list that starts at the newest begins.
NEWEST = 2**63 - 1

Value = TypeVar("Value")


class Points:
    """Purchases, spendings, balances and histories."""

    service = "fealty.v1.PointsService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self.IngestTransactions = Ingest(books).run

    async def RecordTransaction(self, call: Call, message: pb.RecordTransactionRequest) -> pb.RecordTransactionResponse:
        command = points.record_transaction(call, message)
        check_scope(call.caller, command.address)
        return points.recorded(command, only(await self._books.write([command]), Answer))

    async def SpendPoints(self, call: Call, message: pb.SpendPointsRequest) -> pb.SpendPointsResponse:
        command = points.spend_points(call, message)
        check_scope(call.caller, command.address)
        return points.spent(command, only(await self._books.write([command]), Answer))

    async def GetBalance(self, call: Call, message: pb.GetBalanceRequest) -> pb.GetBalanceResponse:
        address = names.address(message.account)
        check_scope(call.caller, address)
        found = only(await self._books.ask([GetBalance(address)]), Balance)
        response = pb.GetBalanceResponse()
        points.fill_balance(response.balance, address, found)
        return response

    async def ListEntries(self, call: Call, message: pb.ListEntriesRequest) -> pb.ListEntriesResponse:
        address = names.address(message.parent)
        check_scope(call.caller, address)
        before = int(self._pages.position(message, message.page_token) or NEWEST)
        size = page_size(message.page_size)
        found: list[EntryRead] = only(await self._books.ask([ListEntries(address, before, size + 1)]), list)
        response = pb.ListEntriesResponse()
        for entry in found[:size]:
            points.fill_entry(response.entries.add(), address, entry)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, str(found[size - 1].posting.seq))
        return response


def check_scope(caller: Caller, address: Address) -> None:
    """Raises ProgramNotFound: what is not yours is not found."""
    if not caller.sees(address.program):
        raise ProgramNotFound(program=address.program)


def only(outcomes: Sequence[object], kind: type[Value]) -> Value:
    """The one outcome, which is of that kind; raised where it is an exception."""
    [outcome] = outcomes
    if isinstance(outcome, Exception):
        raise outcome
    assert isinstance(outcome, kind)
    return outcome
