"""What cards say now, for whoever hands them out: phones that ask, Google, mails."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rules.passes.content import Content, digest
from rules.passes.designs import Design
from rules.passes.filling import fill, shows_code
from rules.passes.updates import whole
from storage.coupons.sealing import CodeSeals
from storage.engine.database import Connection
from storage.passes import facts
from storage.passes.facts import PassFacts


class Card(NamedTuple):
    """A card as it is now. `known` says of whom, by which design. `modified_at`, in whole seconds, is Apple's
    Last-Modified; `revision` is what that belongs to, 0 before the first.

    Where `is_ahead`, the card says what no revision says yet. Who hands it out notes so first
    (storage/passes/marking.py, note_ahead): it could be taken back before anybody looks, and the phone that has it
    would be told of no change.
    """

    known: PassFacts
    content: Content
    digest: bytes
    revision: int
    modified_at: datetime
    is_ahead: bool

    @property
    def design(self) -> Design:
        """The design that it was made by, which names the accounts of wallets."""
        return self.known.design

    @property
    def language_code(self) -> str:
        """The language of its customer, empty where nobody knows."""
        return self.known.facts.member.language_code


def contents(connection: Connection, ids: Collection[UUID], seals: CodeSeals | None) -> dict[UUID, Card]:
    """The cards of the passes of those ids that there are. Codes of coupons are on them for who has the seals, and
    count for the digest sealed, so that it is the same for all. Raises Busy, DoesNotOpen."""
    return {id: _card(known, seals) for id, known in facts.read(connection, ids).items()}


def _card(known: PassFacts, seals: CodeSeals | None) -> Card:
    content = filled(known)
    found = digest_of(known)
    coupon = known.facts.coupon
    if coupon is not None and shows_code(known.design):
        code = seals.unseal(known.program_id, bytes.fromhex(coupon.code)) if seals is not None else ""
        content = filled(known._replace(facts=known.facts._replace(coupon=coupon._replace(code=code))))
    told = known.told
    if told is None:
        # Before the first revision, which comes a second later at least (rules/passes/updates.py).
        return Card(known, content, found, 0, whole(known.created_at), True)
    return Card(known, content, found, told.revision, told.modified_at, found != told.digest)


def digest_of(known: PassFacts) -> bytes:
    """By what is decided whether phones are to be told. A new version of a template that looks the same is no news."""
    return digest(filled(known._replace(version=0)))


def filled(known: PassFacts) -> Content:
    """What a pass says, but for the code of its coupon, which is sealed."""
    return fill(known.design, known.template_name, known.version, known.serial, known.facts)
