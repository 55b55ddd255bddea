"""Users on their way in: made as an operator and an invitation would, what they send, and what they are mailed."""

import asyncio
import time
from base64 import b32decode
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import grpc.aio

from fealty.v1 import access_pb2 as pb
from fealty.v1 import access_pb2_grpc
from rules import totp
from rules.access import Role
from rules.activity import ADMINISTRATOR_CREATED, by_operator
from storage.access import assignments, emailed_tokens
from storage.access.records import UserRow
from storage.activity.commands import record
from storage.engine.database import Database, connection
from storage.engine.ids import new_uuid, typeid
from storage.engine.unit import Unit, run
from storage.logins import hashing, passwords
from storage.logins.records import Purpose
from tests.personal import ACCESS, KEYRING
from tests.server.serving import Served

EMAIL = "anna@coffee.example"
PASSWORD = "a mule eats glue at noon"
NEW_PASSWORD = "seven grey owls on a wire"
# Hashed once: it takes as long as it should.
_PHC = hashing.derive(PASSWORD)
AGENT = (("x-user-agent", "Console/1.0"),)


# A request of each call, of nobody there is.
REQUESTS: dict[str, Any] = {
    "LogIn": pb.LogInRequest(email="nobody@coffee.example", password=PASSWORD),
    "RequestCode": pb.RequestCodeRequest(challenge="0-0"),
    "VerifyCode": pb.VerifyCodeRequest(challenge="0-0", way=pb.FACTOR_WAY_MAIL, code="000000"),
    "AcceptInvitation": pb.AcceptInvitationRequest(token="0-0", password=PASSWORD),
    "RequestPasswordReset": pb.RequestPasswordResetRequest(email="nobody@coffee.example"),
    "ResetPassword": pb.ResetPasswordRequest(token="0-0", new_password=PASSWORD),
    "LogOut": pb.LogOutRequest(),
    "ChangePassword": pb.ChangePasswordRequest(password=PASSWORD, new_password=NEW_PASSWORD),
    "BeginTotp": pb.BeginTotpRequest(password=PASSWORD),
    "ConfirmTotp": pb.ConfirmTotpRequest(code="000000"),
    "RemoveTotp": pb.RemoveTotpRequest(password=PASSWORD),
    "CreateRecoveryCodes": pb.CreateRecoveryCodesRequest(password=PASSWORD),
    "ListMyLogins": pb.ListMyLoginsRequest(),
    "EndMyLogin": pb.EndMyLoginRequest(name=f"users/user_{'0' * 26}/logins/{'0' * 16}"),
}

# Longer than any call of these tests takes.
CALL_S = 4.0


class Authenticator(NamedTuple):
    """A secret, and the step in which it was enrolled: tests count from there, however slow they are."""

    secret: bytes
    step: int

    def code(self, steps: int = 0) -> str:
        """What it showed then, or so many steps later."""
        return totp.code(self.secret, self.step + steps)


class User(NamedTuple):
    """A user."""

    id: str
    email: str


def make_user(
    database: Database,
    email: str = EMAIL,
    state: str = "ACTIVE",
    role: Role | None = Role.STAFF,
    program: str = "coffee",
    must_change: bool = False,
) -> User:
    """A user who logs in with PASSWORD, in a role in a program (empty: everywhere)."""
    person = typeid("user", new_uuid().int)

    def make(unit: Unit) -> None:
        activity = record(unit, by_operator(ADMINISTRATOR_CREATED), f"users/{person}")
        unit.write()
        row = {"language_code": "", "version": 1, "created_at": unit.now, "updated_at": unit.now, "activity": activity}
        UserRow.insert(id=person, email=email, display_name="Anna Held", state=state, **row).execute()
        passwords.put(unit, person, _PHC, must_change, activity)
        if role is not None:
            assignments.assign(unit, person, role.value, assignments.of_program(program), activity)

    run(database, make)
    return User(person, email)


def token_of(database: Database, person: str, purpose: Purpose) -> str:
    """A token as it is mailed to a user."""

    def make(unit: Unit) -> str:
        unit.keyring = KEYRING
        activity = record(unit, by_operator(ADMINISTRATOR_CREATED), f"users/{person}")
        unit.write()
        return emailed_tokens.make(unit, person, purpose, activity)

    return run(database, make)


def mailed_codes(database: Database) -> list[str]:
    """The codes of all challenges, the newest last, as the mails have them."""
    with connection(database) as books:
        rows = books.execute("SELECT id::text FROM login_code ORDER BY created_at, id").fetchall()
    return [ACCESS.mailed_code(UUID(code)) for (code,) in rows]


class Console:
    """What a user's browser does; without a token nobody is logged in."""

    def __init__(self, server: Served, token: str = "", address: str = "") -> None:
        self.server = server
        self.channel = grpc.aio.insecure_channel(address or server.address)
        self.stub = access_pb2_grpc.AccessServiceStub(self.channel)
        self.metadata: Any = (*AGENT, *((("authorization", f"Bearer {token}"),) if token else ()))
        self.token = token

    async def call(self, name: str, message: Any, **more: Any) -> Any:
        """A call of the service."""
        return await getattr(self.stub, name)(message, metadata=self.metadata, **more)

    async def log_in(self, email: str = EMAIL, password: str = PASSWORD) -> pb.LogInResponse:
        """The first step."""
        answer = await self.call("LogIn", pb.LogInRequest(email=email, password=password))
        assert isinstance(answer, pb.LogInResponse)
        return answer

    async def verify(self, challenge: str, code: str, way: str = "MAIL") -> pb.IssuedLogin:
        """The second."""
        request = pb.VerifyCodeRequest(challenge=challenge, way=f"FACTOR_WAY_{way}", code=code)
        answer = await self.call("VerifyCode", request)
        assert isinstance(answer, pb.VerifyCodeResponse)
        return answer.login

    async def mailed(self, challenge: str) -> str:
        """The code that is mailed for a challenge."""
        await self.call("RequestCode", pb.RequestCodeRequest(challenge=challenge))
        return mailed_codes(self.server.database)[-1]

    async def come_in(self, email: str = EMAIL, password: str = PASSWORD) -> "Console":
        """All of it, with a code that is mailed; or, with a restricted login, what that is."""
        begun = await self.log_in(email, password)
        if begun.login.token:
            return Console(self.server, begun.login.token)
        login = await self.verify(begun.challenge, await self.mailed(begun.challenge))
        return Console(self.server, login.token)

    async def enroll(self, password: str = PASSWORD) -> tuple[Authenticator, list[str]]:
        """Enrolls an authenticator, with the code of the step before; answers it, and the recovery codes."""
        # With time for the call before the next step.
        while totp.STEP_S - time.time() % totp.STEP_S < CALL_S:
            await asyncio.sleep(0.1)
        begun = await self.call("BeginTotp", pb.BeginTotpRequest(password=password))
        authenticator = Authenticator(b32decode(begun.secret), totp.step_of(time.time()))
        confirmed = await self.call("ConfirmTotp", pb.ConfirmTotpRequest(code=authenticator.code(-1)))
        return authenticator, list(confirmed.recovery_codes)


def expire(server: Served, table: str, by: timedelta = timedelta(hours=13)) -> None:
    """All rows of a table end so much earlier."""
    column = {"login": "ends_at"}.get(table, "expires_at")
    server.execute(f"UPDATE {table} SET {column} = {column} - %s", by)
