"""What a user lost with the telephone: the second factor is forgotten, so that the next is enrolled."""

from typing import NamedTuple

from rules.administering import check_not_own
from storage.access.users import changing
from storage.access.users.queries import KeptUser, User
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.logins.records import RecoveryCodeRow, TotpRow


class ResetSecondFactor(NamedTuple):
    """Forgets the authenticator and the recovery codes of a user, and ends all logins."""

    user_id: str
    context: CommandContext

    def answers(self) -> type[KeptUser]:
        """The user."""
        return KeptUser

    def decide(self, unit: Unit) -> Answer[User]:
        """Raises UserNotFound, UserElsewhere, UserIsCaller."""
        user = changing.administered(self.user_id, self.context)
        check_not_own(self.context.caller, user.id)
        ended = changing.end_logins(unit, user.id)
        activity = changing.write(unit, self.context, user, {"logins": ended})
        TotpRow.delete().where(TotpRow.person == user.id).execute()
        RecoveryCodeRow.delete().where(RecoveryCodeRow.person == user.id).execute()
        return Answer(user.shown_to(self.context.caller), activity)
