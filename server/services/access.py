"""AccessService: logging in, and what a user is known by.

What fails before anybody is known leaves a record of the account, where there is one, and tells its caller the same
where there is none, after the same statements and the same work.
"""

from collections.abc import Callable
from typing import TypeVar

from fealty.v1 import access_pb2 as pb
from rules import passwords as rules
from rules.activity import CODE_FAILED, LOGIN_FAILED, Kind
from rules.logins import (
    ChallengeOver,
    CodeWrong,
    LoginFailed,
    LoginNotFound,
    NotAUser,
    PasswordUnfit,
    PasswordWrong,
    TokenNotUsable,
    why_not,
)
from server.call import Attempted, Call
from server.convert import access
from server.guarding import EMAILED_TOKENS, LOGIN_CODES, LOGINS, RESETS
from server.paging import Pages, page_size
from server.passwords import Passwords
from storage.books import Books
from storage.engine.database import Connection
from storage.engine.unit import Unit
from storage.logins import accounts, challenges, ending, enrolling, hashing, logging_in, passwords, queries
from storage.logins.accounts import Known
from storage.logins.challenges import Challenge
from storage.logins.records import Purpose

Result = TypeVar("Result")

# Whose share of the books' threads those have that nobody knows yet.
_NOBODYS = "logging in"


class Access:
    """One's own access."""

    service = "fealty.v1.AccessService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._passwords = Passwords()

    async def LogIn(self, call: Call, message: pb.LogInRequest) -> pb.LogInResponse:
        email = message.email.lower()
        async with LOGINS.attempt(call, email, LoginFailed):
            with self._passwords.place():
                known = await self._find(call, lambda books: accounts.by_email(books, email))
                # Of whom nobody may log in it is nobody's password that is checked.
                phc = known.account.phc if known is not None and known.account.state == "ACTIVE" else ""
                matches = await self._passwords.match(message.password, phc)
                _attempt(call, LOGIN_FAILED, known)
                if why := why_not(known.account if known is not None else None, matches):
                    call.details = {"why": why}
                    raise LoginFailed
                assert known is not None, "nobody's password matches nothing"
                new_phc = await self._passwords.derive(message.password) if hashing.is_old(phc) else ""
            begun = await self._act(call, lambda unit: logging_in.begin(unit, known, call.origin, new_phc))
        return access.begun(known.account.person, begun)

    async def RequestCode(self, call: Call, message: pb.RequestCodeRequest) -> pb.RequestCodeResponse:
        challenge, known = await self._challenged(call, message.challenge)
        await self._act(call, lambda unit: logging_in.request_code(unit, known, challenge, call.origin))
        return pb.RequestCodeResponse()

    async def VerifyCode(self, call: Call, message: pb.VerifyCodeRequest) -> pb.VerifyCodeResponse:
        call.attempted = Attempted(CODE_FAILED, call.caller)
        challenge, known = await self._challenged(call, message.challenge)
        _attempt(call, CODE_FAILED, known)
        way, typed = access.way(message), "".join(message.code.split())
        call.details = {"way": way}
        async with LOGIN_CODES.attempt(call, known.account.person, CodeWrong):
            found = await self._act(
                call, lambda unit: logging_in.verify(unit, known, challenge, way, typed, call.origin)
            )
            if not isinstance(found, logging_in.LoggedIn):
                raise found
        return pb.VerifyCodeResponse(login=access.issued(known.account.person, found))

    async def AcceptInvitation(self, call: Call, message: pb.AcceptInvitationRequest) -> pb.AcceptInvitationResponse:
        phc = await self._chosen(call, message.token, Purpose.INVITATION, message.password, message.display_name)
        name, origin = message.display_name.strip(), call.origin
        person = await self._act(call, lambda unit: passwords.accept_invitation(unit, message.token, phc, name, origin))
        return pb.AcceptInvitationResponse(user=f"users/{person}")

    async def RequestPasswordReset(
        self, call: Call, message: pb.RequestPasswordResetRequest
    ) -> pb.RequestPasswordResetResponse:
        email = message.email.lower()
        async with RESETS.attempt(call, email):
            # Each counts: what is limited is mail.
            RESETS.failed(call, email)
            await self._act(call, lambda unit: passwords.request_reset(unit, email, call.origin))
        return pb.RequestPasswordResetResponse()

    async def ResetPassword(self, call: Call, message: pb.ResetPasswordRequest) -> pb.ResetPasswordResponse:
        phc = await self._chosen(call, message.token, Purpose.RESET, message.new_password, "")
        await self._act(call, lambda unit: passwords.reset(unit, message.token, phc, call.origin))
        call.forget()
        return pb.ResetPasswordResponse()

    async def LogOut(self, call: Call, message: pb.LogOutRequest) -> pb.LogOutResponse:
        login = _user(call)
        await self._act(call, lambda unit: ending.end(unit, call.caller, login, call.origin, "LOGOUT"))
        call.forget()
        return pb.LogOutResponse()

    async def ChangePassword(self, call: Call, message: pb.ChangePasswordRequest) -> pb.ChangePasswordResponse:
        _user(call)
        known = await self._confirmed(call, message.password)
        _check_fit(message.new_password, known)
        if rules.normalised(message.new_password) == rules.normalised(message.password):
            raise PasswordUnfit(what=rules.SAME)
        with self._passwords.place():
            phc = await self._passwords.derive(message.new_password)
        ended = await self._act(call, lambda unit: passwords.change(unit, known, call.caller, call.origin, phc))
        call.forget()
        return pb.ChangePasswordResponse(login_ended=ended)

    async def BeginTotp(self, call: Call, message: pb.BeginTotpRequest) -> pb.BeginTotpResponse:
        _user(call)
        known = await self._confirmed(call, message.password)
        begun = await self._act(call, lambda unit: enrolling.begin_totp(unit, known, call.origin))
        return pb.BeginTotpResponse(secret=begun.secret, uri=begun.uri)

    async def ConfirmTotp(self, call: Call, message: pb.ConfirmTotpRequest) -> pb.ConfirmTotpResponse:
        _user(call)
        typed = "".join(message.code.split())
        async with LOGIN_CODES.attempt(call, call.caller.user, CodeWrong):
            codes = await self._act(call, lambda unit: enrolling.confirm_totp(unit, call.caller, typed, call.origin))
        return pb.ConfirmTotpResponse(recovery_codes=codes)

    async def RemoveTotp(self, call: Call, message: pb.RemoveTotpRequest) -> pb.RemoveTotpResponse:
        _user(call)
        known = await self._confirmed(call, message.password)
        await self._act(call, lambda unit: enrolling.remove_totp(unit, known, call.origin))
        return pb.RemoveTotpResponse()

    async def CreateRecoveryCodes(
        self, call: Call, message: pb.CreateRecoveryCodesRequest
    ) -> pb.CreateRecoveryCodesResponse:
        _user(call)
        known = await self._confirmed(call, message.password)
        codes = await self._act(call, lambda unit: enrolling.create_recovery_codes(unit, known, call.origin))
        return pb.CreateRecoveryCodesResponse(recovery_codes=codes)

    async def ListMyLogins(self, call: Call, message: pb.ListMyLoginsRequest) -> pb.ListMyLoginsResponse:
        this, person = _user(call), call.caller.user
        after, size = self._pages.position(message, message.page_token), page_size(message.page_size)
        found = await self._find(call, lambda books: queries.page(books, person, after, size + 1))
        following = self._pages.token(message, found[size - 1].id) if len(found) > size else ""
        shown = [access.own_login(person, login, this) for login in found[:size]]
        return pb.ListMyLoginsResponse(logins=shown, next_page_token=following)

    async def EndMyLogin(self, call: Call, message: pb.EndMyLoginRequest) -> pb.EndMyLoginResponse:
        _user(call)
        _, person, _, login = message.name.split("/")
        if person != call.caller.user:
            raise LoginNotFound
        await self._act(call, lambda unit: ending.end(unit, call.caller, login, call.origin, "REVOKED"))
        call.forget()
        return pb.EndMyLoginResponse()

    async def _act(self, call: Call, act: Callable[[Unit], Result]) -> Result:
        return await self._books.log_in(call.caller.id or _NOBODYS, act)

    async def _find(self, call: Call, read: Callable[[Connection], Result]) -> Result:
        return await self._books.look_up(call.caller.id or _NOBODYS, lambda books, _: read(books))

    async def _challenged(self, call: Call, text: str) -> tuple[Challenge, Known]:
        """A challenge, and whom it is of. Raises ChallengeOver."""
        challenge = challenges.parse(text)
        identity, secret_hash = challenge.id, challenge.secret_hash
        known = await self._find(call, lambda books: accounts.by_challenge(books, identity, secret_hash))
        if known is None:
            raise ChallengeOver
        _attempt(call, call.origin.kind, known)
        return challenge, known

    async def _chosen(self, call: Call, token: str, purpose: Purpose, password: str, name: str) -> str:
        """The hash of a password that whoever a token was mailed to chose. Raises TokenNotUsable, PasswordUnfit."""
        async with EMAILED_TOKENS.attempt(call, "-", TokenNotUsable):
            known = await self._books.look_up(
                _NOBODYS, lambda books, keyring: passwords.whose(books, keyring, token, purpose)
            )
        _attempt(call, call.origin.kind, known)
        _check_fit(password, known, name)
        with self._passwords.place():
            if known.account.phc and await self._passwords.match(password, known.account.phc):
                raise PasswordUnfit(what=rules.SAME)
            return await self._passwords.derive(password)

    async def _confirmed(self, call: Call, password: str) -> Known:
        """The user who calls, having typed their password again. Raises PasswordWrong."""
        person = call.caller.user
        async with LOGIN_CODES.attempt(call, person, PasswordWrong):
            with self._passwords.place():
                known = await self._find(call, lambda books: accounts.by_id(books, person))
                if known is None or not await self._passwords.match(password, known.account.phc):
                    raise PasswordWrong
        return known


def _user(call: Call) -> str:
    """The login that a user calls with. Raises NotAUser."""
    if not call.caller.login:
        raise NotAUser
    # Whatever it is about, it is about the user.
    call.about(f"users/{call.caller.user}")
    call.program = call.caller.only_program
    return call.caller.login


def _attempt(call: Call, kind: Kind, known: Known | None) -> None:
    """Notes what it was to the log if it fails, and whose account it was."""
    call.attempted = Attempted(kind, known.caller if known is not None else call.caller)
    if known is not None:
        call.about(f"users/{known.account.person}")


def _check_fit(password: str, known: Known, name: str = "") -> None:
    """Raises PasswordUnfit."""
    if what := rules.flaw(rules.normalised(password), known.email, name or known.caller.name):
        raise PasswordUnfit(what=what)
