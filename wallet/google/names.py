"""Names at Google: of the three kinds of things that cards are made as, of classes, of objects, and of our addresses.

An id is that of the issuer, a dot, and of A-Z a-z 0-9 . _ - only.
"""

from enum import StrEnum

from rules.passes.designs import PassKind


class Kind(StrEnum):
    """What a card is to Google."""

    LOYALTY = "loyalty"
    OFFER = "offer"
    GENERIC = "generic"

    @property
    def classes(self) -> str:
        """The collection of its classes in the API."""
        return f"{self}Class"

    @property
    def objects(self) -> str:
        """The collection of its objects in the API."""
        return f"{self}Object"


_KINDS = {
    PassKind.LOYALTY: Kind.LOYALTY,
    PassKind.STAMPS: Kind.LOYALTY,
    PassKind.COUPON: Kind.OFFER,
    PassKind.GENERIC: Kind.GENERIC,
}


def kind_of(kind: PassKind) -> Kind:
    """What cards of points and stamps, coupons and others are made as."""
    return _KINDS[kind]


def class_id(issuer: str, program_id: str, template_id: str) -> str:
    """Of a template. Neither of its ids has a dot in it, so no two templates have the same."""
    return f"{issuer}.{program_id}.{template_id}"


def object_id(issuer: str, serial: str) -> str:
    """Of a pass, by its public id."""
    return f"{issuer}.{serial}"


def serial_of(object_name: str) -> str:
    """The public id of the pass of an object, whoever says so."""
    return object_name.partition(".")[2]


def image_url(passes_url: str, sha256: str) -> str:
    """Where Google fetches an image, once: another image has another address."""
    return f"{passes_url.rstrip('/')}/images/{sha256}.png"


def callback_url(passes_url: str) -> str:
    """Where Google says that somebody saved or removed a card."""
    return f"{passes_url.rstrip('/')}/google/callback"
