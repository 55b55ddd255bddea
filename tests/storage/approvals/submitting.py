"""Requests for approval, and people who make and decide on them."""

from typing import Any

from rules.access import Caller, Role, in_role
from storage.approvals.submitting import Frozen, submit
from storage.engine.commands import CommandContext
from storage.engine.unit import Unit, run
from tests.personal import KEYRING
from tests.storage.scene import Scene, asked

ACCOUNT = "programs/coffee/customers/ada/accounts/plain"
FROZEN = Frozen("AdjustPoints", b"message", "ab" * 32, ACCOUNT, "coffee", ("ada",))


def somebody(caller: str = "caller_1", **more: Any) -> Caller:
    """An administrator behind whose key a person stands."""
    fields: dict[str, Any] = {"user": f"user_of_{caller}", **more}
    return in_role(caller, caller, Role.ADMINISTRATOR)._replace(**fields)


def as_somebody(context: CommandContext, caller: str = "caller_1", **more: Any) -> CommandContext:
    """The same, asked for by such a one."""
    who = somebody(caller, **more)
    return context._replace(caller=who, request=context.request._replace(caller=caller))


def ask_somebody(scene: Scene, frozen: Frozen = FROZEN, maker: str = "caller_2", **more: Any) -> str:
    """The name of a request that a person made."""

    def ask(unit: Unit) -> str:
        unit.keyring = KEYRING
        return submit(unit, as_somebody(asked("act"), maker), frozen, **more).name

    return run(scene.database, ask)
