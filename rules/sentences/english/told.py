"""A record in hand: what templates ask of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rules import money
from rules.accounts import BALANCE
from rules.cards import CardKind
from rules.sentences.english import speech
from rules.sentences.nouns import CardNoun, Nouns


@dataclass(slots=True)
class Told:
    """What a record says, and what its program calls things. Whatever is asked of it and is not there is a KeyError."""

    action: str
    subject: str
    details: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]]
    nouns: Nouns

    def __getitem__(self, name: str) -> Any:
        """What the details say of it."""
        return self.details[name]

    @property
    def last(self) -> str:
        """The last part of the subject's name."""
        return self.subject.rpartition("/")[2]

    @property
    def customer(self) -> str:
        """`customer ada`."""
        return customer(self.subject)

    @property
    def card_id(self) -> str:
        """The card that it is about, empty where it does not say."""
        about = self.details
        for name in (self.subject, about.get("account", "")):
            for collection in ("accounts", "cards"):
                if found := part(name, collection):
                    return found
        if card := about.get("card") or about.get("card_id"):
            return str(card)
        # Of a purchase, older records say it only by the balance that it changed.
        cards = {field.rpartition(".")[0] for one in self.changes if is_figure(field := str(one["field"]))}
        return cards.pop() if len(cards) == 1 else ""

    def points(self, number: int, word: str = "", card_id: str = "") -> str:
        """`12.50 points`, `3 points (Beans)` in a program of several cards. Raises KeyError where nobody can say in
        which parts they are counted."""
        chosen = card_id or self.card_id
        return self.counted(number, word, chosen) + self.among(chosen)

    def counted(self, number: int, word: str = "", card_id: str = "") -> str:
        """The same without the card."""
        if not number:
            return f"no {word}{' ' if word else ''}{'stamps' if self._kind(card_id) is CardKind.STAMPS else 'points'}"
        card = self._card(card_id)
        return speech.points(number, card.kind, card.decimals, word)

    def among(self, card_id: str = "") -> str:
        """` (Beans)`, empty where the card goes without saying."""
        chosen = card_id or self.card_id
        card = self.nouns.card(chosen)
        name = card.display_name if card is not None else chosen
        if not name or (card is not None and card.is_only) or name.casefold() in ("points", "stamps"):
            return ""
        return f" ({name})"

    def card_name(self, card_id: str) -> str:
        """`card Beans`."""
        card = self.nouns.card(card_id)
        return f"card {card.display_name if card is not None else card_id}"

    def program_name(self) -> str:
        """`program Coffee club`."""
        return speech.named("program", self.nouns.display_name or part(self.subject, "programs"))

    def user(self, name: str = "") -> str:
        """`user Anna`, whoever a resource name, the subject's where none is given, belongs to; of one who has no name
        any more, `a user`."""
        person = self.nouns.people.get(part(name or self.subject, "users"))
        return f"user {person.display_name}" if person is not None and person.display_name else "a user"

    def people(self, ids: Sequence[str]) -> str:
        """`Anna and Ben`: what these users are called; who has no name, by the id. Raises KeyError where nobody knows
        who they are."""
        return speech.listed([self.nouns.people[one].display_name or one for one in ids])

    def address(self, name: str) -> str:
        """`anna@example.com`, for those who may know it; for others `a…@example.com`."""
        email = self.nouns.people[part(name, "users")].email
        return email if self.nouns.shows_addresses else speech.masked(email)

    def event_type(self, name: str) -> str:
        """What the program calls an event of that type."""
        return self.nouns.event_types.get(name) or name

    def money(self, amount_minor: int) -> str:
        """`€12.50`. Raises KeyError where nobody can say of which currency."""
        currency = self.details.get("currency")
        return money.written(amount_minor, currency or self._card("").currency_code)

    def moment(self, instant: str) -> str:
        """`13:10 on 1 January 2025`, where the program is."""
        return speech.moment(datetime.fromisoformat(instant), speech.zone_of(self.nouns.time_zone))

    def until(self, instant: str) -> str:
        """`the end of 1 January 2025`, where the program is."""
        return speech.until(datetime.fromisoformat(instant), speech.zone_of(self.nouns.time_zone))

    def _card(self, card_id: str) -> CardNoun:
        chosen = card_id or self.card_id
        card = self.nouns.card(chosen)
        if card is None:
            raise KeyError(chosen)
        return card

    def _kind(self, card_id: str) -> CardKind:
        card = self.nouns.card(card_id or self.card_id)
        return card.kind if card is not None else CardKind.POINTS


def customer(name: str) -> str:
    """`customer ada`, whoever a resource name belongs to."""
    return speech.named("customer", part(name, "customers"))


def part(name: str, collection: str) -> str:
    """The id that a resource name has of a collection: `ada` of `customers`. Empty where it has none."""
    parts = name.split("/")
    for at in range(0, len(parts) - 1, 2):
        if parts[at] == collection:
            return parts[at + 1]
    return ""


def is_figure(field: str) -> bool:
    """Whether a field that changed is of the balance: the sentence speaks of the points already."""
    return field.rpartition(".")[2] in BALANCE
