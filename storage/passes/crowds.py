"""How many phones may have one card, and what becomes of more."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import json

from storage.engine.session import Session, Statement

# A card is in a phone, a watch, a tablet, and those of a household. Whoever has a card can make up any number of
# phones, and each is pushed to: of more, those that registered first are dropped.
PHONES_MAX = 20


async def drop_oldest(session: Session, cards: Sequence[UUID]) -> None:
    """Leaves each of these passes, which are locked, to the PHONES_MAX phones that registered it last."""
    dropped = await session.run(_DROP, [json.encode(cards)])
    # One that is held registers another pass just now, and is kept for that.
    left = await session.run(_LOCK_LEFT, [dropped])
    await session.run(FORGET, [left])


_DROP = Statement(
    f"""
WITH gone AS (
    DELETE FROM pass_registration AS r USING (
        SELECT pass, device, row_number() OVER (PARTITION BY pass ORDER BY registered_at DESC, device DESC) AS number
        FROM pass_registration WHERE pass IN (SELECT w::uuid FROM json_array_elements_text($1) AS w)
    ) AS n
    WHERE r.pass = n.pass AND r.device = n.device AND n.number > {PHONES_MAX} RETURNING r.device
)
SELECT coalesce(json_agg(device), '[]') FROM gone
""",  # noqa: S608 - our own number
    ["json"],
)

_LOCK_LEFT = Statement(
    """
SELECT coalesce(json_agg(id), '[]') FROM (
    SELECT id FROM pass_device WHERE id IN (SELECT w::bigint FROM json_array_elements_text($1) AS w)
    FOR UPDATE SKIP LOCKED
) AS locked
""",
    ["json"],
)

# Of these phones, those that have no pass any more.
FORGET = Statement(
    """
DELETE FROM pass_device AS d USING json_array_elements_text($1) AS w
WHERE d.id = w::bigint AND NOT EXISTS (SELECT FROM pass_registration AS r WHERE r.device = d.id)
""",
    ["json"],
)
