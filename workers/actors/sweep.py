"""Settles the accounts of a program in which something fell due by the program's own clock.

Balances are right without it: it makes early what is true anyway. Each step settles one batch, so it can be
stopped anywhere. An account that falls due while the last step runs may find the plan of the next sweep refused,
because this one is still open; the clock plans by what is due, not by what happened, so it plans it a moment later.
An account that cannot be settled is set aside, so that it keeps nobody else's waiting, and tried again later.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from storage.engine.unit import Unit
from storage.ledger.sweep import sweep
from workers.failures import place
from workers.limits import SWEEP_ATTEMPTS_MAX, SWEEP_BATCH, SWEEP_RETRY_MAX, SWEEP_RETRY_MIN
from workers.tasks import Actor

log = structlog.get_logger()


def sweep_program(unit: Unit, args: Mapping[str, Any]) -> bool:
    """One batch; the last found fewer than it might."""
    program = args["program"]
    swept = sweep(unit, program, SWEEP_BATCH)
    for account, error in swept.set_aside.items():
        # Ids of ours: those of customers are chosen by callers, and may be names.
        log.error("account set aside", account=account, program=program, error=type(error).__name__, place=place(error))
    return swept.found < SWEEP_BATCH


SWEEP_PROGRAM = Actor(
    name="sweep_program",
    queue="sweep",
    step=sweep_program,
    attempts_max=SWEEP_ATTEMPTS_MAX,
    retry_min=SWEEP_RETRY_MIN,
    retry_max=SWEEP_RETRY_MAX,
)
