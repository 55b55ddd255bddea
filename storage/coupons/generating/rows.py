"""Writes codes that were just made, sealed, as rows of a batch: many with one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.errors import UniqueViolation

from rules.coupons.codes import Code
from rules.coupons.coupons import Origin
from storage.coupons.sealing import CodeSeals
from storage.engine.ids import new_uuids
from storage.engine.unit import Unit


class Made(NamedTuple):
    """What rows of a batch have in common. Of gift cards `arguments` say the balance."""

    campaign: int
    program: int
    program_id: str
    batch: int
    pooled: bool
    arguments: Mapping[str, Any]


def write(unit: Unit, seals: CodeSeals, made: Made, texts: Sequence[str], at: datetime) -> int:
    """Writes codes by their texts, and answers how many landed: all but those that the program has already."""
    try:
        with unit.connection.transaction():
            _insert(unit, seals, made, texts, at)
            return len(texts)
    except UniqueViolation:
        fresh = _fresh(unit, seals, made, texts)
        if len(fresh) == len(texts):
            # Whoever was faster has not committed: the next step finds it.
            return 0
        return write(unit, seals, made, fresh, at)


def _insert(unit: Unit, seals: CodeSeals, made: Made, texts: Sequence[str], at: datetime) -> None:
    # Not COPY, which is as fast: PostgreSQL has none into tables whose rows are guarded (storage/wall.py).
    shown = len(Code(texts[0]).last_four) if texts else 0
    # Written out in one go: what is called here for each is called a million times.
    ids = ",".join([f"{identity:032x}" for identity in new_uuids(len(texts))])
    codes = ",".join([f'"\\\\x{code.hex()}"' for code in seals.seal_all(made.program_id, texts)])
    ends = ",".join([text[-shown:] for text in texts])
    same = (made.campaign, made.program, Origin.GENERATED, made.batch, made.pooled, at)
    values = (*same, made.arguments.get("balance_minor"), f"{{{ids}}}", f"{{{codes}}}", f"{{{ends}}}")
    unit.connection.execute(_INSERT, values)


def _fresh(unit: Unit, seals: CodeSeals, made: Made, texts: Sequence[str]) -> list[str]:
    """Those that the program does not have."""
    sealed = seals.seal_all(made.program_id, texts)
    known = {bytes(code) for (code,) in unit.connection.execute(_KNOWN, (made.program, sealed))}
    return [text for text, code in zip(texts, sealed, strict=True) if code not in known]


_INSERT = """
INSERT INTO coupon (
    campaign, program, origin, batch, pooled, added_at, initial_minor, balance_minor, id, code, last_four
)
SELECT c.*, c.balance, made.*
FROM (VALUES (%s::integer, %s::integer, %s::text, %s::integer, %s::boolean, %s::timestamptz, %s::bigint))
     AS c (campaign, program, origin, batch, pooled, added_at, balance),
     unnest(%s::uuid[], %s::bytea[], %s::text[]) AS made
"""

_KNOWN = "SELECT code FROM coupon WHERE program = %s AND code = ANY(%s)"
