"""What users are called, and in which language they are written to."""

from typing import Any, NamedTuple

from rules.activity import Change
from rules.updates import check_fixed
from storage.access.users import changing
from storage.access.users.queries import KeptUser, User
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class UpdateUser(NamedTuple):
    """New values for some fields, by their names. An empty etag agrees to any state; `fixed` are values of fields that
    no update can change, by the names of the contract, which must be what stands. What changes nothing leaves no
    record."""

    user_id: str
    etag: str
    changes: dict[str, Any]
    context: CommandContext
    fixed: tuple[tuple[str, Any], ...] = ()

    def answers(self) -> type[KeptUser]:
        """The user."""
        return KeptUser

    def decide(self, unit: Unit) -> Answer[User]:
        """Raises UserNotFound, UserElsewhere, StaleEtag, FieldFixed."""
        context = self.context
        user = changing.administered(self.user_id, context, self.etag)
        stands = {
            "email": user.email,
            "state": user.status.state,
            "create_time": user.created_at,
            "update_time": user.updated_at,
        }
        check_fixed(self.fixed, stands)
        new = user._replace(**self.changes)
        if new == user:
            return Answer(user.shown_to(context.caller), None)
        # Which fields they were: what people are called is not for the log.
        changed = [Change(field) for field in self.changes if getattr(new, field) != getattr(user, field)]
        activity = changing.write(unit, context, user, changes=changed)
        return Answer(changing.save(unit, new, activity).shown_to(context.caller), activity)
