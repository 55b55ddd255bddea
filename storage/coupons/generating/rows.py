"""Writes codes that were just made, sealed, as rows of a batch: as fast as the database copies them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.errors import UniqueViolation

from rules.coupons.codes import Code
from rules.coupons.coupons import Origin
from storage.coupons.sealing import CodeSeals
from storage.engine.ids import new_uuids
from storage.engine.unit import Unit

# Rows sent at a time: while the database takes in some, the next are sealed.
SENT = 500


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
            _copy(unit, seals, made, texts, at)
            return len(texts)
    except UniqueViolation:
        fresh = _fresh(unit, seals, made, texts)
        if len(fresh) == len(texts):
            # Whoever was faster has not committed: the next step finds it.
            return 0
        return write(unit, seals, made, fresh, at)


def _copy(unit: Unit, seals: CodeSeals, made: Made, texts: Sequence[str], at: datetime) -> None:
    seal, shown = seals.seal_all, len(Code(texts[0]).last_four) if texts else 0
    balance = made.arguments.get("balance_minor", r"\N")
    head, program = f"{made.campaign}\t", f"\t{made.program}\t\\\\x"
    tail = f"\t{Origin.GENERATED}\t{made.batch}\t{made.pooled}\t{at.isoformat()}\t{balance}\t{balance}\n"
    ids = new_uuids(len(texts))
    with unit.connection.cursor().copy(_COPY) as rows:
        for start in range(0, len(texts), SENT):
            part = texts[start : start + SENT]
            sealed = seal(made.program_id, part)
            # Written out in one go: each call here is made a million times.
            rows.write(
                "".join(
                    [
                        f"{head}{identity:032x}{program}{code.hex()}\t{text[-shown:]}{tail}"
                        for identity, code, text in zip(ids[start : start + SENT], sealed, part, strict=True)
                    ]
                )
            )


def _fresh(unit: Unit, seals: CodeSeals, made: Made, texts: Sequence[str]) -> list[str]:
    """Those that the program does not have."""
    sealed = seals.seal_all(made.program_id, texts)
    known = {bytes(code) for (code,) in unit.connection.execute(_KNOWN, (made.program, sealed))}
    return [text for text, code in zip(texts, sealed, strict=True) if code not in known]


_COPY = """
COPY coupon (
    campaign, id, program, code, last_four, origin, batch, pooled, added_at, initial_minor, balance_minor
) FROM STDIN
"""

_KNOWN = "SELECT code FROM coupon WHERE program = %s AND code = ANY(%s)"
