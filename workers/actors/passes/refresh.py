"""Takes marks of passes that may have changed: those that did get revisions, and pushes are planned.

Each step takes the marks that have been due for longest, of whichever passes. The clock plans by
what is due: a mark that becomes due while the last step runs is taken by the next task.
"""

from collections.abc import Mapping
from typing import Any

from storage.engine.unit import Unit
from storage.passes import marking
from storage.passes.refreshing import refresh
from workers.limits import (
    PASS_WINDOW,
    REFRESH_ATTEMPTS_MAX,
    REFRESH_BATCH,
    REFRESH_RETRY_MAX,
    REFRESH_RETRY_MIN,
    REMARK_BATCH,
)
from workers.tasks import Actor


def refresh_passes(unit: Unit, args: Mapping[str, Any]) -> bool:
    """One batch; the last found nothing that is due. What single customers did comes before templates that were
    changed, which may be of a million passes."""
    if refresh(unit, REFRESH_BATCH).looked_at:
        return False
    marking.mark_more(unit.connection, REMARK_BATCH, PASS_WINDOW)
    return not marking.remarks(unit.connection)


REFRESH = Actor(
    name=marking.REFRESH,
    queue=marking.QUEUE,
    step=refresh_passes,
    attempts_max=REFRESH_ATTEMPTS_MAX,
    retry_min=REFRESH_RETRY_MIN,
    retry_max=REFRESH_RETRY_MAX,
)
