"""What is looked up for whoever comes with a link, a token or the name of an image. What arrives together shares a
round trip."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import json

from rules.passes.updates import whole
from storage.engine.ids import typeid
from storage.engine.session import Session, Statement


class FindLink(NamedTuple):
    """The pass that a link leads to, by the hash of its token."""

    token_hash: bytes


class FindCard(NamedTuple):
    """A pass by its id."""

    card: UUID


class FindImage(NamedTuple):
    """An image by its SHA-256."""

    sha256: bytes


class Card(NamedTuple):
    """A pass, whatever became of it: the accounts that its template names, empty for the only one that there is;
    whether Google has it; the newest revision of what it says, 0 before the first, and its Last-Modified."""

    id: UUID
    apple_pass_type: str
    google_issuer: str
    kind: str
    is_at_google: bool
    revision: int
    modified_at: datetime

    @property
    def serial(self) -> str:
        """Its public id."""
        return typeid("pass", self.id.int)


Question = FindLink | FindCard | FindImage
Answer = Card | bytes | None


async def answer(session: Session, asked: Sequence[Question]) -> list[Answer | Exception]:
    """What is found of each, in order; None: nothing. A link that has expired, was revoked, or is of a pass that was
    voided finds nothing, and nobody can tell why."""
    links = list({one.token_hash for one in asked if isinstance(one, FindLink)})
    cards = list({one.card for one in asked if isinstance(one, FindCard)})
    images = list({one.sha256 for one in asked if isinstance(one, FindImage)})
    of_links: dict[str, Card] = {}
    of_cards: dict[UUID, Card] = {}
    of_images: dict[str, bytes] = {}
    if links:
        found = _LINKS.decode(await session.run(_FIND_LINKS, [json.encode([one.hex() for one in links])]))
        of_links = {token_hash: _card(row) for token_hash, *row in found}
    if cards:
        of_cards = {row[0]: _card(row) for row in _CARDS.decode(await session.run(_FIND_CARDS, [json.encode(cards)]))}
    if images:
        read = _IMAGES.decode(await session.run(_FIND_IMAGES, [json.encode([one.hex() for one in images])]))
        of_images = {sha256: b64decode(content) for sha256, content in read}

    def one_of(question: Question) -> Answer:
        match question:
            case FindLink(token_hash):
                return of_links.get(token_hash.hex())
            case FindCard(card):
                return of_cards.get(card)
            case FindImage(sha256):
                return of_images.get(sha256.hex())

    return [one_of(question) for question in asked]


def _card(row: Sequence[object]) -> Card:
    card, pass_type, issuer, kind, is_at_google, created_at, revision, modified_at = row
    assert isinstance(created_at, datetime)
    return Card(card, pass_type, issuer, kind, is_at_google, revision or 0, modified_at or whole(created_at))  # type: ignore[arg-type]


_Row = tuple[UUID, str, str, str, bool, datetime, int | None, datetime | None]
_CARDS = json.Decoder(list[_Row])
_LINKS = json.Decoder(list[tuple[str, UUID, str, str, str, bool, datetime, int | None, datetime | None]])
_IMAGES = json.Decoder(list[tuple[str, str]])

_CARD = """
p.id, coalesce(t.design ->> 'apple_pass_type', ''), coalesce(t.design ->> 'google_issuer', ''), t.design ->> 'kind',
EXISTS (SELECT FROM pass_google AS g WHERE g.pass = p.id AND g.digest IS NOT NULL),
p.created_at, c.revision, c.modified_at
"""

_FIND_LINKS = Statement(
    f"""
SELECT coalesce(json_agg(json_build_array(encode(l.token_hash, 'hex'), {_CARD})), '[]')
FROM json_array_elements_text($1) AS w
JOIN pass_link AS l ON l.token_hash = decode(w, 'hex') AND l.revoked_at IS NULL AND l.expires_at > clock_timestamp()
JOIN pass AS p ON p.id = l.pass AND p.voided_at IS NULL AND p.erased_at IS NULL
JOIN pass_template AS t ON t.id = p.template
LEFT JOIN pass_content AS c ON c.pass = p.id
""",  # noqa: S608 - our own words
    ["json"],
)

_FIND_CARDS = Statement(
    f"""
SELECT coalesce(json_agg(json_build_array({_CARD})), '[]')
FROM json_array_elements_text($1) AS w
JOIN pass AS p ON p.id = w::uuid
JOIN pass_template AS t ON t.id = p.template
LEFT JOIN pass_content AS c ON c.pass = p.id
""",  # noqa: S608 - our own words
    ["json"],
)

# The same image of several programs is the same. base64 has a line break after each 76 letters, which JSON escapes.
_FIND_IMAGES = Statement(
    """
SELECT coalesce(json_agg(json_build_array(w, translate(encode(i.content, 'base64'), E'\\n', ''))), '[]')
FROM json_array_elements_text($1) AS w
CROSS JOIN LATERAL (SELECT content FROM pass_image WHERE sha256 = decode(w, 'hex') LIMIT 1) AS i
""",
    ["json"],
)
