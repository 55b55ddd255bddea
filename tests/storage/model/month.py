"""A month in a shop, by chance but always the same for the same seed: what was asked, and what was heard."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from storage.engine.requests import Answer
from storage.ledger.commands import Command
from tests.storage.model.accounts import Refused
from tests.storage.model.cards import CARDS, NAMES, SETTINGS
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
            commands.append(act.command)
            self.heard.append(told(outcome, self._scene.program_id))
        self.happenings.append(commands)


def by_chance(chance: random.Random) -> Deed:
    """Some deed, rather a purchase than another."""
    key = (chance.choice(NAMES), chance.choice(CARDS).card_id)
    kind = chance.choice([*KINDS, "buy", "buy", "buy", "spend", "refund"])
    return Deed(kind, key, chance.randint(0, 12), chance.randint(1, 110), chance.randint(0, 200), chance.random() < 0.5)


def again(scene: Scene, happenings: Sequence[Happening]) -> list[tuple[str, ...]]:
    """The same once more, in other books; what is heard then."""
    heard = []
    for happening in happenings:
        if isinstance(happening, timedelta):
            scene.advance(happening)
        else:
            heard += [told(outcome, scene.program_id) for outcome in scene.group(*happening)]
    return heard


def told(outcome: Any, program: str) -> tuple[str, ...]:
    """What a caller heard, but for the instants and ids of recording, and the name of the program."""
    if isinstance(outcome, Exception):
        return (type(outcome).__name__, str(outcome).replace(program, ""))
    facts = outcome.value._asdict()
    own = ("recorded_at", "received_by", "issued_by")
    return (
        type(outcome.value).__name__,
        *(f"{name}={facts[name]}".replace(program, "") for name in sorted(facts) if name not in own),
    )


def open_shop(database: Any, program: str = "coffee") -> Scene:
    """The model's program and customers, in some books."""
    return Scene(database, *NAMES, program=program, settings=SETTINGS)
