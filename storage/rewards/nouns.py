"""Rewards as a transaction has them in hand: the terms that count, what was claimed of them, and their stock."""

from pathlib import Path
from typing import NamedTuple

from msgspec import Raw, json

from rules.rewards import RewardTerms
from storage.coupons import nouns as coupons
from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Key, Kind
from storage.engine.workspace import Workspace
from storage.ledger.addresses import Address
from storage.ledger.records import SPENDINGS
from storage.rewards.claims import ClaimName
from storage.rewards.records import CLAIMS, COLUMNS
from storage.stock import nouns as stock

FUNCTIONS = Functions(
    Path(__file__).parent / "load.sql",
    {**COLUMNS, SPENDINGS.table: SPENDINGS.select},
    stock.FUNCTIONS,
    coupons.FUNCTIONS,
)


class RewardInHand(NamedTuple):
    """A reward: its internal and public ids, and one version of it."""

    id: int
    version: int
    reward_id: str
    display_name: str
    terms: RewardTerms
    archived: bool
    stock: int


# By the keys of REWARD.
REWARDS_IN_HAND: Kind[RewardInHand] = Kind("reward_in_hand")


def to_claim(address: Address, reward_id: str, request: Key) -> Key:
    """The key of a reward that is to be claimed, for each request of its own: each may get a coupon of its own."""
    return (address.program, "reward", reward_id, address.customer, *request)


def to_cancel(name: ClaimName) -> Key:
    """The key of the reward of a claim, as it was when it was claimed."""
    return (name.program, "claim", name.claim, name.customer)


def _put(workspace: Workspace, loaded: Raw) -> None:
    if bytes(loaded) == b"null":
        return
    rewards, claims, spendings, stocks, campaigns = _PARTS.decode(loaded)
    for key, reward in _REWARDS.decode(rewards) or ():
        workspace.load(REWARDS_IN_HAND, tuple(key), reward)
    for customer, claim, value in CLAIMS.decode(claims):
        workspace.load(CLAIMS, (customer, claim), value)
    for account, seq, spending in SPENDINGS.decode(spendings):
        workspace.load(SPENDINGS, (account, seq), spending)
    stock.put(workspace, stocks)
    coupons.take_campaigns(workspace, campaigns)


REWARD = Noun("reward", FUNCTIONS["load_reward"], _put, FUNCTIONS["lock_reward"])

_PARTS = json.Decoder(list[Raw])
_REWARDS = json.Decoder(list[tuple[list[str], RewardInHand]] | None)
