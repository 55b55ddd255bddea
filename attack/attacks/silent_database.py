"""A database that falls silent: connections stay open, and nothing comes. Then it is back, in one of three ways."""

import time
from collections.abc import Callable

from attack import limits
from attack.probe import HEALTH, READ, WRITE
from attack.proxy import Proxy
from attack.stage import Scene
from attack.trial import FOR_EVER, Attack, Breach, Excuse
from cli.supervisor import STOP_LIMIT_S

# Nobody can be told more than that; health is no call to the books, and goes on.
AWAY = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})
BEFORE_STOP_S = 3.0


def _silent(back: Callable[[Proxy], None], scene: Scene, seconds: float) -> str:
    assert scene.proxy is not None
    scene.proxy.fall_silent()
    time.sleep(seconds)
    back(scene.proxy)
    return f"silent for {seconds:.0f} s"


def _stop(scene: Scene, seconds: float) -> str:
    """SIGTERM in the silence."""
    assert scene.proxy is not None
    scene.proxy.fall_silent()
    time.sleep(BEFORE_STOP_S)
    took_s = scene.server.stop(STOP_LIMIT_S["server"])
    if took_s is None:
        raise Breach(f"the server did not end within {STOP_LIMIT_S['server']:.0f} s of SIGTERM")
    return f"ended {took_s:.1f} s after SIGTERM"


def _attack(name: str, what: str, back: Callable[[Proxy], None]) -> Attack:
    return Attack(
        name,
        f"the database is silent for {limits.SILENT_S:.0f} s; {what}",
        lambda scene, seconds: _silent(back, scene, seconds),
        excuse=Excuse(AWAY, (WRITE, READ), limits.RECOVERED_S),
        seconds_min=limits.SILENT_S,
        behind_proxy=True,
    )


ATTACKS = (
    _attack("silent_then_late", "then all that was sent meanwhile arrives", Proxy.deliver),
    _attack("silent_then_lost", "then only new connections go through, old ones stay silent", Proxy.forget),
    _attack("silent_then_cut", "then its connections are cut", Proxy.cut),
    Attack(
        "silent_stop",
        "the database is silent, and the server is told to stop",
        _stop,
        # It was told to: from then on it need not answer anybody.
        excuse=Excuse(AWAY | {"CANCELLED", "NOT_SERVING"}, (WRITE, READ, HEALTH), FOR_EVER),
        behind_proxy=True,
        survived=False,
    ),
)
