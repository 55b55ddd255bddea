"""Holds the books to what callers were told: every change that was acknowledged is in them, once, and nothing else."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from attack import limits
from attack.tills import Act, Servers
from fealty.v1 import points_pb2

EARN, SPEND = points_pb2.ENTRY_KIND_EARN, points_pb2.ENTRY_KIND_SPEND
PAGE = 1_000
# Sentences shown of one kind of fault: a fault shows in many calls at once.
SHOWN_MAX = 5
POLL_S = 0.5
# For what the workers make early, after everything is up again; a task that was lost with its worker waits for a
# minute until it is sent again.
RIPENED_S = 150.0


def replayed(servers: Servers, acts: Sequence[Act]) -> Iterator[str]:
    """Asks for every act again; yields a sentence for each that is not answered as it was."""
    with ThreadPoolExecutor(limits.TILLS) as threads:
        yield from _some(fault for fault in threads.map(partial(_again, servers), acts) if fault)


def counted(servers: Servers, accounts: Iterable[str], acts: Sequence[Act]) -> Iterator[str]:
    """Compares entries and balances of accounts, of which nobody else knows, with an own count of the acts."""
    for account in accounts:
        mine = [act for act in acts if act.request.account == account]
        yield from _some(_of_account(servers, account, mine))


def ripened(servers: Servers, accounts: Sequence[str]) -> Iterator[str]:
    """Waits for the entries that only a sweep makes: nobody else has written to these accounts since."""
    until = time.monotonic() + RIPENED_S
    waiting = list(accounts)
    while waiting and time.monotonic() < until:
        waiting = [account for account in waiting if not _entries(servers, account)]
        time.sleep(POLL_S if waiting else 0.0)
    if waiting:
        yield f"points of {len(waiting)} accounts were not matured by a sweep within {RIPENED_S:.0f} s: {waiting[0]}"


def _again(servers: Servers, act: Act) -> str | None:
    answer = servers.call(act.method, act.request)
    if not answer.receipt.replayed:
        return f"{act.method} {act.request.request_id} was acknowledged and is not known"
    if _told(answer) != _told(act.response):
        return f"{act.method} {act.request.request_id} is answered otherwise than before: {answer}"
    return None


def _told(response: Any) -> bytes:
    """What an answer says of the change, whether or not it was the first to say so."""
    said = type(response)()
    said.CopyFrom(response)
    said.receipt.replayed = False
    told: bytes = said.SerializeToString(deterministic=True)
    return told


def _of_account(servers: Servers, account: str, acts: Sequence[Act]) -> Iterator[str]:
    purchases = {act.response.transaction.name: act.request.amount.amount_minor for act in acts if _is_purchase(act)}
    spendings = {act.response.entry.name: act.request.points for act in acts if not _is_purchase(act)}
    if len(purchases) + len(spendings) != len(acts):
        yield f"{account}: two acts were answered with the same result"
    entries = _entries(servers, account)
    in_books = Counter(entry.transaction if entry.kind == EARN else entry.name for entry in entries)
    told = Counter([*purchases, *spendings])
    for name, count in (in_books - told).items():
        yield f"{account}: {name} is in the books {count} times more than somebody was told"
    for name in told - in_books:
        yield f"{account}: {name} was acknowledged and is not in the books"
    earned, spent = sum(purchases.values()), sum(spendings.values())
    balance = servers.call("GetBalance", points_pb2.GetBalanceRequest(account=account)).balance
    found = (balance.lifetime_earned, balance.lifetime_spent, balance.active)
    if found != (earned, spent, earned - spent):
        yield f"{account}: earned, spent and active are {found}, acknowledged were {(earned, spent, earned - spent)}"


def _is_purchase(act: Act) -> bool:
    return act.method == "RecordTransaction"


def _entries(servers: Servers, account: str) -> list[Any]:
    found: list[Any] = []
    request = points_pb2.ListEntriesRequest(account=account, page_size=PAGE)
    while True:
        page = servers.call("ListEntries", request)
        found.extend(page.entries)
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def _some(faults: Iterable[str]) -> Iterator[str]:
    """The first few, and how many more there are."""
    more = 0
    for number, fault in enumerate(faults):
        if number < SHOWN_MAX:
            yield fault
        else:
            more += 1
    if more:
        yield f"… and {more} more such"
