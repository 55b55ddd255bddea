"""What a mail with a card brings: the card as it is now, and the link that was made for it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from storage.coupons.sealing import CodeSeals
from storage.engine.ids import parse_typeid
from storage.engine.unit import Unit
from storage.passes import images
from storage.passes.contents import Card, contents
from storage.passes.marking import note_ahead


class Enclosed(NamedTuple):
    """A card, and a link that leads to it until `expires_at`."""

    card: Card
    link: UUID
    expires_at: datetime


def enclosed(unit: Unit, serial: str, link: UUID, seals: CodeSeals) -> Enclosed | None:
    """Of the pass of that public id; None where it is valid no more, or the link leads nowhere any more. Raises Busy,
    DoesNotOpen."""
    found = parse_typeid("pass", serial)
    row = unit.connection.execute(_LINK, (link, found)).fetchone()
    if found is None or row is None:
        return None
    card = contents(unit.connection, [found], seals).get(found)
    if card is None or card.content.voided:
        return None
    if card.is_ahead:
        note_ahead(unit.connection, [found])
    return Enclosed(card, link, row[0])


def pictures(unit: Unit, wanted: set[str]) -> dict[str, bytes]:
    """Images by the SHA-256 of their content, those that there are."""
    found = {sha256: images.content(unit.connection, sha256) for sha256 in wanted}
    return {sha256: content for sha256, content in found.items() if content is not None}


_LINK = """
SELECT expires_at FROM pass_link
WHERE id = %s AND pass = %s AND revoked_at IS NULL AND expires_at > clock_timestamp()
"""
