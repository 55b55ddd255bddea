"""Logging in: two steps, each good once, and what a login may do."""

import asyncio
from typing import Any

import pytest
from grpc import StatusCode

from fealty.v1 import access_pb2 as pb
from fealty.v1 import points_pb2, roles_pb2
from rules.access import Permission, Role
from server.policy import methods
from storage.logins.records import Purpose
from tests.server.logging_in import (
    EMAIL,
    NEW_PASSWORD,
    PASSWORD,
    REQUESTS,
    Console,
    expire,
    mailed_codes,
    make_user,
    token_of,
)
from tests.server.serving import PLAIN, Client, Served, activities, told

METHODS = {method.name: method for method in methods() if method.service == "fealty.v1.AccessService"}
_OF_NOBODY = {name for name, method in METHODS.items() if method.permission is Permission.ANYONE}
BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)


async def test_a_user_logs_in_with_a_password_and_a_code_that_is_mailed(server: Served) -> None:
    """From nothing to a call that the role permits, each step in the log as theirs."""
    user = make_user(server.database)
    console = Console(server)
    begun = await console.log_in(EMAIL.upper())
    assert list(begun.ways) == [pb.FACTOR_WAY_MAIL]
    login = await console.verify(begun.challenge, await console.mailed(begun.challenge))
    assert login.name.startswith(f"users/{user.id}/logins/")
    assert (login.idle_max_s, login.restricted) == (1800, False)
    known = Console(server, login.token)
    await Client(known.channel).points.GetBalance(BALANCE, metadata=known.metadata)
    seen = await activities(server.admin, "programs/coffee", type="ACTIVITY_TYPE_AUTH")
    assert [(one.action, one.actor.name) for one in reversed(seen)] == [
        (action, f"callers/{user.id}")
        for action in ("login.begun", "code.requested", "code.verified", "login.succeeded")
    ]
    assert seen[0].actor.user_agent == "Console/1.0"
    assert seen[0].description == "Logged in (Staff Anna Held)."


async def test_a_given_password_is_changed_first_and_nothing_else_is_permitted_before(server: Served) -> None:
    """Whoever gave it knows it: until it is changed it opens nothing."""
    make_user(server.database, role=Role.ADMINISTRATOR, program="", must_change=True)
    begun = await Console(server).log_in()
    assert not begun.challenge
    assert begun.login.restricted
    console = Console(server, begun.login.token)
    denied = await told(Client(console.channel).points.GetBalance(BALANCE, metadata=console.metadata))
    assert denied.reason == "PASSWORD_UNCHANGED"
    same = pb.ChangePasswordRequest(password=PASSWORD, new_password=PASSWORD)
    unchanged = await told(console.call("ChangePassword", same))
    assert (unchanged.reason, unchanged.facts["what"]) == ("PASSWORD_UNFIT", "it is the one that you have")
    change = pb.ChangePasswordRequest(password=PASSWORD, new_password=NEW_PASSWORD)
    assert (await console.call("ChangePassword", change)).login_ended
    assert (await told(Console(server).log_in())).reason == "LOGIN_FAILED"
    await Console(server).come_in(password=NEW_PASSWORD)


async def test_a_restricted_login_is_denied_every_call_but_what_it_is_for(server: Served) -> None:
    """Of an administrator, who may do everything: generated from the contract, so that a new call is denied, too. What
    everybody may do about themselves is among them: with recovery codes, or an authenticator, whoever gave the password
    would pass the second factor."""
    make_user(server.database, role=Role.ADMINISTRATOR, program="", must_change=True)
    console = await Console(server).come_in()
    may = {"ChangePassword", "LogOut", "ListMyPermissions"}
    asked = [method for method in methods() if method.permission is not Permission.ANYONE and method.name not in may]
    assert {method.name for method in asked} > METHODS.keys() - may - _OF_NOBODY
    assert len(asked) > 90
    for method in asked:
        channel: Any = console.channel
        call = channel.stream_stream(method.path)(iter([b""]), metadata=console.metadata)
        answer = await told(call.read())
        assert (answer.code, answer.reason) == (StatusCode.PERMISSION_DENIED, "PASSWORD_UNCHANGED"), method.name
    mine = await Client(console.channel).roles.ListMyPermissions(
        roles_pb2.ListMyPermissionsRequest(), metadata=console.metadata
    )
    assert (mine.restricted, len(mine.grants)) == (True, 0)
    assert not server.rows("SELECT person FROM recovery_code")
    await console.call("LogOut", pb.LogOutRequest())
    assert (await told(console.call("LogOut", pb.LogOutRequest()))).reason == "KEY_INVALID"


async def test_whoever_logs_in_is_nobody_yet_whatever_they_call_with(server: Served) -> None:
    """A key that ended must not keep its owner from logging in, nor one that holds count for it."""
    make_user(server.database)
    for key in ("nonsense", server.till_key):
        begun = await Console(server, key).log_in()
        assert begun.challenge
    assert (await activities(server.admin, action="login.begun"))[0].actor.roles == ["STAFF"]


async def test_a_challenge_is_good_once_for_a_while_and_for_its_own_user(server: Served) -> None:
    """Whoever finds an old one, or has one of their own, must not get in by it."""
    make_user(server.database)
    make_user(server.database, "ben@coffee.example")
    console = Console(server)
    one, other = await console.log_in(), await console.log_in("ben@coffee.example")
    code = await console.mailed(one.challenge)
    # Ben's challenge takes no code of Anna's, and hers no other secret.
    assert (await told(console.verify(other.challenge, code))).reason == "CODE_WRONG"
    assert (await told(console.verify(other.challenge, "\uff11\U0001f40e"))).reason == "CODE_WRONG"
    for wrong in (one.challenge[:-1] + "x", one.challenge.partition("-")[0], "-", "x" * 128):
        assert (await told(console.verify(wrong, code))).reason == "CHALLENGE_OVER"
    await console.verify(one.challenge, code)
    again = await told(console.verify(one.challenge, code))
    assert (again.code, again.reason) == (StatusCode.UNAUTHENTICATED, "CHALLENGE_OVER")
    late = await console.log_in()
    code = await console.mailed(late.challenge)
    expire(server, "login_challenge")
    assert (await told(console.verify(late.challenge, code))).reason == "CHALLENGE_OVER"
    assert (await told(console.mailed(late.challenge))).reason == "CHALLENGE_OVER"


async def test_the_fifth_wrong_code_ends_the_challenge(server: Served) -> None:
    """Six digits are found in no time by who may try them all."""
    user = make_user(server.database)
    console = Console(server)
    begun = await console.log_in()
    code = await console.mailed(begun.challenge)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    reasons = [(await told(console.verify(begun.challenge, wrong))).reason for _ in range(6)]
    assert reasons == ["CODE_WRONG"] * 5 + ["CHALLENGE_OVER"]
    assert (await told(console.verify(begun.challenge, code))).reason == "CHALLENGE_OVER"
    failed = await activities(server.admin, action="code.failed")
    assert [one.subject for one in failed[-5:]] == [f"users/{user.id}"] * 5
    assert {one.actor.type for one in failed} == {7}


async def test_wrong_codes_that_come_at_once_are_counted_one_by_one(server: Served) -> None:
    """Twenty at once are no more than five."""
    make_user(server.database)
    console = Console(server)
    begun = await console.log_in()
    code = await console.mailed(begun.challenge)
    wrong = [f"{(int(code) + number) % 1_000_000:06}" for number in range(1, 21)]
    answers = await asyncio.gather(*(told(console.verify(begun.challenge, one)) for one in wrong))
    reasons = [answer.reason for answer in answers]
    assert reasons.count("CODE_WRONG") == 5
    assert set(reasons) <= {"CODE_WRONG", "CHALLENGE_OVER", "TOO_MANY_ATTEMPTS"}


async def test_a_new_code_voids_the_one_before_and_each_ends(server: Served) -> None:
    """A mailbox that is read later must open nothing."""
    make_user(server.database)
    console = Console(server)
    begun = await console.log_in()
    first, second = await console.mailed(begun.challenge), await console.mailed(begun.challenge)
    assert (await told(console.verify(begun.challenge, first))).reason == "CODE_WRONG"
    expire(server, "login_code")
    assert (await told(console.verify(begun.challenge, second))).reason == "CODE_WRONG"
    third = await console.mailed(begun.challenge)
    await console.verify(begun.challenge, f" {third[:3]} {third[3:]} ")


async def test_no_more_than_a_few_codes_are_mailed(server: Served) -> None:
    """Who knows the password could fill the mailbox; however many challenges they begin."""
    make_user(server.database)
    console = Console(server)
    asked = [await console.log_in() for _ in range(3)]
    calls = [pb.RequestCodeRequest(challenge=one.challenge) for one in asked for _ in range(4)]
    answers = await asyncio.gather(*(console.call("RequestCode", call) for call in calls), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 5
    assert len(mailed_codes(server.database)) == 5
    refused = await told(console.call("RequestCode", calls[0]))
    assert refused.reason == "TOO_MANY_ATTEMPTS"
    assert 0 < int(refused.facts["retry_after_s"]) <= 15 * 60


async def test_of_the_same_code_twice_at_once_one_gets_in(server: Served) -> None:
    """On one challenge, and on two of the same user: with an authenticator, a code is one for all challenges."""
    make_user(server.database)
    known = await Console(server).come_in()
    device, _ = await known.enroll()
    console = Console(server)
    begun = [await console.log_in() for _ in range(4)]
    code = device.code()
    tried = [console.verify(one.challenge, code, "TOTP") for one in (*begun, *begun)]
    answers = await asyncio.gather(*tried, return_exceptions=True)
    assert sum(isinstance(answer, pb.IssuedLogin) for answer in answers) == 1


async def test_a_user_who_is_locked_while_logging_in_does_not_get_in(server: Served) -> None:
    """Nor by what was begun before, when they are unlocked."""
    make_user(server.database)
    console = Console(server)
    begun = await console.log_in()
    code = await console.mailed(begun.challenge)
    server.execute("UPDATE app_user SET state = 'LOCKED'")
    assert (await told(console.verify(begun.challenge, code))).reason == "CHALLENGE_OVER"
    assert (await told(console.mailed(begun.challenge))).reason == "CHALLENGE_OVER"
    assert (await told(console.log_in())).reason == "LOGIN_FAILED"


async def test_a_changed_password_ends_all_other_logins_and_what_was_begun(server: Served) -> None:
    """It is changed because somebody else knew it."""
    make_user(server.database)
    first, second = await Console(server).come_in(), await Console(server).come_in()
    begun = await Console(server).log_in()
    code = await Console(server).mailed(begun.challenge)
    change = pb.ChangePasswordRequest(password=PASSWORD, new_password=NEW_PASSWORD)
    assert not (await first.call("ChangePassword", change)).login_ended
    listed = await first.call("ListMyLogins", pb.ListMyLoginsRequest())
    assert [one.is_this for one in listed.logins] == [True]
    assert (await told(Console(server).verify(begun.challenge, code))).reason == "CHALLENGE_OVER"
    assert (await told(second.call("LogOut", pb.LogOutRequest()))).reason == "KEY_INVALID"
    ended = await activities(server.admin, "programs/coffee", action="login.ended")
    assert [one.description for one in ended] == ["Login ended, because the password was changed (Staff Anna Held)."]
    assert (await told(first.call("ChangePassword", change))).reason == "PASSWORD_WRONG"


async def test_a_login_is_listed_ended_and_over(server: Served) -> None:
    """Somebody who left a computer open ends that login from home; and each ends by itself."""
    make_user(server.database)
    home, office = await Console(server).come_in(), await Console(server).come_in()
    listed = await home.call("ListMyLogins", pb.ListMyLoginsRequest(page_size=1))
    rest = await home.call("ListMyLogins", pb.ListMyLoginsRequest(page_size=1, page_token=listed.next_page_token))
    assert [one.is_this for one in (*listed.logins, *rest.logins)] == [False, True]
    assert listed.logins[0].ip_address == "127.0.0.1"
    await home.call("EndMyLogin", pb.EndMyLoginRequest(name=listed.logins[0].name))
    again = pb.EndMyLoginRequest(name=listed.logins[0].name)
    assert (await told(home.call("EndMyLogin", again))).reason == "LOGIN_NOT_FOUND"
    assert (await told(office.call("LogOut", pb.LogOutRequest()))).reason == "KEY_INVALID"
    over = (
        "UPDATE login SET created_at = created_at - interval '31 min'; DELETE FROM credential_use",
        "UPDATE login SET ends_at = ends_at - interval '12 h 1 s'",
    )
    for statement in over:
        console = await Console(server).come_in()
        server.execute(statement)
        server.app.interceptors._keys._known.clear()
        assert (await told(console.call("LogOut", pb.LogOutRequest()))).reason == "KEY_INVALID"
    console = await Console(server).come_in()
    await console.call("LogOut", pb.LogOutRequest())
    assert (await told(console.call("LogOut", pb.LogOutRequest()))).reason == "KEY_INVALID"


async def test_nobody_ends_a_login_of_another(server: Served) -> None:
    """Names of logins stand in the log."""
    make_user(server.database)
    make_user(server.database, "ben@coffee.example")
    anna, ben = await Console(server).come_in(), await Console(server).come_in("ben@coffee.example")
    [login] = (await anna.call("ListMyLogins", pb.ListMyLoginsRequest())).logins
    assert (await told(ben.call("EndMyLogin", pb.EndMyLoginRequest(name=login.name)))).reason == "LOGIN_NOT_FOUND"
    await anna.call("LogOut", pb.LogOutRequest())


OF_USERS = [name for name, method in METHODS.items() if method.permission is Permission.OWN]


@pytest.mark.parametrize("name", OF_USERS)
async def test_a_service_has_no_login_to_do_anything_about(server: Served, name: str) -> None:
    """A key has no password; what it does is ended by revoking it."""
    answer = await told(Console(server, server.till_key).call(name, REQUESTS[name]))
    assert (answer.code, answer.reason) == (StatusCode.PERMISSION_DENIED, "NOT_A_USER")
    assert (await told(Console(server).call(name, REQUESTS[name]))).reason == "KEY_INVALID"


async def test_a_password_is_set_again_by_who_has_the_mailbox(server: Served) -> None:
    """Once, with the last token, within the hour; a second factor is asked for as before."""
    user = make_user(server.database)
    known = await Console(server).come_in()
    console = Console(server)
    first, second = (token_of(server.database, user.id, Purpose.RESET) for _ in range(2))
    reset = [pb.ResetPasswordRequest(token=one, new_password=NEW_PASSWORD) for one in (first, second)]
    assert (await told(console.call("ResetPassword", reset[0]))).reason == "TOKEN_NOT_USABLE"
    unfit = pb.ResetPasswordRequest(token=second, new_password="short")
    answer = await told(console.call("ResetPassword", unfit))
    assert (answer.reason, answer.facts["what"]) == ("PASSWORD_UNFIT", "it has fewer than 12 characters")
    # Whoever gave it, or found it out, knows the old one.
    same = await told(console.call("ResetPassword", pb.ResetPasswordRequest(token=second, new_password=PASSWORD)))
    assert (same.reason, same.facts["what"]) == ("PASSWORD_UNFIT", "it is the one that you have")
    answers = await asyncio.gather(*(console.call("ResetPassword", reset[1]) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(one, pb.ResetPasswordResponse) for one in answers) == 1
    assert (await told(known.call("LogOut", pb.LogOutRequest()))).reason == "KEY_INVALID"
    assert (await console.log_in(password=NEW_PASSWORD)).challenge
    late = token_of(server.database, user.id, Purpose.RESET)
    expire(server, "emailed_token")
    assert (
        await told(console.call("ResetPassword", pb.ResetPasswordRequest(token=late, new_password=PASSWORD)))
    ).reason == "TOKEN_NOT_USABLE"


async def test_whoever_was_invited_becomes_a_user_once(server: Served) -> None:
    """Until then nobody logs in with the address; and a token to set a password again invites nobody."""
    user = make_user(server.database, state="INVITED")
    console = Console(server)
    assert (await told(console.log_in())).reason == "LOGIN_FAILED"
    token = token_of(server.database, user.id, Purpose.INVITATION)
    wrong = pb.ResetPasswordRequest(token=token, new_password=NEW_PASSWORD)
    assert (await told(console.call("ResetPassword", wrong))).reason == "TOKEN_NOT_USABLE"
    accept = pb.AcceptInvitationRequest(token=token, password=NEW_PASSWORD, display_name="Anna B.")
    assert (await console.call("AcceptInvitation", accept)).user == f"users/{user.id}"
    assert (await told(console.call("AcceptInvitation", accept))).reason == "TOKEN_NOT_USABLE"
    assert server.rows("SELECT state, display_name FROM app_user") == [("ACTIVE", "Anna B.")]
    known = await console.come_in(password=NEW_PASSWORD)
    await known.call("LogOut", pb.LogOutRequest())
