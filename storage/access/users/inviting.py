"""People are invited; who was locked or archived is asked to be brought back instead, by an approval."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from rules import administering, users
from rules.access import Caller
from rules.approvals.matching import RequestFacts
from rules.granting import EVERYWHERE
from rules.refusals import AddressTaken, UserElsewhere, UserExists, UserIsCaller
from rules.users import REACTIVATION_NOTICE, WAYS_BACK, UserState, UserStatus, Way
from storage.access import emailed_tokens
from storage.access import scopes as role_scopes
from storage.access.records import UserRow
from storage.access.users import changing, queries, roles
from storage.access.users.queries import KeptUser, User
from storage.access.users.roles import GivenRole
from storage.approvals.asking import submit_besides
from storage.approvals.submitting import BY_AN_ADMINISTRATOR, Frozen
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.logins.records import Purpose

# Writes down the request to bring a user back, that way, with these roles besides; and what it says, to rules.
Freeze: TypeAlias = Callable[[str, Way, Sequence[GivenRole]], tuple[Frozen, RequestFacts]]


class Invited(NamedTuple):
    """Who was invited or, with a notice of that, is to be brought back once the request `approval` (its resource name)
    is approved."""

    user: User
    notice: str = ""
    approval: str = ""

    def as_kept(self) -> "KeptInvited":
        """Who it is, and nothing about the person."""
        return KeptInvited(self.user.id, self.notice, self.approval)


class KeptInvited(NamedTuple):
    """What is kept of it."""

    user_id: str
    notice: str
    approval: str

    def as_it_stands(self, caller: Caller) -> Invited:
        """The same, with the user as it stands now."""
        return Invited(KeptUser(self.user_id).as_it_stands(caller), self.notice, self.approval)


class InviteUser(NamedTuple):
    """Makes a user, and mails an invitation to the address. Where that is a locked or archived user's, `freeze` is
    asked; None: whoever asks for this can ask for no approval, and is refused."""

    email: str
    display_name: str
    language_code: str
    given: tuple[GivenRole, ...]
    context: CommandContext
    freeze: Freeze | None = None

    def answers(self) -> type[KeptInvited]:
        """The user."""
        return KeptInvited

    def decide(self, unit: Unit) -> Answer[Invited]:
        """Raises UserExists, AddressTaken, ScopeNotFound, RoleNotFound, GrantExceeded, KeyringError."""
        context, caller, email = self.context, self.context.caller, self.email.lower()
        gifts = roles.allowed(unit, caller, self.given)
        if not gifts:
            # Seen by nobody else: whoever may not administer all would have made somebody whom he does not know.
            administering.check_takes(caller, EVERYWHERE)
        # Of those who invite one address at once, one makes the user, and the others find it.
        unit.connection.execute(_ONE_AT_A_TIME, (email,))
        known = queries.by_email(email)
        if known is not None:
            return self._bring_back(unit, known)
        new = User(
            typeid("user", new_uuid().int),
            email,
            self.display_name,
            self.language_code,
            UserStatus(UserState.INVITED),
            1,
            unit.now,
            unit.now,
        )
        scopes = [gift.scope for gift in gifts]
        details = {"roles": [roles.told(gift.holding) for gift in gifts]}
        activity = changing.write(unit, context, new, details, also_at=scopes)
        UserRow.insert(**_columns(new), activity=activity).execute()
        made = roles.give(unit, new, gifts, activity)
        _mail(unit, made, activity)
        return Answer(Invited(made.shown_to(caller)), activity)

    def _bring_back(self, unit: Unit, known: User) -> Answer[Invited]:
        context, caller = self.context, self.context.caller
        is_seen = administering.sees(caller, known.holdings)
        way = WAYS_BACK.get(known.status.state)
        if way is None or self.freeze is None or not _may_bring_back(caller, known):
            raise UserExists(user=known.name) if is_seen else AddressTaken()
        # An administrator says yes in any case; what rules want of who unlocks people, they want of who invites them.
        request = submit_besides(unit, context, *self.freeze(known.id, way, self.given), BY_AN_ADMINISTRATOR)
        answer = Invited(known.shown_to(caller), REACTIVATION_NOTICE, request.name)
        return Answer(answer, str(request.activity))


class ResendInvitation(NamedTuple):
    """Mails another invitation to who did not accept the last one, which is good no more."""

    user_id: str
    context: CommandContext

    def answers(self) -> type[KeptUser]:
        """The user."""
        return KeptUser

    def decide(self, unit: Unit) -> Answer[User]:
        """Raises UserNotFound, UserElsewhere, UserStateWrong, KeyringError."""
        user = changing.administered(self.user_id, self.context)
        users.check_state(user.status.state, {UserState.INVITED})
        activity = changing.write(unit, self.context, user)
        _mail(unit, user, activity)
        return Answer(user.shown_to(self.context.caller), activity)


def _may_bring_back(caller: Caller, known: User) -> bool:
    """Whether it could be carried out in the caller's name."""
    try:
        administering.check_administers(caller, known.holdings)
        administering.check_not_own(caller, known.id)
    except (UserElsewhere, UserIsCaller):
        return False
    return True


def _mail(unit: Unit, user: User, activity: str) -> None:
    program = role_scopes.only_program(unit.connection, [one.scope for one in user.roles])
    emailed_tokens.make(unit, user.id, Purpose.INVITATION, activity, program)


def _columns(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "display_name": user.display_name,
        "language_code": user.language_code,
        "state": user.status.state,
        "version": user.version,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('invitation of ' || %s, 0))"
