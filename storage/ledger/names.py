"""What commands say of themselves: which things they read, before anything is known, and which lots, once it is."""

from collections import defaultdict
from typing import Any, NamedTuple

from rules.accounts import UNITS_MAX
from storage.engine.nouns import Noun
from storage.engine.records import Key
from storage.ledger.addresses import Address, CustomerName, TransactionName

# What an account counts is numbered by a column of that size: a larger number names nothing, and is not asked for.
NUMBER_MAX = 2**31 - 1


class Numbered(NamedTuple):
    """A hold, a spending, a shortfall or a lot of an account, by its number."""

    address: Address
    number: int


class Reads:
    """What a group reads, by the names that its commands use; accounts are locked, and whatever else can be."""

    def __init__(self) -> None:
        self.addresses: dict[Address, None] = {}
        self.programs: dict[str, None] = {}
        self.customers: dict[tuple[CustomerName, str], None] = {}
        self.names: dict[TransactionName, None] = {}
        self.recorded: defaultdict[TransactionName, list[Address]] = defaultdict(list)
        self.holds: list[Numbered] = []
        self.spendings: list[Numbered] = []
        self.shortfalls: list[Numbered] = []
        self.others: defaultdict[Noun, dict[Key, None]] = defaultdict(dict)

    def account(self, address: Address) -> None:
        """An account."""
        self.addresses[address] = None

    def program(self, program: str) -> None:
        """A program, by its public id, for what touches no account."""
        self.programs[program] = None

    def new_purchase(self, address: Address, transaction_id: str) -> None:
        """A purchase that is to be recorded for an account, and may stand in the books already."""
        self.addresses[address] = None
        self.recorded[TransactionName(address.program, address.customer, transaction_id)].append(address)

    def purchase(self, name: TransactionName) -> None:
        """A purchase that stands in the books, and its account."""
        self.names[name] = None

    def customer(self, name: CustomerName, event_type: str) -> None:
        """All accounts of a customer, and the one that events of that type give points to."""
        self.customers[name, event_type] = None

    def hold(self, address: Address, number: int) -> None:
        """A hold."""
        self.addresses[address] = None
        if number <= NUMBER_MAX:
            self.holds.append(Numbered(address, number))

    def spending(self, address: Address, number: int) -> None:
        """A spending, by the number of its entry."""
        self.addresses[address] = None
        self.spendings.append(Numbered(address, number))

    def shortfall(self, address: Address, number: int) -> None:
        """A shortfall."""
        self.addresses[address] = None
        if number <= NUMBER_MAX:
            self.shortfalls.append(Numbered(address, number))

    def other(self, noun: Noun, *key: Any) -> None:
        """Something of another noun, by the key under which its functions know it: of public ids, for nothing else is
        known yet."""
        self.others[noun][key] = None


class LotsNeeded:
    """The lots that must be at hand: so many free points of an account, and lots by their numbers."""

    def __init__(self) -> None:
        self.demands: defaultdict[Address, list[int]] = defaultdict(list)
        self.lots: defaultdict[Address, set[int]] = defaultdict(set)

    def account(self, address: Address) -> None:
        """No lot but those that time changes, and those that holds lie on; the account is settled with them."""
        self.demands[address]

    def points(self, address: Address, points: int) -> None:
        """The lots from which `points` can be taken, beside those of the group's other commands."""
        self.demands[address].append(points)

    def lot(self, address: Address, number: int) -> None:
        """One lot, open or not."""
        self.account(address)
        if number <= NUMBER_MAX:
            self.lots[address].add(number)

    def demand(self, address: Address, points_max: int) -> int:
        """The free points that the lots of an account must hold. What is more than the account can ever give is
        refused without a look at its lots, however many it has."""
        return min(sum(points for points in self.demands.get(address, ()) if points <= points_max), UNITS_MAX)

    def is_cut(self, address: Address, points_max: int) -> bool:
        """Whether something is demanded of an account that it cannot give."""
        return any(points > points_max for points in self.demands.get(address, ()))
