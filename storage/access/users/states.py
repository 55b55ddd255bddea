"""Users are locked, archived, and brought back."""

from typing import NamedTuple

from rules import administering, users
from rules.activity import Change
from rules.users import UserState, Way
from storage.access.users import changing, roles
from storage.access.users.queries import KeptUser, User
from storage.access.users.roles import GivenRole
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class MoveUser(NamedTuple):
    """Locks, unlocks, archives or unarchives a user. Who is brought back may be given roles with it; an empty etag
    agrees to any state."""

    user_id: str
    etag: str
    way: Way
    context: CommandContext
    given: tuple[GivenRole, ...] = ()

    def answers(self) -> type[KeptUser]:
        """The user."""
        return KeptUser

    def decide(self, unit: Unit) -> Answer[User]:
        """Raises UserNotFound, UserElsewhere, UserIsCaller, StaleEtag, UserStateWrong, LastAdministrator, and what
        giving roles raises."""
        context = self.context
        is_taken = self.way in _TAKING
        if is_taken:
            changing.take_turns(unit)
        user = changing.administered(self.user_id, context, self.etag)
        administering.check_not_own(context.caller, user.id)
        status = users.moved(user.status, self.way)
        if is_taken and user.status.state == UserState.ACTIVE:
            changing.check_somebody_stays(unit, user, user.roles)
        gifts = roles.allowed(unit, context.caller, self.given)
        details = {"roles": [roles.told(gift.holding) for gift in gifts]} if gifts else {}
        ended = changing.end_logins(unit, user.id) if is_taken else 0
        activity = changing.write(
            unit,
            context,
            user,
            {**details, **({"logins": ended} if is_taken else {})},
            [Change("state", user.status.state.value, status.state.value)],
            also_at=[gift.scope for gift in gifts],
        )
        if is_taken:
            changing.revoke_keys(unit, context, user, activity)
        saved = changing.save(unit, user._replace(status=status), activity)
        return Answer(roles.give(unit, saved, gifts, activity).shown_to(context.caller), activity)


# What takes from users that they may log in.
_TAKING = (Way.LOCK, Way.ARCHIVE)
