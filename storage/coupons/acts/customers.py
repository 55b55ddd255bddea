"""The customer of an act on coupons, and what is known of them without any account."""

from collections.abc import Mapping
from typing import NamedTuple

from rules.accounts import AccountState
from rules.archiving import OF_ARCHIVED_PROGRAM, check_active
from rules.refusals import CustomerNotFound, ProgramNotFound
from rules.states import ALLOWED, Act, CustomerState
from storage.activity.commands import Scope
from storage.customers.loading import CONCERNED, CUSTOMER
from storage.ledger import addresses
from storage.ledger.addresses import CustomerName
from storage.ledger.group import Group
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import Reads
from storage.programs.queries import ProgramState


class Holder(NamedTuple):
    """A customer, by the name and by the internal id, and the program."""

    name: CustomerName
    id: int
    program: ProgramState

    @classmethod
    def of(cls, locked: LockedAccount) -> "Holder":
        """Whoever holds an account."""
        return cls(locked.address.owner, locked.key.customer, locked.program)

    @property
    def scope(self) -> Scope:
        """Whose timeline what happens to them belongs to."""
        return Scope(self.program.id, self.id)


def read(reads: Reads, name: CustomerName) -> None:
    """Names the customer, who stays what they are meanwhile, and the program."""
    reads.program(name.program)
    reads.other(CUSTOMER, *name)


def find(group: Group, name: CustomerName, act: Act) -> Holder:
    """The customer, for an act of that kind. Raises why there is none, and what the states of customer and program have
    against it."""
    found = group.workspace.get(CONCERNED, name)
    if found is None:
        raise ProgramNotFound(program=name.program)
    if found.customer is None:
        raise CustomerNotFound(program=name.program)
    if found.state is CustomerState.MERGED:
        raise addresses.merged(*name, found.merged_into)
    state = _AS_ACCOUNT[found.state]
    if act not in ALLOWED[state]:
        raise addresses.why_not(name, state)
    program = group.program(found.program)
    if act not in OF_ARCHIVED_PROGRAM:
        check_active(program.settings, name.program)
    return Holder(name, found.customer, program)


_AS_ACCOUNT: Mapping[CustomerState, AccountState] = {
    state: AccountState(state.replace("ACTIVE", "OPEN")) for state in CustomerState
}
