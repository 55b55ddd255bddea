"""All that a customer has, and what many customers have of one card."""

from typing import Any

import pytest
from grpc import StatusCode

from fealty import refusal_of
from fealty.v1 import cards_pb2, points_pb2
from storage import books
from storage.ledger.addresses import Address
from storage.ledger.limits import FEW_BALANCES_MAX
from storage.ledger.queries import GetBalances, is_long, weight
from tests.server.club import ADA, BEN, CARDS, NAME, Club, account
from tests.server.serving import program, told

EVE = f"{NAME}/customers/eve"


async def _accounts(club: Club, parent: str = ADA, **more: Any) -> points_pb2.ListAccountsResponse:
    return await club.till.points.ListAccounts(points_pb2.ListAccountsRequest(parent=parent, **more))


async def _balances(club: Club, *customers: str, card: str = f"{NAME}/cards/slow") -> list[points_pb2.BalanceResult]:
    request = points_pb2.BatchGetBalancesRequest(card=card, customers=customers)
    return list((await club.till.points.BatchGetBalances(request)).results)


def _reason(result: points_pb2.BalanceResult) -> str:
    refused = refusal_of(result) if result.HasField("refused") else None
    return refused.reason if refused is not None else ""


async def test_a_customer_has_an_account_of_each_card_in_the_order_of_the_settings(club: Club) -> None:
    """An app shows them all, also those that were never used, without knowing which cards there are."""
    await club.earn(100, "slow")
    await club.earn(25, "stamps")
    await club.move(days=11)
    found = list((await _accounts(club)).accounts)
    assert [one.card_id for one in found] == [card.card_id for card in CARDS]
    assert [one.name for one in found] == [account(card.card_id) for card in CARDS]
    for one in found:
        # What time has done is done, though nobody came by.
        assert one.balance == await club.balance(one.card_id)
        is_stamps = one.card_id == "stamps"
        assert one.kind == (cards_pb2.CARD_KIND_STAMPS if is_stamps else cards_pb2.CARD_KIND_POINTS)
    figures = {one.card_id: (one.balance.active, one.balance.rewards) for one in found if one.balance.active}
    assert figures == {"slow": (100, 0), "stamps": (25, 2)}


async def test_to_list_accounts_opens_none(club: Club) -> None:
    """Whoever only looks leaves nothing behind."""
    accounts = "SELECT count(*) FROM account"
    before = club.served.rows(accounts)
    await _accounts(club)
    await _balances(club, ADA, BEN)
    assert club.served.rows(accounts) == before


async def test_accounts_of_nobody_and_of_a_merged_customer_are_refused(club: Club) -> None:
    """As a balance of theirs would be."""
    assert (await told(_accounts(club, EVE))).reason == "CUSTOMER_NOT_FOUND"
    assert (await told(_accounts(club, "programs/cocoa/customers/ada"))).reason == "PROGRAM_NOT_FOUND"
    await club.merge()
    answer = await told(_accounts(club))
    assert (answer.reason, answer.facts["target"]) == ("CUSTOMER_MERGED", BEN)


async def test_balances_of_many_come_in_their_order(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in parts, and each what a call of its own would answer; also where somebody is asked for twice."""
    monkeypatch.setattr(books, "BALANCES_AT_ONCE", 2)
    await club.earn(100, "slow")
    await club.earn(40, "slow", customer=BEN)
    await club.move(days=11)
    both = {ADA: await club.balance("slow"), BEN: await club.balance("slow", BEN)}
    asked = [BEN, ADA, ADA, BEN, ADA]
    assert [result.balance for result in await _balances(club, *asked)] == [both[name] for name in asked]


async def test_one_that_cannot_be_read_fails_alone(club: Club) -> None:
    """A page of customers has one that was merged a minute ago: the others are shown all the same."""
    await club.earn(40, "slow", customer=BEN)
    await club.earn(100, "slow")
    await club.merge()
    found = await _balances(club, EVE, BEN, ADA)
    assert [_reason(result) for result in found] == ["CUSTOMER_NOT_FOUND", "", "CUSTOMER_MERGED"]
    assert found[1].balance == await club.balance("slow", BEN)
    alone = await told(club.balance("slow"))
    assert found[2].refused.message == alone.message
    assert found[2].refused.code == StatusCode.FAILED_PRECONDITION.value[0]


async def test_what_is_wrong_with_the_card_is_wrong_with_the_call(club: Club) -> None:
    """A thousand times the same refusal helps nobody."""
    assert (await told(_balances(club, ADA, card=f"{NAME}/cards/gold"))).reason == "CARD_NOT_FOUND"
    of_cocoa = _balances(club, "programs/cocoa/customers/ada", card="programs/cocoa/cards/plain")
    assert (await told(of_cocoa)).reason == "PROGRAM_NOT_FOUND"


async def test_balances_are_those_of_one_program(club: Club) -> None:
    """A name of another is refused by its place, whoever asks: nobody learns whether it is there."""
    await club.admin.programs.CreateProgram(program("tea"))
    for other in ("programs/tea/customers/ada", "programs/coffee/customers/ada"):
        answer = await told(_balances(club, ADA, other))
        assert (answer.reason, answer.fields) == ("INVALID_REQUEST", ["customers[1]"])


async def test_so_many_are_asked_for_at_once(club: Club) -> None:
    """A page of ListCustomers, and no more; and one at least."""
    thousand = [f"{NAME}/customers/c{number}" for number in range(1000)]
    assert [_reason(result) for result in await _balances(club, *thousand)] == ["CUSTOMER_NOT_FOUND"] * 1000
    for wrong in (_balances(club), _balances(club, *thousand, ADA), _balances(club, ADA, "ada")):
        assert (await told(wrong)).reason == "INVALID_REQUEST"


def test_balances_of_many_wait_where_long_pages_do() -> None:
    """Whoever asks for one balance does not wait behind somebody's thousand."""
    few, many = (
        GetBalances(tuple(Address("club", f"c{number}", "plain") for number in range(size)))
        for size in (FEW_BALANCES_MAX, FEW_BALANCES_MAX + 1)
    )
    assert (is_long(few), weight(few)) == (False, FEW_BALANCES_MAX)
    assert is_long(many)
