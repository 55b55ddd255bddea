"""Who is there, told a second time: customers with their accounts, the clock they live by, and what the program's
administrators decide about both."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from rules.cards import CardKind
from rules.programs import Settings
from tests.storage.model.accounts import Account, Lot, Refused, Spent
from tests.storage.model.cards import NAMES, SETTINGS, Key, ends


@dataclass
class People:
    """The accounts, by customer and card; spendings by account and entry; who is suspended or blocked."""

    now: datetime
    settings: Settings = SETTINGS
    accounts: dict[Key, Account] = field(default_factory=dict)
    spent: dict[tuple[Key, int], Spent] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in NAMES:
            for card in self.settings.cards:
                self.accounts[name, card.card_id] = Account([card])

    def twin(self) -> Self:
        """Another that lives on by itself; settings never change, and may be those of both."""
        cards = (card for account in self.accounts.values() for card in account.cards)
        return deepcopy(self, {id(self.settings): self.settings, **{id(card): card for card in cards}})

    def pass_time(self, to: datetime) -> None:
        """Everybody lives on."""
        self.now = to
        for account in self.accounts.values():
            account.live(to)

    def change(self, changes: dict[str, Any]) -> None:
        """Other settings: what there is keeps those it came under, what is done from now on goes by the new ones. What
        changes nothing makes no version."""
        settings = replace(self.settings, **changes)
        if any(card.stamps_per_reward and card.kind is CardKind.POINTS for card in settings.cards):
            raise Refused("SettingsInvalid")
        if settings == self.settings:
            return
        self.settings = settings
        for card in settings.cards:
            for name in NAMES:
                self.accounts[name, card.card_id].cards.append(card)

    def archive(self, card_id: str, archived: bool) -> None:
        """Nothing comes to a card any more, or it does again; what is there lives on."""
        if all(card.archived == archived for card in self.settings.cards if card.card_id == card_id):
            raise Refused("CardStateWrong")
        cards = self.settings.cards
        self.change({"cards": tuple(replace(c, archived=archived) if c.card_id == card_id else c for c in cards)})

    def suspend(self, name: str) -> None:
        """Nothing is earned or spent from now on; time goes on, and what was wrong is put right all the same."""
        if name in self.suspended | self.blocked:
            raise Refused("CustomerStateWrong")
        self.suspended.add(name)

    def block(self, name: str) -> None:
        """Nor is anything given by hand; and nothing stays set aside."""
        if name in self.blocked:
            raise Refused("CustomerStateWrong")
        self.suspended.discard(name)
        self.blocked.add(name)
        self._release(name)

    def close(self, name: str) -> None:
        """Nothing stays at all, but debt."""
        self._release(name)
        for (owner, _), account in self.accounts.items():
            if owner == name:
                account.sums["expired"] += account.free
                for lot in account.lots:
                    lot.free = lot.waiting = 0

    def reactivate(self, name: str) -> None:
        """As before."""
        if name not in self.suspended | self.blocked:
            raise Refused("CustomerStateWrong")
        self.suspended.discard(name)
        self.blocked.discard(name)

    def serve(self, key: Key) -> Account:
        """The account of somebody who is no longer suspended or blocked, if ever."""
        if key[0] in self.suspended:
            raise Refused("CustomerSuspended")
        return self.favour(key)

    def welcome(self, account: Account) -> Account:
        """An account to which points may come."""
        if account.card.archived:
            raise Refused("CardArchived")
        return account

    def favour(self, key: Key) -> Account:
        """The account of somebody to whom a clerk may give something."""
        if key[0] in self.blocked:
            raise Refused("CustomerBlocked")
        return self.accounts[key]

    def _release(self, name: str) -> None:
        for (owner, _), account in self.accounts.items():
            if owner == name:
                for hold in account.holds:
                    if not hold.ended:
                        account.let_go(hold, "HoldReleased")
                account.clear(self.now)

    def give(
        self,
        key: Key,
        points: int,
        start: datetime | None,
        purchase: str = "",
        version: int | None = None,
        earned: bool = True,
    ) -> int | None:
        """A lot more, by the settings as they are, or as they were in a version; its number."""
        if not points:
            return None
        account = self.accounts[key]
        version = len(account.cards) - 1 if version is None else version
        card = account.cards[version]
        slides = bool(card.expiry_policy and card.expiry_policy.activity_types)
        end = None if start is None else ends(card, start)
        lot = account.add(Lot(len(account.lots) + 1, start, end, slides, version, purchase, waiting=points))
        if start is not None and start <= self.now:
            account.wake(lot, start, earned)
            account.clear(self.now)
        return lot.number

    def start(self, account: Account, lot: Lot, at: datetime) -> None:
        """A lot that waits starts to count then: at once where that has come."""
        lot.start, lot.end = at, ends(account.cards[lot.version], at)
        if at <= self.now:
            account.wake(lot, at)
            account.clear(self.now)
