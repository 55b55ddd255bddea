"""Reads: the balance and a page of the points history against nothing."""

from collections.abc import Iterable

from bench.requests import Requests, account, messages, refused
from bench.row import Row, clean, cost, rate, speeds
from bench.rows.earn import INGEST, ITEMS
from bench.server import NOTHING
from bench.stage import Stage
from fealty.v1 import points_pb2 as pb

BALANCE = "/fealty.v1.PointsService/GetBalance"
ENTRIES = "/fealty.v1.PointsService/ListEntries"

# Accounts whose histories are read, and how many entries each has at least: more than a page.
READ_ACCOUNTS = 500
HISTORY_ENTRIES = 25
PAGE = 20


def reads(here: Stage, rounds: int) -> Iterable[Row]:
    """`balance_vs_noop` and `history_vs_noop`."""
    names = [account(number) for number in range(READ_ACCOUNTS)]
    balances = Requests([pb.GetBalanceRequest(account=name).SerializeToString() for name in names])
    pages = entry_pages(names)
    entries = 0
    while entries < READ_ACCOUNTS * HISTORY_ENTRIES:
        entries += clean(here.stream(INGEST, messages(ITEMS, READ_ACCOUNTS), refused)).calls * ITEMS
    nothing, read, listed = [], [], []
    for _ in range(rounds):
        nothing.append(clean(here.unary(NOTHING, balances)))
        read.append(clean(here.unary(BALANCE, balances)))
        listed.append(clean(here.unary(ENTRIES, pages)))
    for name, found, least, aim in (("balance_vs_noop", read, 0.6, 0.8), ("history_vs_noop", listed, 0.35, 0.5)):
        note = f"{rate(found)} against {rate(nothing)}; {cost(found)} a call against {cost(nothing)}"
        yield Row(name, speeds(found, nothing), least, aim, note)


def entry_pages(accounts: Iterable[str]) -> Requests:
    """Requests of first pages of the points history."""
    return Requests([pb.ListEntriesRequest(account=name, page_size=PAGE).SerializeToString() for name in accounts])
