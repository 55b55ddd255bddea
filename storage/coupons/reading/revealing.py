"""Codes as the books have them, for those who may see them in the clear."""

from collections.abc import Sequence
from typing import NamedTuple

from rules.coupons.codes import DEFAULT_PATTERN, Code, Pattern
from rules.coupons.refusals import CouponNotFound
from storage.coupons.queries import campaign_name, coupon_name
from storage.coupons.reading.coupons import CouponName, program_of
from storage.coupons.sealing import CodeSeals
from storage.engine.database import Connection
from storage.ledger.reading import accounts


class Sealed(NamedTuple):
    """The sealed code of a coupon, called by its resource name, and the pattern that it was made by."""

    coupon: str
    code: bytes
    last_four: str
    pattern: str

    @property
    def named(self) -> dict[str, str]:
        """How the log says which it is."""
        return {
            "coupon": self.coupon,
            "fingerprint": CodeSeals.fingerprint(self.code),
            "last_four": self.last_four,
        }

    def unsealed(self, seals: CodeSeals, program: str) -> str:
        """The code as people write it: for whoever may read it, and nobody's log."""
        return Pattern(self.pattern).shown(Code(seals.unseal(program, self.code)))


def sealed(books: Connection, program: str, names: Sequence[CouponName]) -> list[Sealed]:
    """The codes of some coupons of a program, in their order. Raises ProgramNotFound, CouponNotFound."""
    with accounts.snapshot(books):
        state = program_of(books, program)
        asked = ([name.campaign for name in names], [name.id for name in names], state.id)
        found = {(campaign, identity): row for campaign, identity, *row in books.execute(_SEALED, asked, prepare=True)}
    codes = []
    for name in names:
        if name.program != program or (name.campaign, name.id) not in found:
            raise CouponNotFound(program=program)
        code, last_four, pattern = found[name.campaign, name.id]
        named = coupon_name(campaign_name(program, name.campaign), name.number)
        codes.append(Sealed(named, bytes(code), last_four, pattern or DEFAULT_PATTERN))
    return codes


# What was imported, or thought of, has no pattern. That of another seldom fits its length; where it does, groups do no
# harm.
_SEALED = """
SELECT k.campaign_id, c.id::text, c.code, c.last_four,
    CASE WHEN c.batch IS NOT NULL THEN b.pattern WHEN c.stock IS NULL THEN k.terms ->> 'code_pattern' END
FROM unnest(%s::text[], %s::uuid[]) AS n (campaign_id, id)
JOIN coupon_campaign AS k ON k.program = %s AND k.campaign_id = n.campaign_id
JOIN coupon AS c ON c.campaign = k.id AND c.id = n.id
LEFT JOIN coupon_batch AS b ON b.campaign = c.campaign AND b.number = c.batch
WHERE c.batch IS NULL OR b.published_at IS NOT NULL
"""
