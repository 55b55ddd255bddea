"""Who may decide on a request for approval, when it is approved, and how it goes from one state to another."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rules.access import Caller, Permission
from rules.approvals.refusals import (
    AlreadyDecided,
    ApprovalStateWrong,
    ApproverRoleMissing,
    ApproverUnknown,
    OwnApproval,
)
from rules.refusals import PermissionMissing


class ApprovalState(StrEnum):
    """Where a request stands, in the words of the contract. The last five are ends, but APPROVED, which lasts only
    until it is carried out."""

    DRAFT = "DRAFT"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    EXECUTED = "EXECUTED"
    FAILED = "FAILED"


_ENDS = frozenset({ApprovalState.WITHDRAWN, ApprovalState.EXPIRED, ApprovalState.FAILED})

# To where a request goes from each state. FAILED is also what becomes of one whose act can never be done any more.
WAYS: Mapping[ApprovalState, frozenset[ApprovalState]] = {
    **dict.fromkeys(ApprovalState, frozenset()),
    ApprovalState.DRAFT: _ENDS | {ApprovalState.PENDING},
    ApprovalState.PENDING: _ENDS | {ApprovalState.APPROVED, ApprovalState.REJECTED},
    ApprovalState.APPROVED: frozenset({ApprovalState.EXECUTED, ApprovalState.FAILED}),
}

# Those that time ends.
OPEN = frozenset({ApprovalState.DRAFT, ApprovalState.PENDING})


class Party(NamedTuple):
    """Who asks or decides: the caller, the user behind it (their own id, or whose key it is), and for whom it acts;
    whoever decides acts for nobody."""

    caller: str
    user: str = ""
    on_behalf_of: str = ""

    @property
    def acted_for(self) -> str:
        """The id of the user for whom it acts, empty where it acts for none."""
        return self.on_behalf_of.removeprefix("users/") if self.on_behalf_of.startswith("users/") else ""

    @property
    def people(self) -> frozenset[str]:
        """The ids of the users among them."""
        return frozenset(filter(None, (self.user, self.acted_for)))

    @property
    def whose(self) -> frozenset[str]:
        """Whose acts they are, where acts are added up: the person's whose key it is, or else the caller's; and theirs
        for whom it acts. So they count for each, and are not fewer for being done in many names."""
        return frozenset(filter(None, (self.user or self.caller, self.acted_for)))

    @property
    def all(self) -> frozenset[str]:
        """The ids of all of them."""
        return self.people | {self.caller}


def party(caller: Caller) -> Party:
    """Who a caller is, to whoever asks whether two are one."""
    return Party(caller.id, caller.user, caller.on_behalf_of)


class Need(NamedTuple):
    """What a rule wants of a request: so many approvals by holders of a role (empty: of any that may decide), and how
    many there are."""

    rule: str
    approvers: int
    role: str = ""
    given: int = 0


def state_at(state: ApprovalState, expires_at: datetime, now: datetime) -> ApprovalState:
    """The state of a request at an instant: time ends those that nobody decided on, whether anybody notes it or not."""
    return ApprovalState.EXPIRED if state in OPEN and expires_at <= now else state


def check_way(state: ApprovalState, to: ApprovalState) -> None:
    """Raises ApprovalStateWrong."""
    if to not in WAYS[state]:
        wanted = [one for one in ApprovalState if to in WAYS[one]]
        raise ApprovalStateWrong(state=state, wanted=" or ".join(wanted))


def check_may(caller: Caller, permission: Permission, program: str) -> None:
    """Whether it holds a permission in a program; without one, in all: what is in no program is everybody's. Raises
    PermissionMissing."""
    if not (caller.may(permission, program) if program else caller.programs(permission) is None):
        raise PermissionMissing(permission=permission, role=" and ".join(caller.roles) or "no role")


def check_maker(caller: Caller, maker: Party) -> bool:
    """Whether a caller is who asked: itself, or the person behind it."""
    return bool(party(caller).all & maker.all)


def check_decider(caller: Caller, maker: Party, before: Iterable[Party]) -> None:
    """Whether a caller may decide on what `maker` asked for, and others approved: a person, by a login or key of his
    own. That whom a service acts for was there is known to that service alone, and so is who he is. Raises
    ApproverUnknown, OwnApproval, AlreadyDecided."""
    decider = party(caller)
    if not decider.user or decider.on_behalf_of:
        raise ApproverUnknown
    if decider.all & maker.all:
        raise OwnApproval
    if any(decider.people & other.people for other in before):
        raise AlreadyDecided


def approved_by(caller: Caller, program: str, needs: Sequence[Need]) -> tuple[Need, ...]:
    """The needs with one approval more where the caller holds the role. Raises ApproverRoleMissing where it holds none
    of those that are wanted."""
    held = {grant.role for grant in caller.grants if (grant.covers(program) if program else grant.programs is None)}
    after = tuple(need._replace(given=need.given + 1) if not need.role or need.role in held else need for need in needs)
    if after == tuple(needs):
        raise ApproverRoleMissing(role=" or ".join(dict.fromkeys(need.role for need in needs)))
    return after


def is_approved(needs: Iterable[Need]) -> bool:
    """Whether nothing is wanting."""
    return all(need.given >= need.approvers for need in needs)
