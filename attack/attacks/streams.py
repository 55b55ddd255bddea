"""Streams that one caller opens and leaves idle: a permit each, for nothing."""

from attack import limits, raw
from attack.stage import Scene
from attack.trial import Attack

PATH = "/fealty.v1.IngestService/BatchIngest"
CONNECTIONS = 8


def _idle(scene: Scene, seconds: float) -> str:
    fields = raw.headers(scene.target, PATH, scene.keys.rival)
    return raw.hold(scene.target, fields, limits.IDLE_STREAMS, CONNECTIONS, seconds)


ATTACKS = (Attack("idle_streams", f"{limits.IDLE_STREAMS:,} idle BatchIngest streams of one key", _idle),)
