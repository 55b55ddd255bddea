"""Lists in pages: nothing twice, nothing left out, and no way to turn a token into another question."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from fealty.v1 import audit_pb2, customers_pb2, points_pb2, programs_pb2
from server import limits
from server.paging import Pages, page_size
from tests.server.serving import PLAIN, SLOW, Client, Served, customer, program, purchase, told

CREATED = audit_pb2.ActivityFilter(actions=["customer.created"])
ELSEWHERE = audit_pb2.ActivityFilter(actions=["program.created"])
AND_MORE = audit_pb2.ActivityFilter(actions=["customer.created"], outcomes=["ACTIVITY_OUTCOME_SUCCEEDED"])
# How to ask for a list, and what is in its answer.
LISTS: dict[str, tuple[Callable[[Client], Any], Callable[..., Any], str]] = {
    "programs": (lambda c: c.programs.ListPrograms, programs_pb2.ListProgramsRequest, "programs"),
    "customers": (
        lambda c: c.customers.ListCustomers,
        lambda **more: customers_pb2.ListCustomersRequest(**{"parent": "programs/coffee", **more}),
        "customers",
    ),
    "entries": (
        lambda c: c.points.ListEntries,
        lambda **more: points_pb2.ListEntriesRequest(**{"account": PLAIN, **more}),
        "entries",
    ),
    "activities": (
        lambda c: c.audit.ListActivities,
        lambda **more: audit_pb2.ListActivitiesRequest(**{"parent": "-", "filter": CREATED, **more}),
        "activities",
    ),
}


async def _filled(server: Served) -> None:
    for name in ("ben", "cyd", "dan", "eve"):
        await server.till.customers.CreateCustomer(customer(name))
        await server.admin.programs.CreateProgram(program(f"{name}-club"))
        await server.till.transactions.RecordTransaction(purchase(len(name)))
    await server.till.transactions.RecordTransaction(purchase(9))


async def _pages(client: Client, kind: str, size: int) -> list[list[Any]]:
    call, request, field = LISTS[kind]
    found: list[list[Any]] = []
    token = ""
    while len(found) < 20:
        page = await call(client)(request(page_size=size, page_token=token))
        found.append(list(getattr(page, field)))
        token = page.next_page_token
        if not token:
            return found
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("kind", LISTS)
async def test_all_pages_together_are_the_whole_list(server: Served, kind: str) -> None:
    """With every size, also where the last page is just full."""
    await _filled(server)
    [whole] = await _pages(server.admin, kind, 0)
    assert len(whole) == 5
    for size in (1, 2, 5, 6):
        pages = await _pages(server.admin, kind, size)
        assert [row for page in pages for row in page] == whole
        assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
        assert pages[-1]


async def test_what_is_added_meanwhile_neither_repeats_nor_hides_anything(server: Served) -> None:
    """A list by number of the row would show the same entry on two pages."""
    await _filled(server)
    request = points_pb2.ListEntriesRequest(account=PLAIN, page_size=2)
    first = await server.till.points.ListEntries(request)
    await server.till.transactions.RecordTransaction(purchase(1))
    request.page_token = first.next_page_token
    second = await server.till.points.ListEntries(request)
    numbers = [int(entry.name.rpartition("/")[2]) for entry in (*first.entries, *second.entries)]
    assert numbers == [5, 4, 3, 2]


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("customers", {"parent": "programs/ben-club"}),
        ("entries", {"account": SLOW}),
        ("activities", {"filter": ELSEWHERE}),
        (
            "activities",
            {"filter": AND_MORE},
        ),
        ("activities", {"parent": "programs/coffee"}),
        ("activities", {"filter_text": "outcome = SUCCEEDED"}),
        ("activities", {"ascending": True}),
    ],
)
async def test_a_token_belongs_to_its_list_and_filter(server: Served, kind: str, other: dict[str, Any]) -> None:
    """Continued with another filter it would skip rows without a word."""
    await _filled(server)
    call, request, _ = LISTS[kind]
    token = (await call(server.admin)(request(page_size=1))).next_page_token
    assert (await call(server.admin)(request(page_size=2, page_token=token))).next_page_token
    answer = await told(call(server.admin)(request(page_size=1, page_token=token, **other)))
    assert answer.reason == "PAGE_TOKEN_MISMATCH"


@pytest.mark.parametrize("kind", LISTS)
async def test_a_token_that_we_did_not_make_is_refused(server: Served, kind: str) -> None:
    """A position that anybody could write would be a way to ask questions that nobody foresaw."""
    await _filled(server)
    call, request, _ = LISTS[kind]
    token = (await call(server.admin)(request(page_size=1))).next_page_token
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    forged = [
        *(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :] for place in (0, 7, 15, len(raw) - 1)),
        raw + b"0",
        raw[:16],
        raw[:3],
        b"\xff" * 40,
    ]
    texts = [base64.urlsafe_b64encode(text).decode().rstrip("=") for text in forged]
    for text in (*texts, "x", "é", "../..", "A" * 512):
        answer = await told(call(server.admin)(request(page_size=1, page_token=text)))
        assert answer.reason == "PAGE_TOKEN_MISMATCH", text


async def test_a_token_of_one_kind_of_list_is_none_of_another(server: Served) -> None:
    """Two requests of the same bytes are still two lists."""
    pages = Pages(b"secret")
    programs, customers = programs_pb2.ListProgramsRequest(), customers_pb2.ListCustomersRequest()
    assert pages.token(programs, "x") != pages.token(customers, "x")
    assert Pages(b"other").token(programs, "x") != pages.token(programs, "x")


def test_pages_have_a_size_that_fits_a_screen_and_a_most() -> None:
    """0 means what we think best; more than the most is not refused, only cut."""
    assert [page_size(asked) for asked in (0, 1, 1000, 1001, 2**31 - 1)] == [
        limits.PAGE_SIZE_DEFAULT,
        1,
        limits.PAGE_SIZE_MAX,
        limits.PAGE_SIZE_MAX,
        limits.PAGE_SIZE_MAX,
    ]
