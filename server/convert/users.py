"""Users and their roles."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from fealty.v1 import users_pb2 as pb
from fealty.v1.receipt_pb2 import Reason
from rules.approvals.matching import RequestFacts
from rules.refusals import UpdateMaskInvalid
from rules.users import Way
from server.asked import asked_of
from server.call import Call
from server.convert import names
from server.convert.requests import context, given_fixed, receipt, timestamp
from server.convert.roles import roles_of
from server.policy import method_of, word
from storage.access.scopes import Held
from storage.access.users.factors import ResetSecondFactor
from storage.access.users.inviting import Invited, InviteUser, ResendInvitation
from storage.access.users.logins import Login, RevokeLogin
from storage.access.users.profiles import UpdateUser
from storage.access.users.queries import User
from storage.access.users.roles import AssignRole, EndRole, GivenRole
from storage.access.users.states import MoveUser
from storage.approvals.submitting import Frozen
from storage.engine.requests import Answer

# What an update changes, and what it may send back as it was read.
_CHANGED = ("display_name", "language_code")
_FIXED = ("email", "state", "create_time", "update_time")

# Why somebody is to be brought back whose address was invited.
_INVITED_AGAIN = "INVITED_AGAIN"


def invite_user(call: Call, message: pb.InviteUserRequest) -> InviteUser:
    """The command in a request."""

    def freeze(user_id: str, way: Way, given: Sequence[GivenRole]) -> tuple[Frozen, RequestFacts]:
        asks = pb.UnlockUserRequest if way is Way.UNLOCK else pb.UnarchiveUserRequest
        asked = asks(
            name=f"users/{user_id}",
            reason=Reason(code=_INVITED_AGAIN),
            roles=[pb.AssignedRole(role=f"roles/{one.role}", scope=one.scope) for one in given],
            request_id=message.request_id,
        )
        raw, method = asked.SerializeToString(deterministic=True), method_of(asks)
        content_hash = hashlib.sha256(raw).hexdigest()
        roles = roles_of(asked)
        frozen = Frozen(method.name, raw, content_hash, asked.name, action=method.kind.action, roles=roles)
        return frozen, asked_of(method.name, asked)

    return InviteUser(
        message.email,
        message.display_name,
        message.language_code,
        _given(message.roles),
        context(call, message),
        freeze,
    )


def invited(command: InviteUser, answer: Answer[Invited]) -> pb.InviteUserResponse:
    """What is answered to it."""
    found = answer.value
    response = pb.InviteUserResponse(user=user(found.user), receipt=receipt(answer), notice=found.notice)
    if not command.context.validate_only:
        response.approval_request = found.approval
    elif not found.notice:
        # Who is only asked about gets another name when invited.
        response.user.ClearField("name")
    return response


def resend_invitation(call: Call, message: pb.ResendInvitationRequest) -> ResendInvitation:
    """The command in a request."""
    return ResendInvitation(names.user(message.name), context(call, message))


def resent(command: ResendInvitation, answer: Answer[User]) -> pb.ResendInvitationResponse:
    """What is answered to it."""
    return pb.ResendInvitationResponse(user=user(answer.value), receipt=receipt(answer))


def update_user(call: Call, message: pb.UpdateUserRequest) -> UpdateUser:
    """The command in a request. Raises UpdateMaskInvalid, RequestInvalid."""
    given = message.user
    paths = list(message.update_mask.paths)
    for path in paths:
        if path not in _CHANGED:
            raise UpdateMaskInvalid(path=path)
    changes = {path: getattr(given, path) for path in paths or _CHANGED if paths or getattr(given, path)}
    # A mask says what is meant; without one, what is sent is.
    fixed = () if paths else given_fixed(given, _FIXED)
    fixed = tuple(
        (field, word(pb.UserState, value, "USER_STATE_") if field == "state" else value) for field, value in fixed
    )
    return UpdateUser(names.user(given.name), given.etag, changes, context(call, message), fixed)


def updated(command: UpdateUser, answer: Answer[User]) -> pb.UpdateUserResponse:
    """What is answered to it."""
    return pb.UpdateUserResponse(user=user(answer.value), receipt=receipt(answer))


def lock_user(call: Call, message: pb.LockUserRequest) -> MoveUser:
    """The command in a request."""
    return MoveUser(names.user(message.name), message.etag, Way.LOCK, context(call, message))


def locked(command: MoveUser, answer: Answer[User]) -> pb.LockUserResponse:
    """What is answered to it."""
    return pb.LockUserResponse(user=user(answer.value), receipt=receipt(answer))


def unlock_user(call: Call, message: pb.UnlockUserRequest) -> MoveUser:
    """The command in a request."""
    given = _given(message.roles)
    return MoveUser(names.user(message.name), message.etag, Way.UNLOCK, context(call, message), given)


def unlocked(command: MoveUser, answer: Answer[User]) -> pb.UnlockUserResponse:
    """What is answered to it."""
    return pb.UnlockUserResponse(user=user(answer.value), receipt=receipt(answer))


def archive_user(call: Call, message: pb.ArchiveUserRequest) -> MoveUser:
    """The command in a request."""
    return MoveUser(names.user(message.name), message.etag, Way.ARCHIVE, context(call, message))


def archived(command: MoveUser, answer: Answer[User]) -> pb.ArchiveUserResponse:
    """What is answered to it."""
    return pb.ArchiveUserResponse(user=user(answer.value), receipt=receipt(answer))


def unarchive_user(call: Call, message: pb.UnarchiveUserRequest) -> MoveUser:
    """The command in a request."""
    given = _given(message.roles)
    return MoveUser(names.user(message.name), message.etag, Way.UNARCHIVE, context(call, message), given)


def unarchived(command: MoveUser, answer: Answer[User]) -> pb.UnarchiveUserResponse:
    """What is answered to it."""
    return pb.UnarchiveUserResponse(user=user(answer.value), receipt=receipt(answer))


def assign_role(call: Call, message: pb.AssignRoleRequest) -> AssignRole:
    """The command in a request."""
    return AssignRole(names.user(message.name), _role(message), context(call, message))


def assigned(command: AssignRole, answer: Answer[User]) -> pb.AssignRoleResponse:
    """What is answered to it."""
    return pb.AssignRoleResponse(user=user(answer.value), receipt=receipt(answer))


def end_role(call: Call, message: pb.EndRoleRequest) -> EndRole:
    """The command in a request."""
    return EndRole(names.user(message.name), _role(message), context(call, message))


def ended(command: EndRole, answer: Answer[User]) -> pb.EndRoleResponse:
    """What is answered to it."""
    return pb.EndRoleResponse(user=user(answer.value), receipt=receipt(answer))


def reset_second_factor(call: Call, message: pb.ResetSecondFactorRequest) -> ResetSecondFactor:
    """The command in a request."""
    return ResetSecondFactor(names.user(message.name), context(call, message))


def reset(command: ResetSecondFactor, answer: Answer[User]) -> pb.ResetSecondFactorResponse:
    """What is answered to it."""
    return pb.ResetSecondFactorResponse(user=user(answer.value), receipt=receipt(answer))


def revoke_login(call: Call, message: pb.RevokeLoginRequest) -> RevokeLogin:
    """The command in a request."""
    return RevokeLogin(*names.login(message.name), context(call, message))


def revoked(command: RevokeLogin, answer: Answer[Login]) -> pb.RevokeLoginResponse:
    """What is answered to it."""
    return pb.RevokeLoginResponse(login=login(answer.value), receipt=receipt(answer))


def user(found: User) -> pb.User:
    """A user as the contract shows it."""
    return pb.User(
        name=found.name,
        email=found.email,
        display_name=found.display_name,
        language_code=found.language_code,
        state=f"USER_STATE_{found.status.state}",
        roles=[_assigned(one) for one in found.roles],
        etag=found.etag,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
    )


def login(found: Login) -> pb.UserLogin:
    """A login as the contract shows it."""
    return pb.UserLogin(
        name=found.name,
        create_time=timestamp(found.created_at),
        use_time=timestamp(found.used_at),
        expire_time=timestamp(found.ends_at),
        ip_address=found.ip_address,
        user_agent=found.user_agent,
        restricted=found.restricted,
    )


def _assigned(held: Held) -> pb.AssignedRole:
    holding = held.holding
    return pb.AssignedRole(role=f"roles/{holding.role}", scope=holding.place.name, from_time=timestamp(held.from_at))


def _given(roles: Iterable[pb.AssignedRole]) -> tuple[GivenRole, ...]:
    return tuple(_role(one) for one in roles)


def _role(message: Any) -> GivenRole:
    return GivenRole(names.role(message.role), message.scope)
