"""What a program calls things today, and what users are called, as far as sentences speak of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rules.cards import Card, CardKind
from rules.programs import Settings


class CardNoun(NamedTuple):
    """A card: its name for people, what it counts and in which parts, the currency it earns in. `is_only` where its
    program has no other, so that it goes without saying."""

    display_name: str
    kind: CardKind
    decimals: int
    currency_code: str = ""
    is_only: bool = True

    @classmethod
    def of(cls, card: Card, settings: Settings) -> "CardNoun":
        """Of a card of these settings."""
        is_only = len(settings.cards) == 1
        return cls(card.display_name, card.kind, card.decimals, card.earn_rate.currency_code, is_only)


class Person(NamedTuple):
    """A user: the name and the address."""

    display_name: str
    email: str = ""


class Nouns(NamedTuple):
    """Of one program: its name, its cards by their ids, the names of its event types, its time zone. Whatever is in
    none of them is called by its id. `people` are the users that an activity speaks of, by their ids; their addresses
    are for those who may look at users."""

    display_name: str = ""
    cards: Mapping[str, CardNoun] = {}
    event_types: Mapping[str, str] = {}
    time_zone: str = "UTC"
    people: Mapping[str, Person] = {}
    shows_addresses: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Nouns":
        """Of a program as it is set."""
        return cls(
            settings.display_name,
            {card.card_id: CardNoun.of(card, settings) for card in settings.cards},
            {declared.event_type: declared.display_name for declared in settings.event_types},
            settings.time_zone,
        )

    def card(self, card_id: str) -> CardNoun | None:
        """The card of that id, or the only one where the id is empty; None where nobody can say which it is."""
        if card_id:
            return self.cards.get(card_id)
        return next(iter(self.cards.values())) if len(self.cards) == 1 else None


NO_NOUNS = Nouns()


def people_of(body: Mapping[str, Any]) -> set[str]:
    """The ids of the users that an activity speaks of, besides who did it: who approved it has bare ids."""
    details = body["details"]
    named = (body["subject"], details.get("of", ""), body["actor"].get("on_behalf_of", ""))
    people = {name.split("/")[1] for name in named if isinstance(name, str) and name.startswith("users/")}
    approvers = details.get("approved_by", ())
    if isinstance(approvers, list | tuple):
        people.update(one for one in approvers if isinstance(one, str))
    return people


def program_of(subject: str) -> str:
    """The public id of the program that a resource name begins with, empty where it begins with none."""
    first, _, rest = subject.partition("/")
    return rest.partition("/")[0] if first == "programs" else ""
