"""What cards of points and stamps say: the accounts of many customers at the instants of their programs' clocks, as a
read of their balances computes them, whether or not a worker has settled what fell due."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from rules import ledger
from rules.accounts import Account, LotState
from rules.coupons.campaigns import between
from rules.draft import Draft
from rules.passes.filling import Expiring, NextReward, Points
from rules.programs import time_zone
from rules.rewards import RewardTerms
from storage.engine.database import Busy, Connection
from storage.engine.session import Session, session
from storage.engine.sockets import blocking
from storage.engine.workspace import Workspace
from storage.ledger.addresses import AccountKey
from storage.ledger.locked_account import draft_of
from storage.ledger.nouns import load_accounts, load_lots, pinned
from storage.ledger.records import ACCOUNTS
from storage.programs.queries import BlockingProgramCache, ProgramState

# Whoever settles an account between two of our statements is done by the third.
LOOKS_MAX = 5


class BalanceWanted(NamedTuple):
    """A card of a customer, by internal ids, and what is to be known of it beside the balance."""

    program: int
    customer: int
    card_id: str
    expiring: bool = False
    next_reward: bool = False


def read(
    connection: Connection, programs: Mapping[int, ProgramState], wanted: Collection[BalanceWanted]
) -> dict[BalanceWanted, Points]:
    """Of each card what it says; all zeros where the customer never had any. Raises Busy where somebody writes to an
    account without end, which nobody does."""
    keys = _keys(connection, wanted)
    drafts = _settled(connection, programs, {key: one.card_id for one, key in keys.items()})
    ending = [key for one, key in keys.items() if one.expiring]
    expiring = _expiring(connection, {key: (drafts[key], programs[key.program].now) for key in ending})
    catalogues = _catalogues(connection, programs, {one.program for one in wanted if one.next_reward})
    found = {}
    for one in wanted:
        card = programs[one.program].settings.card(one.card_id, "")
        key = keys.get(one)
        account = drafts[key].account if key else Account()
        found[one] = Points(
            account.spendable,
            account.pending,
            card.decimals,
            card.stamps_per_reward,
            expiring.get(key) if key else None,
            _next(catalogues.get((one.program, one.card_id), ()), account.spendable) if one.next_reward else None,
        )
    return found


def _keys(connection: Connection, wanted: Iterable[BalanceWanted]) -> dict[BalanceWanted, AccountKey]:
    """Where the accounts are, of those that were opened."""
    asked = list(wanted)
    if not asked:
        return {}
    customers, cards = [one.customer for one in asked], [one.card_id for one in asked]
    accounts = {(customer, card): id for id, customer, card in connection.execute(_ACCOUNTS, (customers, cards))}
    return {
        one: AccountKey(accounts[one.customer, one.card_id], one.program, one.customer)
        for one in asked
        if (one.customer, one.card_id) in accounts
    }


def _settled(
    connection: Connection, programs: Mapping[int, ProgramState], cards: Mapping[AccountKey, str]
) -> dict[AccountKey, Draft]:
    """A draft of each account once time has passed; only those in which something was due have lots. Nothing is
    written, and nobody is waited for."""
    books = session(connection)
    cache = BlockingProgramCache(books)
    drafts: dict[AccountKey, Draft] = {}
    left = list(cards)
    for _ in range(LOOKS_MAX):
        workspace = blocking(load_accounts(books, cache, left))
        figures = workspace.within(ACCOUNTS, ())
        due = [key for key in left if figures[key.account].is_due(programs[key.program].now)]
        drafts |= {key: draft_of(workspace, key.account, False, cache.sliding(key.program, cards[key])) for key in left}
        if due:
            asked = [(key.account, programs[key.program].now, 0, sorted(pinned(workspace, key.account))) for key in due]
            blocking(load_lots(books, workspace, asked))
        left = _written_since(books, cache, workspace, due)
        for key in set(due).difference(left):
            drafts[key] = draft_of(workspace, key.account, True, cache.sliding(key.program, cards[key]))
            ledger.settle(drafts[key], programs[key.program].now)
        if not left:
            return drafts
    raise Busy("somebody writes to an account without end")


def _written_since(
    books: Session, cache: BlockingProgramCache, workspace: Workspace, due: list[AccountKey]
) -> list[AccountKey]:
    """Of which accounts the lots, which were read after them, may belong to other figures."""
    if not due:
        return []
    before, now = workspace.within(ACCOUNTS, ()), blocking(load_accounts(books, cache, due)).within(ACCOUNTS, ())
    return [key for key in due if now[key.account] != before[key.account]]


def _expiring(
    connection: Connection, settled: Mapping[AccountKey, tuple[Draft, datetime]]
) -> dict[AccountKey, Expiring]:
    """What expires next of each account: its lots as they stand, but for those that time has changed."""
    if not settled:
        return {}
    ends: defaultdict[AccountKey, defaultdict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    of = {key.account: key for key in settled}
    asked = msgspec.json.encode(
        [(key.account, now, sorted(draft.lots)) for key, (draft, now) in settled.items()]
    ).decode()
    for account, ends_at, units in connection.execute(_EXPIRING, (asked,)):
        ends[of[account]][ends_at] += units
    for key, (draft, now) in settled.items():
        for lot in draft.lots.values():
            at = draft.expires_at(lot)
            if lot.state is LotState.ACTIVE and at is not None and at > now:
                ends[key][at] += lot.remaining
    return {key: Expiring(found[first], first) for key, found in ends.items() if (first := min(found))}


def _catalogues(
    connection: Connection, programs: Mapping[int, ProgramState], wanted: Collection[int]
) -> dict[tuple[int, str], list[tuple[int, str]]]:
    """By program and card the prices and names of the rewards that can be claimed now, the cheapest first. How many of
    one are left is not looked at: stock changes with every claim, and a card is no shop window."""
    found: defaultdict[tuple[int, str], list[tuple[int, str]]] = defaultdict(list)
    if wanted:
        for program, name, text in connection.execute(_REWARDS, (list(wanted),)):
            terms = msgspec.convert(text, RewardTerms)
            state = programs[program]
            begins, ends = between(terms.first_day, terms.last_day, time_zone(state.settings.time_zone))
            if (begins is None or begins <= state.now) and (ends is None or state.now < ends):
                found[program, terms.card_id].append((terms.price_points, name))
    return {key: sorted(rewards) for key, rewards in found.items()}


def _next(rewards: Iterable[tuple[int, str]], spendable: int) -> NextReward | None:
    return next((NextReward(name, price - spendable) for price, name in rewards if price > spendable), None)


_ACCOUNTS = """
SELECT a.id, a.customer, a.card_id
FROM (SELECT DISTINCT * FROM unnest(%s::bigint[], %s::text[])) AS k (customer, card_id)
JOIN account a USING (customer, card_id)
"""

# Of each account the first instant at which some of its lots end, and of those that slide each one; in the order of
# the index, so that an account with ten thousand lots is not read as a whole.
_EXPIRING = """
WITH asked AS MATERIALIZED (
    SELECT (k ->> 0)::bigint AS account, (k ->> 1)::timestamptz AS now,
        ARRAY(SELECT json_array_elements_text(k -> 2)::integer) AS changed
    FROM json_array_elements(%s::json) AS k
)
SELECT k.account, l.expires_at, l.units FROM asked AS k CROSS JOIN LATERAL (
    SELECT expires_at, sum(remaining)::bigint AS units FROM lot
    WHERE account = k.account AND state = 'ACTIVE' AND expires_at > k.now AND number <> ALL(k.changed)
    GROUP BY expires_at ORDER BY expires_at LIMIT 1
) AS l
UNION ALL
SELECT k.account, s.expires_at, l.units FROM asked AS k JOIN sliding_expiry AS s ON s.account = k.account
CROSS JOIN LATERAL (
    SELECT sum(remaining)::bigint AS units FROM lot
    WHERE account = k.account AND state = 'ACTIVE' AND expires_at IS NULL AND slides
    AND settings_version = s.settings_version AND number <> ALL(k.changed)
) AS l WHERE s.expires_at > k.now AND l.units > 0
"""

_REWARDS = "SELECT program, display_name, terms FROM reward WHERE program = ANY(%s) AND NOT archived ORDER BY id"
