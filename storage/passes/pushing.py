"""Plans that phones are told: by whom a pass changed, and by whoever asks for it."""

from storage.engine.workspace import Workspace
from storage.tasks.commands import plan

# The actors that tell Apple and Google, and their queues: where the one is slow, the other's do not wait. Their tasks
# have the id of a pass, and which revision is told.
APPLE = "push_apple"
GOOGLE = "push_google"
QUEUE = "push"
GOOGLE_QUEUE = "push_google"


def plan_pushes(
    unit: Workspace,
    program: int,
    customer: int,
    pass_id: str,
    cause: int | str,
    apple: bool = True,
    google: bool = True,
) -> None:
    """Plans pushes of a pass, a UUID's text, to the wallets that it is in, in the transaction that causes them.

    `cause` is what the phones are told of: a revision, or the activity of who asked. For each cause a push is planned
    once. One that is under way has read what there was before this cause, so it does not stand for it. That of a
    revision comes to nothing where there is a newer one, whose push was planned with it.
    """
    args = {"pass": pass_id, **({"revision": cause} if isinstance(cause, int) else {})}
    for actor, queue, is_wanted in ((APPLE, QUEUE, apple), (GOOGLE, GOOGLE_QUEUE, google)):
        if is_wanted:
            plan(unit, actor, queue, args, f"{actor}:{pass_id}:{cause}", program, customer)
