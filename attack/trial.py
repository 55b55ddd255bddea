"""One attack beside the probe: alone first, then during the attack, then after it."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from attack import limits
from attack.probe import HEALTH, READ, WRITE, Figures, Probe, Sample, figures
from attack.stage import Scene, Stage

KINDS = (WRITE, READ, HEALTH)
FOR_EVER = math.inf


class Breach(Exception):
    """An attack did to the server what it must not do, beside what the probe sees; the text says what."""


@dataclass(frozen=True)
class Excuse:
    """What the probe may see of an attack: calls due from its begin until `recovered_s` after its end may fail so."""

    codes: frozenset[str] = frozenset()
    kinds: tuple[str, ...] = (WRITE, READ)
    recovered_s: float = 0.0

    def covers(self, sample: Sample, ended: float) -> bool:
        """Whether a failed call is excused."""
        return sample.kind in self.kinds and sample.code in self.codes and sample.at <= ended + self.recovered_s


@dataclass(frozen=True)
class Attack:
    """`run` attacks for about so many seconds, and answers what became of its own calls. It may raise Breach."""

    name: str
    what: str
    run: Callable[[Scene, float], str]
    excuse: Excuse = field(default_factory=Excuse)
    seconds_min: float = 0.0
    behind_proxy: bool = False
    # Whether it needs a crowd's program with many lots.
    crowded: bool = False
    # Whether anybody is there to be called when it is over.
    survived: bool = True


@dataclass(frozen=True)
class Row:
    """What the probe saw. `faults` are what it must not have seen, in sentences: none where the server held."""

    attack: Attack
    alone: dict[str, Figures]
    beside: dict[str, Figures]
    memory_mb: float
    note: str
    faults: Sequence[str]


def trial(
    attack: Attack,
    here: Stage,
    seconds: float = limits.ATTACK_S,
    alone_s: float = limits.ALONE_S,
    after_s: float = limits.AFTER_S,
) -> Row:
    """Attacks a server that was started for it."""
    faults: list[str] = []
    note = ""
    with here.scene(attack.behind_proxy) as scene:
        with Probe(scene.target, scene.keys.probe) as probe:
            time.sleep(alone_s)
            before_mb = scene.server.memory_mb()
            began = time.monotonic()
            try:
                note = attack.run(scene, max(seconds, attack.seconds_min))
            except Breach as breach:
                faults.append(str(breach))
            ended = time.monotonic()
            if attack.survived:
                time.sleep(after_s + attack.excuse.recovered_s)
            memory_mb = scene.server.memory_mb() - before_mb
        if attack.survived and not scene.server.alive():
            faults.append(f"the server ended: {scene.server.log.read_text()[-1000:]}")
    early = [sample for sample in probe.samples if sample.at < began]
    late = [sample for sample in probe.samples if sample.at >= began]
    faults.extend(judge(attack, late, ended))
    return Row(attack, _each(early), _each(late), memory_mb, note, faults)


def judge(attack: Attack, samples: Sequence[Sample], ended: float) -> list[str]:
    """What the probe saw since the begin of an attack that ended then, and must not have seen; in sentences."""
    failed = [sample for sample in samples if sample.code != "OK" and not attack.excuse.covers(sample, ended)]
    counted = Counter((sample.kind, sample.code) for sample in failed)
    faults = [f"{count} {kind} calls failed with {code}" for (kind, code), count in sorted(counted.items())]
    if attack.survived and not any(sample.code == "OK" and sample.at > ended for sample in samples):
        faults.append("no call succeeded after it")
    return faults


def _each(samples: Sequence[Sample]) -> dict[str, Figures]:
    return {kind: figures(samples, kind) for kind in KINDS}
