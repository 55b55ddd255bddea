"""Logging in: what the contract shows of it."""

from typing import Any

from fealty.v1 import access_pb2 as pb
from rules.logins import Way
from server.convert.requests import timestamp
from server.policy import word
from storage.access.authenticating import LOGIN_IDLE_S
from storage.logins.logging_in import Challenged, LoggedIn
from storage.logins.queries import OwnLogin

_WAYS: dict[Way, Any] = {Way(word(pb.FactorWay, way, "FACTOR_WAY_")): way for way in pb.FactorWay.values() if way}


def way(message: pb.VerifyCodeRequest) -> Way:
    """The second factor that a code is of."""
    return Way(word(pb.FactorWay, message.way, "FACTOR_WAY_"))


def begun(person: str, answer: Challenged | LoggedIn) -> pb.LogInResponse:
    """What is answered to the right password."""
    if isinstance(answer, LoggedIn):
        return pb.LogInResponse(login=issued(person, answer))
    return pb.LogInResponse(
        challenge=answer.challenge.text,
        ways=[_WAYS[one] for one in answer.ways],
        expire_time=timestamp(answer.expires_at),
    )


def issued(person: str, login: LoggedIn) -> pb.IssuedLogin:
    """A login that was just made, with its token."""
    return pb.IssuedLogin(
        token=login.token.text,
        name=_name(person, login.token.id),
        expire_time=timestamp(login.ends_at),
        idle_max_s=LOGIN_IDLE_S,
        restricted=login.restricted,
    )


def own_login(person: str, found: OwnLogin, this: str) -> pb.OwnLogin:
    """One of a user's logins; `this` is the id of the one that they call with."""
    return pb.OwnLogin(
        name=_name(person, found.id),
        create_time=timestamp(found.created_at),
        use_time=timestamp(found.used_at),
        expire_time=timestamp(found.ends_at),
        ip_address=found.ip_address,
        user_agent=found.user_agent,
        restricted=found.restricted,
        is_this=found.id == this,
    )


def _name(person: str, login: str) -> str:
    return f"users/{person}/logins/{login}"
