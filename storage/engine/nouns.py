"""What a transaction reads together: each noun by one function of the database, all of them in one round trip.

First the locks, in one order over all nouns; then, by statements that see what was committed until the locks were
held, everything else. A noun that nobody asks for costs nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, json

from storage.engine.session import Session, Statement
from storage.engine.workspace import Workspace

# The one order in which rows are locked, on the hot path and off it: two transactions that lock the same rows never
# wait for each other in a ring. Of one noun, by the rows' keys. Behind coupons come their redemptions and slots of
# their stocks, behind rewards slots of theirs.
ORDER = ("customer", "account", "holder", "coupon", "reward", "pass")


class PassedOver(Exception):
    """What a command turns out to need is in other hands: it is decided by a later group."""


@dataclass(frozen=True, eq=False)
class Noun:
    """What is read by one function: `load`, by its installed name, answers JSON to JSON; `put` takes that in hand.

    `lock`, where rows of it can be locked, gets the keys as JSON and whether it waits for rows that somebody else has
    in hand, as long as the transaction's lock_timeout says. It answers the keys, as they were asked, of those that it
    passed over: an empty array where there are none. `name` is then one of ORDER. Both functions are VOLATILE, so that
    they see what was committed until the locks were held.
    """

    name: str
    load: str
    put: Callable[[Workspace, Raw], None]
    lock: str | None = None


class _Body(msgspec.Struct):
    now: datetime
    passed_over: list[Raw]
    loaded: list[Raw]


_DECODER = json.Decoder(_Body)


async def load(
    session: Session,
    asked: Mapping[Noun, Any],
    locks: Mapping[Noun, Any] | None = None,
    patience_ms: int | None = None,
    begin: bool = False,
    workspace: Workspace | None = None,
    keeps_now: bool = False,
) -> tuple[Workspace, dict[Noun, Any]]:
    """Locks, then reads what is `asked` of each noun into a workspace: a new one at the database's instant, or the one
    that is given, which goes on from that instant unless it `keeps_now`. Answers it, with the keys that were passed
    over. With `begin`, a transaction opens before it.
    """
    locking = sorted(locks or {}, key=lambda noun: ORDER.index(noun.name))
    nouns = tuple(asked)
    statement = _statement(tuple(noun.lock or "" for noun in locking), tuple(noun.load for noun in nouns))
    parameters = [b"" if patience_ms is None else b"%d" % patience_ms]
    parameters += [json.encode(locks[noun]) for noun in locking if locks is not None]
    parameters += [json.encode(asked[noun]) for noun in nouns]
    body = _DECODER.decode(await session.run(statement, parameters, begin=begin))
    if workspace is None:
        workspace = Workspace(body.now)
    if not keeps_now:
        # What is recorded from here on was decided now, after all whom the locks kept us waiting for.
        workspace.now = body.now
    for noun, raw in zip(nouns, body.loaded, strict=True):
        noun.put(workspace, raw)
    return workspace, {noun: json.decode(raw) for noun, raw in zip(locking, body.passed_over, strict=True)}


@lru_cache(maxsize=128)
def _statement(locks: tuple[str, ...], loads: tuple[str, ...]) -> Statement:
    # Each subquery waits for the one before: what is locked first must not depend on how the planner sees it.
    set_up = "CASE $1 WHEN '' THEN $1 ELSE set_config('lock_timeout', $1, true) END"
    source = f"(SELECT {set_up} AS passed_over OFFSET 0) AS l0"
    for number, lock in enumerate(locks, start=1):
        source += (
            f" CROSS JOIN LATERAL (SELECT {lock}(${number + 1}, $1 <> '') AS passed_over"
            f" WHERE l{number - 1}.passed_over IS NOT NULL OFFSET 0) AS l{number}"
        )
    first = len(locks) + 2
    passed_over = ", ".join(f"l{number}.passed_over" for number in range(1, len(locks) + 1))
    loaded = ", ".join(f"{name}(${number})" for number, name in enumerate(loads, start=first))
    body = f"'passed_over', json_build_array({passed_over}), 'loaded', json_build_array({loaded})"
    sql = f"SELECT json_build_object('now', clock_timestamp(), {body}) FROM {source}"  # noqa: S608
    return Statement(sql, ["text", *["json"] * (len(locks) + len(loads))])
