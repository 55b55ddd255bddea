"""Kills random processes under load, starts them again, and holds the books to what callers were told."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from attack import club, limits, reckoning
from attack.parts import Backend, Command, Part
from attack.raw import counted
from attack.stage import HOST, Stage, free_port
from attack.tills import Caller, Calling, Ripening, Servers, Till

# Two: what one has in hand when it dies, callers ask the other for.
SERVERS = 2
JOIN_S = limits.OUTCOME_S + 30.0
VERIFY_LIMIT_S = 300.0


@dataclass(frozen=True)
class Killed:
    """What was killed how often, how many calls were acknowledged, and what is wrong with the books: nothing, if all
    is well."""

    kills: Counter[str]
    acknowledged: int
    refused: int
    attempts: Counter[str]
    faults: Sequence[str]

    def __str__(self) -> str:
        said = "; ".join(f"FAULT: {fault}" for fault in self.faults) or "nothing lost, nothing twice"
        return (
            f"{counted(self.kills)}; {self.acknowledged:,} calls acknowledged, {self.refused:,} refused;"
            f" attempts: {counted(self.attempts)}; {said}"
        )


class Keeper(threading.Thread):
    """Starts its part again when it has ended, as a supervisor does. `error` is why it could not."""

    def __init__(self, part: Part, stop: threading.Event) -> None:
        super().__init__(name=f"keeper of {part.name}", daemon=True)
        self.error: Exception | None = None
        self._part, self._stop_keeping = part, stop

    def run(self) -> None:
        """Until it is told to stop."""
        try:
            while not self._stop_keeping.wait(limits.RESTART_S):
                if not self._part.alive():
                    self._part.start()
        except Exception as error:
            self.error = error


def kills(here: Stage, count: int, chance: random.Random) -> Killed:
    """Kills that many processes, one after the other, under load. It takes about two seconds a kill, and a minute."""
    here.open_programs()
    ports = [free_port() for _ in range(SERVERS)]
    targets = [f"{HOST}:{port}" for port in ports]
    ours = [here.command(f"server{number}", "serve", port=port) for number, port in enumerate(ports)]
    ours += [here.command(name, name) for name in ("worker", "clock")]
    with _kept(here, ours), _servers(targets, here.keys.administrator) as servers:
        ripening = Ripening(servers)
        tills = [Till(servers, number, random.Random(chance.random())) for number in range(limits.TILLS)]
        with _calling([*tills, ripening]) as faults:
            victims: list[Part] = [*ours, here.postgres, here.valkey, Backend(here.postgres)]
            killed = _kill(victims, count, chance)
        acts = [act for till in tills for act in till.acts]
        accounts = [club.account(club.CLUB, name) for name in club.TILL_CUSTOMERS]
        faults += reckoning.replayed(servers, acts + ripening.acts)
        faults += reckoning.counted(servers, accounts, acts)
        faults += reckoning.ripened(servers, ripening.accounts)
        faults += _verified(here)
        refused = sum(till.refused for till in tills)
        return Killed(killed, len(acts) + len(ripening.acts), refused, servers.attempts, faults)


def _kill(victims: Sequence[Part], count: int, chance: random.Random) -> Counter[str]:
    killed: Counter[str] = Counter()
    while killed.total() < count:
        time.sleep(chance.uniform(limits.KILL_PAUSE_MIN_S, limits.KILL_PAUSE_MAX_S))
        victim = chance.choice(victims)
        if victim.alive():
            victim.kill()
            killed[victim.name] += 1
    return killed


@contextmanager
def _kept(here: Stage, commands: Sequence[Command]) -> Iterator[None]:
    """Everything runs, and is started again when it ends; at the end our own processes are stopped."""
    stop = threading.Event()
    for command in commands:
        command.start()
        command.await_started()
    parts: list[Part] = [*commands, here.postgres, here.valkey]
    keepers = [Keeper(part, stop) for part in parts]
    for keeper in keepers:
        keeper.start()
    try:
        yield
    finally:
        stop.set()
        for keeper in keepers:
            keeper.join(limits.START_S)
        for command in commands:
            command.kill()
    for keeper in keepers:
        if keeper.error is not None:
            raise keeper.error


@contextmanager
def _servers(targets: Sequence[str], key: str) -> Iterator[Servers]:
    servers = Servers(targets, key)
    try:
        yield servers
    finally:
        servers.close()


@contextmanager
def _calling(callers: Sequence[Caller]) -> Iterator[list[str]]:
    """All call; at the end each has an outcome for its last call. What went wrong stands in the list."""
    stop = threading.Event()
    faults: list[str] = []
    threads = [Calling(caller, stop) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        yield faults
    finally:
        stop.set()
        for thread in threads:
            thread.join(JOIN_S)
    faults += [f"a caller was told {thread.error!r}" for thread in threads if thread.error is not None]
    faults += ["a caller has no answer" for thread in threads if thread.is_alive()]


def _verified(here: Stage) -> Iterator[str]:
    """What `fealty ledger verify` says against the books."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "ledger", "verify"],
        env=here.environment(),
        capture_output=True,
        text=True,
        timeout=VERIFY_LIMIT_S,
        check=False,
    )
    if done.returncode:
        yield f"fealty ledger verify: {done.stdout} {done.stderr}"
