"""Calls of which only the headers come, from somebody without a key.

gRPC begins a call with its headers; what a server checks, it can only check with the message.
"""

from attack import limits, raw
from attack.stage import Scene
from attack.trial import Attack

PATH = "/fealty.v1.PointsService/GetBalance"


def _over(connections: int, calls: int, scene: Scene, seconds: float) -> str:
    return raw.hold(scene.target, raw.headers(scene.target, PATH), calls, connections, seconds)


ATTACKS = (
    Attack(
        "headers_one_connection",
        f"{limits.HELD_ON_ONE:,} calls without a key whose message never comes, on one connection",
        lambda scene, seconds: _over(1, limits.HELD_ON_ONE, scene, seconds),
    ),
    Attack(
        "headers_many_connections",
        f"{limits.HELD_ON_MANY:,} such calls over {limits.MANY_CONNECTIONS} connections",
        lambda scene, seconds: _over(limits.MANY_CONNECTIONS, limits.HELD_ON_MANY, scene, seconds),
    ),
)
