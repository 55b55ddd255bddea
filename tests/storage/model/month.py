"""A month in a shop, by chance but always the same for the same seed: what was asked, and what was heard."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from storage.engine.requests import Answer
from storage.ledger.commands import Command
from storage.rewards.acts import CancelClaim, ClaimReward
from tests.storage.model.accounts import Refused
from tests.storage.model.cards import CARDS, NAMES, PRICE, SETTINGS
from tests.storage.model.choosing import Deed
from tests.storage.model.drawing import KINDS, done
from tests.storage.model.shop import Shop
from tests.storage.scene import START, Scene

DAYS = 31
# What happened: commands that shared a transaction, or the clock moved.
Happening = Sequence[Command] | timedelta


class Month:
    """What happens in a scene of the model's program. The model only tells what there is to choose from."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.happenings: list[Happening] = []
        self.heard: list[tuple[str, ...]] = []
        self._scene = scene
        self._chance = random.Random(seed)
        self._shop = Shop(START)

    @property
    def claimed(self) -> Mapping[str, int]:
        """The claims by their ids in these books, each with the number of the entry that paid for it."""
        return {one.id: one.claim.seq for one in self._shop.claimed}

    def pass_by(self, every_day: Callable[[], None] | None = None) -> None:
        """Lives through it; whoever comes by every day does so after midnight, before anybody else."""
        for _ in range(DAYS):
            self._move(timedelta(hours=13))
            if every_day is not None:
                every_day()
            for _ in range(self._chance.randint(0, 2)):
                self._gather()
                self._move(timedelta(minutes=self._chance.randint(0, 300)))
            midnight = self._shop.now.replace(hour=0, minute=0) + timedelta(days=1)
            self._move(max(midnight - self._shop.now - timedelta(hours=12), timedelta(0)))

    def _move(self, by: timedelta) -> None:
        self._scene.advance(by)
        self._shop.pass_time(self._shop.now + by)
        self.happenings.append(by)

    def _gather(self) -> None:
        commands: list[Command] = []
        for _ in range(self._chance.randint(1, 6)):
            act = done(by_chance(self._chance), self._shop, self._scene, {})
            if act is None:
                continue
            [outcome] = self._scene.group(act.command)
            try:
                spent = act.told(self._shop)
            except Refused:
                spent = None
            if spent is not None and isinstance(outcome, Answer) and act.key is not None:
                self._shop.spent[act.key, outcome.value.entry.seq] = spent
                if isinstance(act.command, ClaimReward):
                    self._shop.claimed.append(outcome.value.claim)
            commands.append(act.command)
            self.heard.append(told(outcome, self._scene.program_id))
        self.happenings.append(commands)


def by_chance(chance: random.Random, kinds: Sequence[str] = KINDS) -> Deed:
    """Some deed of these kinds, rather a purchase than another."""
    key = (chance.choice(NAMES), chance.choice(CARDS).card_id)
    kind = chance.choice([*kinds, "buy", "buy", "buy", "spend", "refund"])
    return Deed(kind, key, chance.randint(0, 12), chance.randint(1, 110), chance.randint(0, 200), chance.random() < 0.5)


def again(scene: Scene, month: Month) -> list[tuple[str, ...]]:
    """The same once more, in other books; what is heard then."""
    heard = []
    for happening in month.happenings:
        if isinstance(happening, timedelta):
            scene.advance(happening)
        else:
            commands = [_here(command, scene, month.claimed) for command in happening]
            heard += [told(outcome, scene.program_id) for outcome in scene.group(*commands)]
    return heard


def _here(command: Command, scene: Scene, claimed: Mapping[str, int]) -> Command:
    """A command as it is asked of other books, which give their own ids to claims."""
    if not isinstance(command, CancelClaim):
        return command
    address, name = command.address, command.name
    [(here,)] = scene.rows(
        "SELECT m.id FROM claim m JOIN account a ON a.id = m.account JOIN customer c ON c.id = a.customer"
        " WHERE c.customer_id = %s AND a.card_id = %s AND m.seq = %s",
        [address.customer, address.card, claimed[name.claim]],
    )
    return command._replace(name=name._replace(claim=str(here)))


def told(outcome: Any, program: str) -> tuple[str, ...]:
    """What a caller heard, but for the instants and ids of recording, and the name of the program."""
    if isinstance(outcome, Exception):
        return (type(outcome).__name__, str(outcome).replace(program, ""))
    facts = outcome.value._asdict()
    own = ("recorded_at", "received_by", "issued_by", "claim")
    return (
        type(outcome.value).__name__,
        *(f"{name}={facts[name]}".replace(program, "") for name in sorted(facts) if name not in own),
    )


def open_shop(database: Any, program: str = "coffee") -> Scene:
    """The model's program, customers and rewards, in some books."""
    scene = Scene(database, *NAMES, program=program, settings=SETTINGS)
    for card in CARDS:
        scene.offer(card.card_id, card.card_id, PRICE)
    return scene
