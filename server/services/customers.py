"""CustomerService."""

from fealty.v1 import customers_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import customers, names
from server.paging import Pages, page_size
from storage.books import Books
from storage.customers import queries
from storage.customers.queries import Customer
from storage.programs import queries as programs


class Customers:
    """The members of a program."""

    service = "fealty.v1.CustomerService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateCustomer(self, call: Call, message: pb.CreateCustomerRequest) -> pb.CreateCustomerResponse:
        return await self._commands.carry_out(call, message, pb.CreateCustomerResponse)

    async def GetCustomer(self, call: Call, message: pb.GetCustomerRequest) -> pb.GetCustomerResponse:
        def found() -> Customer:
            program = programs.get(names.program_id(message.name), call.caller)
            return queries.get(program, names.customer_id(message.name))

        return pb.GetCustomerResponse(customer=customers.message(await self._books.read(call.caller, found)))

    async def LookupCustomer(self, call: Call, message: pb.LookupCustomerRequest) -> pb.LookupCustomerResponse:
        def found() -> Customer:
            program = programs.get(names.program_id(message.parent), call.caller)
            return queries.lookup(program, customers.external_id(message.external_id))

        customer = await self._books.read(call.caller, found)
        call.about(customer.name)
        return pb.LookupCustomerResponse(customer=customers.message(customer))

    async def ListCustomers(self, call: Call, message: pb.ListCustomersRequest) -> pb.ListCustomersResponse:
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)

        def found() -> list[Customer]:
            return queries.page(programs.get(names.program_id(message.parent), call.caller), after, size + 1)

        page = await self._books.read(call.caller, found)
        following = self._pages.token(message, page[size - 1].customer_id) if len(page) > size else ""
        shown = [customers.message(customer) for customer in page[:size]]
        call.details = {"count": len(shown), "customers": [customer.customer_id for customer in page[:size]]}
        return pb.ListCustomersResponse(customers=shown, next_page_token=following)

    async def UpdateCustomer(self, call: Call, message: pb.UpdateCustomerRequest) -> pb.UpdateCustomerResponse:
        return await self._commands.carry_out(call, message, pb.UpdateCustomerResponse)

    async def SuspendCustomer(self, call: Call, message: pb.SuspendCustomerRequest) -> pb.SuspendCustomerResponse:
        return await self._commands.carry_out(call, message, pb.SuspendCustomerResponse)

    async def BlockCustomer(self, call: Call, message: pb.BlockCustomerRequest) -> pb.BlockCustomerResponse:
        return await self._commands.carry_out(call, message, pb.BlockCustomerResponse)

    async def CloseCustomer(self, call: Call, message: pb.CloseCustomerRequest) -> pb.CloseCustomerResponse:
        return await self._commands.carry_out(call, message, pb.CloseCustomerResponse)

    async def EraseCustomer(self, call: Call, message: pb.EraseCustomerRequest) -> pb.EraseCustomerResponse:
        return await self._commands.carry_out(call, message, pb.EraseCustomerResponse)

    async def ReactivateCustomer(
        self, call: Call, message: pb.ReactivateCustomerRequest
    ) -> pb.ReactivateCustomerResponse:
        return await self._commands.carry_out(call, message, pb.ReactivateCustomerResponse)

    async def MergeCustomers(self, call: Call, message: pb.MergeCustomersRequest) -> pb.MergeCustomersResponse:
        return await self._commands.carry_out(call, message, pb.MergeCustomersResponse)

    async def UnmergeCustomers(self, call: Call, message: pb.UnmergeCustomersRequest) -> pb.UnmergeCustomersResponse:
        return await self._commands.carry_out(call, message, pb.UnmergeCustomersResponse)
