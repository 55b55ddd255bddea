"""Waits until all that the demo's purchases bring about has been done."""

import time
from typing import TYPE_CHECKING

from cli import books
from cli.failures import Failure
from cli.progress import Progress
from cli.replay import Replay
from storage.engine.database import Database, connection
from storage.ledger.sweep import programs_with_due
from storage.passes.marking import is_behind
from storage.tasks.commands import open_tasks

if TYPE_CHECKING:
    from cli.phones.households import Households

WORKERS_LIMIT_S = 120.0  # takes a second; a task that was lost with its worker is sent again after 60
POLL_S = 0.1
# What only a Fealty does that was told of the demo's stand-ins.
OUTWARD = ("push", "mail")


def await_workers(database: Database, program_id: str, progress: Progress, with_phones: bool = False) -> bool:
    """Returns when nothing of the program is due and none of its tasks open, with_phones: nor anything to tell phones;
    and whether that was so already. Raises Failure."""
    began = time.monotonic()
    waited = False
    while True:
        with connection(database) as held:
            number = books.program(program_id).id
            # In this order: what is behind becomes tasks.
            is_told = not with_phones or not is_behind(held)
            tasks = open_tasks(held, [number], () if with_phones else OUTWARD)
            if is_told and not tasks and number not in programs_with_due(held):
                return not waited
        if time.monotonic() > began + WORKERS_LIMIT_S:
            raise Failure(
                f"the workers did not finish within {WORKERS_LIMIT_S:.0f} s, {tasks} tasks are open: see that"
                " `fealty worker` and `fealty clock` run, then run the demo again"
            )
        progress.say(
            "the last updates go to phones" if with_phones else "the workers mature and expire the last points"
        )
        waited = True
        time.sleep(POLL_S)


def await_phones(
    database: Database, program_id: str, progress: Progress, households: "Households", replay: Replay
) -> None:
    """Returns when every household has its card, and every phone was told of all there is, and has done what it does
    then. Raises Failure."""
    await_workers(database, program_id, progress, with_phones=True)
    households.settle()
    replay.give_again()
    households.settle()
    # A card that was handed out may say what no phone was told yet.
    while not await_workers(database, program_id, progress, with_phones=True):
        households.settle()
