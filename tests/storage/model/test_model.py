"""Everything that can be done, in any order, by the books and by a model that shares no line with them.

A few lives in each run of the tests; `HYPOTHESIS_PROFILE=deep` makes them hundreds, and longer:

    HYPOTHESIS_PROFILE=deep python -m pytest tests/storage/model --timeout 7200
"""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from rules.programs import Card
from rules.refusals import GroupRefused, Refusal
from storage.engine.database import Database, connection
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from storage.ledger.commands import AllOrNothing, Command
from storage.ledger.queries import GetBalance
from storage.ledger.verify import verify
from storage.rewards.acts import ClaimReward
from tests.storage.blocking import Ledger, Reader
from tests.storage.members import block, close, erase, reactivate, suspend
from tests.storage.model.accounts import Refused
from tests.storage.model.cards import CARDS, NAMES, Change, changed
from tests.storage.model.choosing import Deed, Done
from tests.storage.model.drawing import baskets, batches, changes, deeds, done, gifts, vouchers
from tests.storage.model.month import open_shop
from tests.storage.model.redeeming import open_campaigns
from tests.storage.model.shop import Shop
from tests.storage.scene import START, answered

pytestmark = pytest.mark.long

# How many lives, and how long each of them is.
LIVES, STEPS = {"deep": (400, 60)}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), (8, 20))
PROFILE = settings(
    max_examples=LIVES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
OPEN_LOTS = """
SELECT c.customer_id, a.card_id, l.number, l.remaining, l.held,
       CASE WHEN l.slides THEN s.expires_at ELSE l.expires_at END
FROM lot l JOIN account a ON a.id = l.account JOIN customer c ON c.id = a.customer
LEFT JOIN sliding_expiry s USING (account, settings_version)
WHERE a.program = %s AND l.remaining > 0
"""
COUPONS = """
SELECT encode(c.code, 'hex'), coalesce(o.customer_id, ''), c.voided_at IS NOT NULL, c.expires_at,
       count(*) FILTER (WHERE r.state = 'REDEEMED'), count(*) FILTER (WHERE r.state = 'RESERVED'),
       coalesce(sum(r.discount_minor), 0)::bigint, coalesce(sum(r.points), 0)::bigint
FROM coupon c LEFT JOIN customer o ON o.id = c.customer
LEFT JOIN redemption r ON r.campaign = c.campaign AND r.coupon = c.id
                          AND (r.state = 'REDEEMED' OR (r.state = 'RESERVED' AND r.expires_at > %(now)s))
WHERE c.program = %(program)s GROUP BY c.campaign, c.id, o.customer_id
"""
COMPARED = ("pending", "active", "held", "debt", "spendable", "earned", "spent", "expired", "revoked", "moved")
PASSES = [timedelta(hours=5), timedelta(days=1), timedelta(days=2), timedelta(days=4), timedelta(days=11)]


class Life(RuleBasedStateMachine):
    """A program of its own for each life; two ledgers, as two server processes have."""

    database: Database
    programs = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.scene = open_shop(self.database, f"life-{next(self.programs)}")
        self.ledgers = (self.scene.ledger, Ledger(self.database))
        self.reader = Reader(self.database)
        self.shop = Shop(START)
        open_campaigns(self.scene)

    @initialize(amounts=st.lists(st.integers(1, 300), min_size=12, max_size=12), asked=changes)
    def everybody_comes(self, amounts: list[int], asked: list[Change]) -> None:
        """To a program that is a little different each time; otherwise half of a life would be refusals of those who
        have nothing."""
        self._change(asked)
        for kind in ("buy", "hold", "spend"):
            came = [
                Deed(kind, (NAMES[number // 4 % 2], CARDS[number % 4].card_id), number, 15, amount, number < 6)
                for number, amount in enumerate(amounts)
            ]
            self._act(came, 0)

    @rule(batch=batches, which=st.integers(0, 1))
    def act(self, batch: list[Deed], which: int) -> None:
        """A group of commands, each of which may be refused."""
        self._act(batch, which)

    @rule(deed=deeds)
    def act_alone(self, deed: Deed) -> None:
        """One command, as most of them come."""
        commands, expected = self._tell([deed], self.shop, {})
        self._compare(self.scene.ledger.run(commands), expected)

    @rule(batch=vouchers, which=st.integers(0, 1), by=st.sampled_from([timedelta(), *PASSES]))
    def use_coupons(self, batch: list[Deed], which: int, by: timedelta) -> None:
        """One after the other: what one did the next can name. Then the same again, gathered, when time has passed."""
        for deed in batch:
            self._act([deed], which)
        self.time_passes(by)
        self._act(batch, which)

    @rule(batch=batches)
    def act_together(self, batch: list[Deed]) -> None:
        """All or none: the model forgets, too."""
        model = self.shop.twin()
        commands, expected = self._tell(batch, model, {})
        if not commands:
            return
        [outcomes] = self.scene.ledger.run([AllOrNothing(tuple(commands))])
        assert isinstance(outcomes, list)
        refused = next((number for number, (_, told) in enumerate(expected) if isinstance(told, str)), None)
        if refused is None:
            self.shop = model
            self._compare(outcomes, expected)
        else:
            others = [type(outcome) for number, outcome in enumerate(outcomes) if number != refused]
            assert others == [GroupRefused] * len(others)
            assert type(outcomes[refused]).__name__ == expected[refused][1]

    @rule(batch=baskets, which=st.integers(0, 1))
    def change_ones_mind(self, batch: list[Deed], which: int) -> None:
        """About a purchase of several lines: what came back is neither decided about nor brought back again."""
        for deed in batch:
            self._act([deed], which)

    @rule(batch=gifts, by=st.sampled_from(PASSES))
    def keep_points_alive(self, batch: list[Deed], by: timedelta) -> None:
        """Or try to: by hand, or by sending them to and fro, which is no visit."""
        for deed in batch:
            self._act([deed], 0)
            self.time_passes(by)
        self.sweep(100)

    @rule(deed=deeds)
    def ask(self, deed: Deed) -> None:
        """Only asked about: the answer of the act itself, and nothing is done."""
        model = self.shop.twin()
        commands, expected = self._tell([deed], model, {"validate_only": True})
        self._compare(self.scene.ledger.run(commands), expected, numbered=False)

    @rule(
        name=st.sampled_from(NAMES),
        batch=batches,
        stays=st.sampled_from([False, False, False, True]),
        banned=st.booleans(),
    )
    def suspend(self, name: str, batch: list[Deed], stays: bool, banned: bool) -> None:
        """Somebody may not earn or spend, sometimes for long; refused where it is so already."""
        told = _refusal(lambda: (self.shop.block if banned else self.shop.suspend)(name))
        assert _refusal(lambda: (block if banned else suspend)(self.scene, name)) == told
        self._act(batch, 0)
        if not stays:
            self.shop.reactivate(name)
            reactivate(self.scene, name)

    @rule(asked=changes, batch=batches, which=st.integers(0, 1))
    def change_settings(self, asked: list[Change], batch: list[Deed], which: int) -> None:
        """In the middle of all lives; the server that is asked next may have the old ones in its memory."""
        self._change(asked)
        self._act(batch, which)

    @rule(card=st.sampled_from(CARDS), batch=batches, stays=st.sampled_from([False, False, True]))
    def archive(self, card: Card, batch: list[Deed], stays: bool) -> None:
        """A card is phased out, and sometimes it comes back."""
        for archived in (True, False) if not stays else (True,):
            told = _refusal(partial(self.shop.archive, card.card_id, archived))
            assert _refusal(partial(self.scene.archive, card.card_id, archived)) == told
            self._act(batch, 0)

    @rule(by=st.sampled_from(PASSES))
    def time_passes(self, by: timedelta) -> None:
        """Nobody looks."""
        self.scene.advance(by)
        self.shop.pass_time(self.shop.now + by)

    @rule(by=st.sampled_from(PASSES), limit=st.sampled_from([1, 100]))
    def time_passes_and_a_worker_comes_by(self, by: timedelta, limit: int) -> None:
        """Sooner or later somebody looks."""
        self.time_passes(by)
        self.sweep(limit)

    @rule(limit=st.sampled_from([1, 100]))
    def sweep(self, limit: int) -> None:
        """A worker comes by; it must not show. The books are up to date then, to the last point of each lot."""
        self.scene.sweep(limit)
        assert self._open_lots() == {
            (*key, lot.number): (lot.waiting + lot.free + pinned, pinned, account.end(lot))
            for key, account in self.shop.accounts.items()
            for lot in account.lots
            if lot.waiting or lot.free or account.pinned(lot)
            for pinned in [account.pinned(lot)]
        }

    @invariant()
    def no_point_ends_at_another_instant(self) -> None:
        """Points that slide aside: until somebody looks, nobody has moved their end on."""
        found = self._open_lots()
        for key, account in self.shop.accounts.items():
            for lot in account.lots:
                if (lot.waiting or lot.free) and not lot.slides:
                    assert found[*key, lot.number][2] == lot.end

    @invariant()
    def the_books_and_the_model_agree(self) -> None:
        """To the last figure of each account."""
        keys = [(name, card.card_id) for name in NAMES for card in CARDS]
        found = self.reader.run([GetBalance(Address(self.scene.program_id, *key)) for key in keys])
        for key, balance in zip(keys, found, strict=True):
            figures = self.shop.accounts[key].figures()
            assert {name: getattr(balance, name) for name in COMPARED} == {name: figures[name] for name in COMPARED}

    @invariant()
    def coupons_are_used_alike(self) -> None:
        """Whose each is, what became of it, and what stands of its uses."""
        now = self.shop.now
        found = self.scene.rows(COUPONS, {"program": self.scene.program.id, "now": now})
        assert {code: tuple(rest) for code, *rest in found} == {
            code: (
                coupon.owner,
                coupon.void,
                coupon.end,
                sum(use.is_redeemed for use in standing),
                sum(not use.is_redeemed for use in standing),
                sum(use.discount for use in standing),
                sum(use.points for use in standing),
            )
            for code, coupon in self.shop.coupons.items()
            for standing in [self.shop.standing(code)]
        }

    @invariant()
    def the_books_add_up(self) -> None:
        """Lots, entries, holds and shortfalls tell the same story as the figures."""
        with connection(self.database) as books:
            verdict = verify(books, self.scene.program.id)
        assert verdict.holds, verdict.shown

    def teardown(self) -> None:
        """In the end everybody goes, in whatever state, one erased: nothing is left, and the books still agree."""
        for name in NAMES:
            (erase if name == NAMES[0] else close)(self.scene, name)
            self.shop.close(name)
        self.the_books_and_the_model_agree()
        self.coupons_are_used_alike()
        self.the_books_add_up()

    def _open_lots(self) -> dict[tuple[str, str, int], tuple[Any, ...]]:
        found = self.scene.rows(OPEN_LOTS, [self.scene.program.id])
        return {(name, card, number): tuple(rest) for name, card, number, *rest in found}

    def _change(self, asked: list[Change]) -> None:
        values = changed(self.shop.settings, asked)
        told = _refusal(lambda: self.shop.change(values))
        assert _refusal(lambda: self.scene.change(**values)) == told

    def _act(self, batch: list[Deed], which: int) -> None:
        commands, expected = self._tell(batch, self.shop, {})
        outcomes = self.ledgers[which].run(commands)
        self._compare(outcomes, expected)
        # What stood in the books already is answered as it stands then, not as it was answered.
        done = [outcome for outcome in outcomes if isinstance(outcome, Answer) and not outcome.replayed]
        retried = [command for command, outcome in zip(commands, outcomes, strict=True) if outcome in done]
        again = [answered(outcome) for outcome in self.ledgers[1 - which].run(retried)]
        assert again == [outcome._replace(replayed=True) for outcome in done]

    def _tell(self, batch: list[Deed], model: Shop, how: dict[str, Any]) -> tuple[list[Command], list[Any]]:
        """The commands, and for each what the model says: a refusal's name, or the figures of the account after it."""
        commands, expected = [], []
        for deed in batch:
            act = done(deed, model, self.scene, how)
            if act is None:
                continue
            before = model.twin()
            told: Any
            try:
                unnumbered = None
                if (spent := act.told(model)) is not None and act.key is not None:
                    unnumbered = (act.key, -1 - len(model.spent))
                    model.spent[unnumbered] = spent
                told = (unnumbered, None if act.key is None else model.accounts[act.key].figures())
            except Refused as refused:
                model.__dict__.update(before.__dict__)
                told = str(refused)
            commands.append(act.command)
            expected.append((act, told))
        return commands, expected

    def _compare(self, outcomes: list[Any], expected: list[tuple[Done, Any]], numbered: bool = True) -> None:
        if numbered:
            self.shop.coming.clear()
        for outcome, (act, told) in zip(outcomes, expected, strict=True):
            if isinstance(told, str):
                assert type(outcome).__name__ == told, (act.command, outcome)
                continue
            unnumbered, figures = told
            value = answered(outcome).value
            if figures is not None:
                balance = getattr(value, "balance", None) or getattr(value, "decided", value).balance
                assert {name: getattr(balance, name) for name in figures} == figures, act.command
            if isinstance(act.command, ClaimReward) and numbered:
                self.shop.claimed.append(value.claim)
            if unnumbered is not None and numbered:
                self.shop.spent[unnumbered[0], value.entry.seq] = self.shop.spent.pop(unnumbered)


def _refusal(act: Callable[[], object]) -> str:
    """The name of the refusal of an act, nothing where it is done."""
    try:
        act()
    except (Refusal, Refused) as refused:
        return type(refused).__name__ if isinstance(refused, Refusal) else str(refused)
    return ""


def test_the_books_do_what_the_reference_says_whatever_is_done_in_whatever_order(database: Database) -> None:
    """Two tellings of the same reference that agree on every balance and every refusal: the one is hardly wrong in the
    same way as the other."""
    Life.database = database
    run_state_machine_as_test(Life, settings=PROFILE)
