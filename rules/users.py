"""Users: the states that they are in, and the ways between them."""

from enum import StrEnum
from typing import NamedTuple

from rules.refusals import UserStateWrong

# What a maker reads who invites somebody that was locked or archived.
REACTIVATION_NOTICE = (
    "This email is associated with a locked/archived user. The existing user will be reactivated upon approval."
)


class UserState(StrEnum):
    """What a user is. Only the active log in."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    LOCKED = "LOCKED"
    ARCHIVED = "ARCHIVED"


class Way(StrEnum):
    """What is done to a user's state."""

    LOCK = "LOCK"
    UNLOCK = "UNLOCK"
    ARCHIVE = "ARCHIVE"
    UNARCHIVE = "UNARCHIVE"


class UserStatus(NamedTuple):
    """The state of a user and, of one that is locked or archived, to which unlocking or unarchiving brings back: the
    last in which it was neither."""

    state: UserState
    returns_to: UserState | None = None


_FROM = {
    Way.LOCK: {UserState.INVITED, UserState.ACTIVE},
    Way.UNLOCK: {UserState.LOCKED},
    Way.ARCHIVE: {UserState.INVITED, UserState.ACTIVE, UserState.LOCKED},
    Way.UNARCHIVE: {UserState.ARCHIVED},
}
_TO = {Way.LOCK: UserState.LOCKED, Way.ARCHIVE: UserState.ARCHIVED}

# Of whom an invitation asks to be brought back, and how.
WAYS_BACK = {UserState.LOCKED: Way.UNLOCK, UserState.ARCHIVED: Way.UNARCHIVE}


def moved(status: UserStatus, way: Way) -> UserStatus:
    """Where that way leads. Who was archived while locked comes back as before the lock: whoever unarchives has looked.
    Raises UserStateWrong."""
    check_state(status.state, _FROM[way])
    stood = status.returns_to or (status.state if status.state not in WAYS_BACK else UserState.ACTIVE)
    return UserStatus(_TO[way], stood) if way in _TO else UserStatus(stood)


def check_state(state: UserState, wanted: set[UserState]) -> None:
    """Raises UserStateWrong where it is none of these."""
    if state not in wanted:
        raise UserStateWrong(state=state.value)


# Who may be given roles: somebody archived comes back by being unarchived.
GIVEN_ROLES = {UserState.INVITED, UserState.ACTIVE, UserState.LOCKED}
