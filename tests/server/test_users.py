"""Users as callers invite, see and change them, and in which words the log tells of it."""

import pytest

from fealty.v1 import access_pb2, audit_pb2
from fealty.v1 import users_pb2 as pb
from rules.access import Role
from server import limits
from storage.access import emailed_tokens
from storage.access.authenticating import LOGIN_IDLE_S
from storage.logins.records import Purpose
from tests.personal import ACCESS
from tests.server.club import NAME, WHY, Club
from tests.server.logging_in import EMAIL, PASSWORD, Console
from tests.server.peopled import (
    archive,
    assign,
    at_work,
    client_of,
    end,
    found,
    greta,
    id_of,
    invited,
    lock,
    logged_in,
    partner,
    role,
)
from tests.server.serving import activities, fresh, told

HAND = " (Administrator admin for u-17, GOODWILL)."


async def _sentences(club: Club) -> list[str]:
    """What was done to users, oldest first."""
    told_of = ("user.", "role.", "second_factor.", "login.")
    done = [one for one in await activities(club.admin) if one.action.startswith(told_of)]
    return [one.description for one in reversed(done)]


async def test_the_log_tells_of_users_by_name_who_did_what_and_why(club: Club) -> None:
    """Access control is the first thing that an auditor reads: each sentence says who, whom, where, by whom and why."""
    acme = partner(club, "club")
    user = (await invited(club, role("STAFF", NAME), role("AUDITOR", acme))).name
    for changed in (pb.User(name=user, language_code="cy"), pb.User(name=user, display_name="Gwen")):
        await club.admin.users.UpdateUser(pb.UpdateUserRequest(user=changed, request_id=fresh()))
    await assign(club.admin, user, role("OPERATOR"))
    await end(club.admin, user, role("OPERATOR"))
    logged_in(club, user)
    await lock(club.admin, user)
    await club.admin.users.UnlockUser(pb.UnlockUserRequest(name=user, reason=WHY, request_id=fresh()))
    await archive(club.admin, user)
    await club.admin.users.UnarchiveUser(
        pb.UnarchiveUserRequest(name=user, reason=WHY, roles=[role("STAFF")], request_id=fresh())
    )
    await club.admin.users.ResendInvitation(pb.ResendInvitationRequest(name=user, request_id=fresh()))
    assert await _sentences(club) == [
        "User Gwen invited, as staff in program club and auditor in partner acme (Administrator admin).",
        "Language of user Gwen updated (Administrator admin).",
        "Name of user Gwen updated (Administrator admin).",
        f"Role operator given to user Gwen in all programs{HAND}",
        f"Role operator taken from user Gwen in all programs{HAND}",
        f"User Gwen locked, and 1 login ended{HAND}",
        f"User Gwen unlocked{HAND}",
        f"User Gwen archived{HAND}",
        f"User Gwen unarchived, as staff in all programs{HAND}",
        "Invitation sent to user Gwen again (Administrator admin).",
    ]


async def test_a_user_without_a_name_any_more_is_none_in_the_log(club: Club) -> None:
    """The record has an id: with the name, the person is gone from every sentence."""
    user = await invited(club)
    club.served.execute("UPDATE app_user SET display_name = '', email = id WHERE id = %s", id_of(user.name))
    assert await _sentences(club) == ["A user invited (Administrator admin)."]


async def test_a_lock_says_itself_in_one_login_s_next_call(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with revoked keys: as soon as a server asks again whom a login speaks for."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    client, name = await client_of(club, role("ADMINISTRATOR"), name="Otto")
    await found(client, name)
    await lock(club.admin, (await at_work(club, role("ADMINISTRATOR"), name="Wanda")).name)
    await at_work(club, role("ADMINISTRATOR"), name="Zoe")
    await lock(club.admin, name)
    assert (await told(found(client, name))).reason == "KEY_INVALID"


async def test_an_update_keeps_the_address_and_says_which_fields_it_may_change(club: Club) -> None:
    """Whoever could move an address could have a password set again by a mail of his own."""
    user = await invited(club)
    for mask, given, reason in (
        (["email"], {"email": "otto@example.com"}, "UPDATE_MASK_INVALID"),
        ([], {"email": "otto@example.com"}, "FIELD_FIXED"),
        ([], {"state": pb.USER_STATE_ACTIVE}, "FIELD_FIXED"),
        ([], {"display_name": "G", "etag": '"9"'}, "STALE_ETAG"),
    ):
        changed = pb.User(name=user.name, **given)
        asked = pb.UpdateUserRequest(user=changed, update_mask={"paths": mask}, request_id=fresh())
        assert (await told(club.admin.users.UpdateUser(asked))).reason == reason
    user.display_name = "Gwen"
    answer = await club.admin.users.UpdateUser(pb.UpdateUserRequest(user=user, request_id=fresh()))
    assert answer.user.display_name == "Gwen"
    again = await club.admin.users.UpdateUser(pb.UpdateUserRequest(user=answer.user, request_id=fresh()))
    assert again.receipt.activity == ""


async def test_an_invitation_is_mailed_and_names_nobody_in_its_task(club: Club) -> None:
    """The broker is read by anybody in the house."""
    await invited(club, role("STAFF", NAME))
    [(template, person, program)] = club.served.rows(
        "SELECT m.template, u.email, p.program_id FROM mail m JOIN app_user u ON u.id = m.person"
        " LEFT JOIN program p ON p.id = m.program"
    )
    assert (template, person, program) == ("invitation", "gwendolyn@example.com", "club")
    assert "example.com" not in str(club.served.rows("SELECT * FROM task"))


async def test_whoever_accepts_an_invitation_is_at_work_with_the_roles_of_it_until_locked(club: Club) -> None:
    """From the mail to the last login, through every part: what one makes, the next takes."""
    user = (await invited(club, role("PARTNER", partner(club, "club")), email=EMAIL)).name
    [(token,)] = club.served.rows("SELECT id FROM emailed_token WHERE person = %s", id_of(user))
    text = emailed_tokens.text_of(ACCESS, token, Purpose.INVITATION)
    console = Console(club.served)
    await console.call("AcceptInvitation", access_pb2.AcceptInvitationRequest(token=text, password=PASSWORD))
    assert (await found(club.admin, user)).state == pb.USER_STATE_ACTIVE
    known = await console.come_in()
    petra = club.served.client(known.token)
    assert [one.name for one in (await petra.users.ListUsers(pb.ListUsersRequest())).users] == [user]
    [login] = (await club.admin.users.ListLogins(pb.ListLoginsRequest(parent=user))).logins
    assert login.name.startswith(f"{user}/logins/")
    await lock(club.admin, user)
    assert not (await club.admin.users.ListLogins(pb.ListLoginsRequest(parent=user))).logins
    assert (await told(console.log_in())).reason == "LOGIN_FAILED"
    await club.admin.users.UnlockUser(pb.UnlockUserRequest(name=user, reason=WHY, request_id=fresh()))
    assert (await console.come_in()).token != known.token


async def test_who_is_in_is_listed_with_from_where_and_since_when(club: Club) -> None:
    """Whoever looks for a stranger's login sees the address, the browser, and when it was used last."""
    logged_in(club, greta(club))
    [login] = (await club.admin.users.ListLogins(pb.ListLoginsRequest(parent=greta(club)))).logins
    assert (login.ip_address, login.user_agent, login.restricted) == ("192.0.2.1", "Firefox", False)
    assert login.expire_time.seconds > login.use_time.seconds + LOGIN_IDLE_S
    revoked = pb.RevokeLoginRequest(name=login.name, reason=WHY, request_id=fresh())
    assert (await club.admin.users.RevokeLogin(revoked)).login.name == login.name
    assert not (await club.admin.users.ListLogins(pb.ListLoginsRequest(parent=greta(club)))).logins


async def test_whoever_looks_at_users_is_recorded_and_sees_whole_addresses(club: Club) -> None:
    """Addresses of people are personal data, also those of colleagues."""
    user = await invited(club)
    auditor = club.served.client(club.served.key("auditor", Role.AUDITOR))
    assert (await found(auditor, user.name)).email == "gwendolyn@example.com"
    await auditor.users.ListUsers(pb.ListUsersRequest())
    looked = [one for one in await activities(club.admin) if one.actor.display_name == "auditor"]
    assert [one.description for one in looked] == [
        "1 user listed (Staff auditor).",
        "User Gwendolyn looked at (Staff auditor).",
    ]


async def test_a_page_of_the_log_with_users_names_each_of_them(club: Club) -> None:
    """However many there are, they are looked up at once."""
    for name in ("Anna", "Berta", "Clara"):
        await invited(club, name=name)
    listed = await club.admin.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-"))
    found_of = [one.description.split(" ")[1] for one in listed.activities if one.action == "user.invited"]
    assert found_of == ["Clara", "Berta", "Anna"]
