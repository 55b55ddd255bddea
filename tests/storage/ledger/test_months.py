"""A month of everything, lived twice: with workers and without, in these books and in others, alone and gathered."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from rules.claims import Claim, ClaimState
from server.commands import HOT
from storage.engine.database import Database, open_database
from storage.engine.ids import new_uuid_text
from storage.ledger.addresses import Address
from storage.rewards.claims import ClaimRead
from tests.databases import fresh_database
from tests.storage.acts import commands
from tests.storage.asking import Asking
from tests.storage.model.accounts import Refused
from tests.storage.model.cards import CARDS, NAMES, Key
from tests.storage.model.drawing import KINDS, done
from tests.storage.model.month import DAYS, Month, again, by_chance, open_shop
from tests.storage.model.redeeming import REDEEMING
from tests.storage.model.shop import Shop
from tests.storage.policies import lives
from tests.storage.scene import START

pytestmark = pytest.mark.long

SEEDS = range(4)


@contextmanager
def other_books(server_url: str, template: str) -> Iterator[Database]:
    """A database of which nobody knows yet."""
    with fresh_database(server_url, template) as url:
        opened = open_database(url)
        yield opened
        opened.close()


def test_every_command_that_is_gathered_is_drawn() -> None:
    """What the model never draws, nobody told a second time. Without books, so that the numbers are made up here."""
    shop, asking, chance = Shop(START), Asking("coffee"), random.Random(1)
    drawn = set()
    for seq in range(1, 1_000):
        shop.pass_time(shop.now + timedelta(hours=3))
        shop.coming.clear()
        if (act := done(by_chance(chance, (*KINDS, *REDEEMING)), shop, asking, {})) is not None:
            drawn.add(type(act.command))
            with suppress(Refused):
                if (spent := act.told(shop)) is not None and act.key is not None:
                    shop.spent[act.key, seq] = spent
                    shop.claimed.append(_claim(act.key, seq))
    assert drawn == commands(HOT)


def _claim(key: Key, seq: int) -> ClaimRead:
    """A claim that this entry might have paid for."""
    claim = Claim(0, 1, 0, seq, 10, ClaimState.CLAIMED, START)
    address = Address("coffee", *key)
    return ClaimRead(new_uuid_text(), claim, address.owner, address, key[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_with_every_worker_dead_for_a_month_all_is_as_with_a_sweep_each_day(database: Database, seed: int) -> None:
    """Workers make things early, never make things true: nobody is told anything else, and when they come back, they
    write what they would have written."""
    watched, alone = open_shop(database), open_shop(database, "tea")
    with_workers, without = Month(watched, seed), Month(alone, seed)
    with_workers.pass_by(every_day=watched.sweep)
    without.pass_by()
    assert without.heard == with_workers.heard
    assert len({name for name, *_ in without.heard}) > 12, "a month in which hardly anything happens shows nothing"
    for name in NAMES:
        for card in CARDS:
            assert watched.balance(name, card.card_id) == alone.balance(name, card.card_id)
    for scene in (watched, alone):
        scene.advance(timedelta(days=DAYS))
        scene.sweep()
        scene.assert_conserved()
    assert lives(alone) == lives(watched)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_asked_once_asked_of_empty_books_makes_the_same_books(
    server_url: str, template: str, seed: int
) -> None:
    """Every balance follows from what was asked and when: an auditor can rebuild them. Nor does it matter which of
    the commands shared a transaction: here they come alone first, then gathered."""
    with other_books(server_url, template) as database:
        first = open_shop(database)
        month = Month(first, seed)
        month.pass_by()
        made = lives(first)
    with other_books(server_url, template) as database:
        second = open_shop(database)
        assert again(second, month) == month.heard
        assert lives(second) == made
        second.assert_conserved()


def test_the_same_month_asked_again_changes_nothing(database: Database) -> None:
    """A service that lost its memory may send all of it once more: what was answered is answered, once is once."""
    scene = open_shop(database)
    month = Month(scene, seed=7)
    month.pass_by()
    before = scene.contents()
    asked = [one for happening in month.happenings if not isinstance(happening, timedelta) for one in happening]
    done = [command for command, heard in zip(asked, month.heard, strict=True) if "balance=" in str(heard)]
    outcomes = [outcome for number in range(0, len(done), 50) for outcome in scene.group(*done[number : number + 50])]
    assert all(getattr(outcome, "replayed", False) for outcome in outcomes)
    assert scene.contents() == before
