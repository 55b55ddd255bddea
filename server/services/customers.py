"""CustomerService."""

from fealty.v1 import customers_pb2 as pb
from server.call import Call
from server.convert import customers, names
from server.convert.requests import origin, receipt, request
from server.paging import Pages, page_size
from storage.books import Books
from storage.customers import commands, merging, queries, states, unmerging
from storage.customers.queries import Customer
from storage.programs import queries as programs


class Customers:
    """The members of a program."""

    service = "fealty.v1.CustomerService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages

    async def CreateCustomer(self, call: Call, message: pb.CreateCustomerRequest) -> pb.CreateCustomerResponse:
        command = customers.create(message)
        key = request(call, message)
        answer = await self._books.change(
            call.caller,
            lambda unit: commands.create(unit, command, call.caller, call.origin, key, message.validate_only),
        )
        return pb.CreateCustomerResponse(customer=customers.message(answer.value), receipt=receipt(answer))

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
        command = customers.update(message)
        key = request(call, message)
        answer = await self._books.change(
            call.caller,
            lambda unit: commands.update(unit, command, call.caller, call.origin, key, message.validate_only),
        )
        return pb.UpdateCustomerResponse(customer=customers.message(answer.value), receipt=receipt(answer))

    async def SuspendCustomer(self, call: Call, message: pb.SuspendCustomerRequest) -> pb.SuspendCustomerResponse:
        command = customers.suspend(message)
        key, who = request(call, message), origin(call, message)
        answer = await self._books.change(
            call.caller, lambda unit: states.suspend(unit, command, call.caller, who, key, message.validate_only)
        )
        return pb.SuspendCustomerResponse(customer=customers.message(answer.value), receipt=receipt(answer))

    async def ReactivateCustomer(
        self, call: Call, message: pb.ReactivateCustomerRequest
    ) -> pb.ReactivateCustomerResponse:
        command = customers.reactivate(message)
        key, who = request(call, message), origin(call, message)
        answer = await self._books.change(
            call.caller, lambda unit: states.reactivate(unit, command, call.caller, who, key, message.validate_only)
        )
        return pb.ReactivateCustomerResponse(customer=customers.message(answer.value), receipt=receipt(answer))

    async def MergeCustomers(self, call: Call, message: pb.MergeCustomersRequest) -> pb.MergeCustomersResponse:
        command = customers.merge(message)
        key, who = request(call, message), origin(call, message)
        answer = await self._books.change(
            call.caller, lambda unit: merging.merge(unit, command, call.caller, who, key, message.validate_only)
        )
        merged, customer = customers.merge_message(answer.value), customers.message(answer.value.customer)
        return pb.MergeCustomersResponse(merge=merged, customer=customer, receipt=receipt(answer))

    async def UnmergeCustomers(self, call: Call, message: pb.UnmergeCustomersRequest) -> pb.UnmergeCustomersResponse:
        command = customers.unmerge(message)
        key, who = request(call, message), origin(call, message)
        answer = await self._books.change(
            call.caller, lambda unit: unmerging.unmerge(unit, command, call.caller, who, key, message.validate_only)
        )
        merged, customer = customers.merge_message(answer.value), customers.message(answer.value.customer)
        return pb.UnmergeCustomersResponse(merge=merged, customer=customer, receipt=receipt(answer))
