"""A card as Google gets it: the class of its template, and its object."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from rules.passes.content import Content
from rules.passes.designs import Design
from wallet.google.classes import class_of
from wallet.google.client import Thing
from wallet.google.names import Kind, class_id, kind_of
from wallet.google.objects import object_of


@dataclass(frozen=True)
class CardThings:
    """Both, as they are put."""

    kind: Kind
    class_body: dict[str, Any]
    object_body: dict[str, Any]

    def class_thing(self, is_known: bool) -> Thing:
        """The class; `is_known`: Google had it when we last knew."""
        return Thing(self.kind.classes, self.class_body, is_known)

    def object_thing(self, is_known: bool) -> Thing:
        """The object."""
        return Thing(self.kind.objects, self.object_body, is_known)


def things(
    content: Content,
    design: Design,
    program_id: str,
    template_id: str,
    issuer: str,
    passes_url: str,
    now: datetime,
    linked: Sequence[str],
    zone: tzinfo,
    rings: bool,
) -> CardThings:
    """Class and object of a card. `linked` and `zone` are as `object_of` has them; `rings`: the phone tells of the
    update, where Google can do that. Raises NoLogo."""
    kind, name = kind_of(design.kind), class_id(issuer, program_id, template_id)
    body = object_of(content, issuer, name, passes_url, now, linked, zone)
    if rings and kind is not Kind.GENERIC:
        # It holds for the one request that says it.
        body["notifyPreference"] = "NOTIFY_ON_UPDATE"
    return CardThings(kind, class_of(design, name, passes_url), body)
