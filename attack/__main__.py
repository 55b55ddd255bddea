"""Attacks a Fealty of its own, and says what an honest caller saw meanwhile.

    make attack                                          every attack, then some kills
    make attack ARGS="locked silent --seconds 20"        only those whose name contains one of these
    make attack ARGS="kills --count 100"                 only the kills
    make attack ARGS="--list"                            their names

Exit code 1 where an honest call failed that should not have, or anything was lost or done twice.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from attack import limits
from attack.attacks import ATTACKS
from attack.kills import kills
from attack.stage import own_folder, stage
from attack.table import lines, rows
from attack.trial import Attack, Row

KILLS = "kills"
COUNT = 30

Number = TypeVar("Number", int, float)


def _positive(number: Callable[[str], Number]) -> Callable[[str], Number]:
    """Reads an argument that must be more than nothing."""

    def read(text: str) -> Number:
        if (value := number(text)) <= 0:
            raise argparse.ArgumentTypeError(f"{text} is too little")
        return value

    return read


def main() -> int:
    """Runs what the command line asks for; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m attack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="only attacks whose name contains one of these")
    parser.add_argument(
        "--seconds", type=_positive(float), default=limits.ATTACK_S, help="length of each attack (default 10)"
    )
    parser.add_argument(
        "--count", type=_positive(int), default=COUNT, help=f"how often a process is killed (default {COUNT})"
    )
    parser.add_argument("--seed", type=int, help="of what is left to chance; printed where it is not given")
    parser.add_argument("--list", action="store_true", help="print the names, and do nothing")
    asked = parser.parse_args()
    if asked.list:
        print(*(attack.name for attack in ATTACKS), KILLS, sep="\n")
        return 0

    def wanted(name: str) -> bool:
        return not asked.only or any(part in name for part in asked.only)

    chosen = [attack for attack in ATTACKS if wanted(attack.name)]
    if not chosen and not wanted(KILLS):
        parser.error("no attack has such a name: --list prints them all")
    held = attacked(chosen, asked.seconds) if chosen else True
    if wanted(KILLS):
        seed = random.randrange(1 << 32) if asked.seed is None else asked.seed
        held &= killed(asked.count, seed)
    return int(not held)


def attacked(chosen: list[Attack], seconds: float) -> bool:
    """Prints the table; whether the server held."""
    held = True

    def judged(found: Iterable[Row]) -> Iterator[Row]:
        nonlocal held
        for row in found:
            held &= not row.faults
            yield row

    with own_folder() as folder, stage(folder) as here:
        for line in lines(judged(rows(here, chosen, seconds))):
            print(line, flush=True)
    return held


def killed(count: int, seed: int) -> bool:
    """Prints what became of the calls; whether nothing was lost."""
    with own_folder() as folder, stage(folder) as here:
        result = kills(here, count, random.Random(seed))
    print(f"\nkills (--seed {seed}): {result}")
    return not result.faults


if __name__ == "__main__":
    sys.exit(main())
