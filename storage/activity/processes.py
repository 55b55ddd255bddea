"""When processes of Fealty began and ended, and as what: an auditor asks in which hours nobody was recording.

A process that is killed leaves no end; the next start shows it.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from rules.activity import PROCESS_ENDED, PROCESS_STARTED, by_itself
from storage.activity.commands import Outcome, record
from storage.activity.recorder import Act
from storage.engine.database import Database
from storage.engine.unit import run


def started(name: str, settings: Mapping[str, Any]) -> Act:
    """That a `server`, `worker` or `clock` begins, with the settings that it works by: none that is a secret."""
    details = {"version": version("fealty"), **settings}
    return Act(by_itself(PROCESS_STARTED), Outcome.SUCCEEDED, f"processes/{name}", details=details)


def ended(name: str) -> Act:
    """That it ends as it was told to."""
    return Act(by_itself(PROCESS_ENDED), Outcome.SUCCEEDED, f"processes/{name}")


def note(database: Database, act: Act) -> None:
    """Records it, for those that have no loop. Raises as the database does."""
    run(database, lambda unit: record(unit, act.origin, act.subject, details=act.details))
