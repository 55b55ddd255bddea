"""TransactionService."""

from datetime import datetime

from fealty.v1 import transactions_pb2 as pb
from rules.access import check_scope
from server.call import Call
from server.commands import Commands
from server.convert import names, transactions
from server.paging import Pages, page_size
from server.policy import word
from storage.books import Books
from storage.ledger.addresses import Address, CustomerName
from storage.ledger.reading import refunds
from storage.ledger.reading import transactions as reading


class Transactions:
    """Purchases and their refunds."""

    service = "fealty.v1.TransactionService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def RecordTransaction(self, call: Call, message: pb.RecordTransactionRequest) -> pb.RecordTransactionResponse:
        return await self._commands.carry_out(call, message, pb.RecordTransactionResponse)

    async def UpdateTransaction(self, call: Call, message: pb.UpdateTransactionRequest) -> pb.UpdateTransactionResponse:
        return await self._commands.carry_out(call, message, pb.UpdateTransactionResponse)

    async def AcceptTransaction(self, call: Call, message: pb.AcceptTransactionRequest) -> pb.AcceptTransactionResponse:
        return await self._commands.carry_out(call, message, pb.AcceptTransactionResponse)

    async def RejectTransaction(self, call: Call, message: pb.RejectTransactionRequest) -> pb.RejectTransactionResponse:
        return await self._commands.carry_out(call, message, pb.RejectTransactionResponse)

    async def RefundTransaction(self, call: Call, message: pb.RefundTransactionRequest) -> pb.RefundTransactionResponse:
        return await self._commands.carry_out(call, message, pb.RefundTransactionResponse)

    async def GetTransaction(self, call: Call, message: pb.GetTransactionRequest) -> pb.GetTransactionResponse:
        name = names.transaction(message.name)
        check_scope(call.caller, name.program)
        found = await self._books.query(call.caller, lambda books: reading.get(books, name))
        response = pb.GetTransactionResponse()
        _fill(response.transaction, CustomerName(name.program, name.customer), found)
        return response

    async def LookupTransaction(self, call: Call, message: pb.LookupTransactionRequest) -> pb.LookupTransactionResponse:
        program, transaction_id = names.program_id(message.parent), transactions.identified(message)
        check_scope(call.caller, program)
        name, found = await self._books.query(call.caller, lambda books: reading.lookup(books, program, transaction_id))
        response = pb.LookupTransactionResponse()
        _fill(response.transaction, name, found)
        return response

    async def GetRefund(self, call: Call, message: pb.GetRefundRequest) -> pb.GetRefundResponse:
        name, number = names.refund(message.name)
        check_scope(call.caller, name.program)
        found = await self._books.query(call.caller, lambda books: refunds.get(books, name, number))
        response = pb.GetRefundResponse()
        transactions.fill_refund(response.refund, name, found)
        return response

    async def ListRefunds(self, call: Call, message: pb.ListRefundsRequest) -> pb.ListRefundsResponse:
        name = names.transaction(message.parent)
        check_scope(call.caller, name.program)
        position = self._pages.position(message, message.page_token)
        before = int(position) if position else None
        size = page_size(message.page_size)
        found = await self._books.query(call.caller, lambda books: refunds.page(books, name, before, size + 1))
        response = pb.ListRefundsResponse()
        for refund in found[:size]:
            transactions.fill_refund(response.refunds.add(), name, refund)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, str(found[size - 1].number))
        return response

    async def ListTransactions(self, call: Call, message: pb.ListTransactionsRequest) -> pb.ListTransactionsResponse:
        name = names.customer(message.parent)
        check_scope(call.caller, name.program)
        state = word(pb.TransactionState, message.state, "TRANSACTION_STATE_")
        at, _, activity = self._pages.position(message, message.page_token).partition(" ")
        after = (datetime.fromisoformat(at), activity) if at else None
        size = page_size(message.page_size)
        found = await self._books.query(
            call.caller, lambda books: reading.page(books, name, state, message.card_id, after, size + 1)
        )
        response = pb.ListTransactionsResponse()
        for listed in found[:size]:
            _fill(response.transactions.add(), name, listed)
        if len(found) > size:
            last = found[size - 1]
            position = f"{last.purchase.occurred_at.isoformat()} {last.activity}"
            response.next_page_token = self._pages.token(message, position)
        return response


def _fill(shown: pb.Transaction, name: CustomerName, found: reading.Listed) -> None:
    address = Address(name.program, name.customer, found.card)
    transactions.fill(shown, address, found.purchase, found.state, found.lot, found.activates_at, found.expires_at)
