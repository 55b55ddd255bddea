"""Floods of calls with wrong keys. Each costs a look-up, and none may cost an honest caller its own."""

import secrets

from attack import club, raw
from attack.stage import Scene
from attack.trial import Attack
from bench.sending import literal
from fealty.v1 import points_pb2

PATH = "/fealty.v1.PointsService/GetBalance"
MESSAGE = points_pb2.GetBalanceRequest(account=club.account(club.CLUB, "c0")).SerializeToString()


def _same(scene: Scene, seconds: float) -> str:
    field = _field()
    return raw.flood(scene.target, PATH, MESSAGE, lambda: field, seconds)


def _distinct(scene: Scene, seconds: float) -> str:
    return raw.flood(scene.target, PATH, MESSAGE, _field, seconds)


def _field() -> bytes:
    """A key of the right shape that nobody was given."""
    return literal("authorization", f"Bearer fealty_{secrets.token_hex(8)}_{secrets.token_hex(32)}")


ATTACKS = (
    Attack("wrong_key", "a flood of calls with one wrong key", _same),
    Attack("wrong_keys", "a flood of calls, each with a wrong key of its own", _distinct),
)
