"""Roles that are made of permissions, what one may oneself, and who held what on a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fealty.v1 import options_pb2, programs_pb2
from fealty.v1 import roles_pb2 as pb
from rules.access import PERMISSIONS, Role
from storage.access.credentials import CredentialKind, new_token
from tests.server.approving import acting_for
from tests.server.club import NAME, Club
from tests.server.crediting import DESK, EARN, READ, key, of_key, of_role, role, service_of
from tests.server.serving import Client, fresh, told

GET = programs_pb2.GetProgramRequest(name=NAME)
IN_CLUB = [pb.RoleInScope(role=DESK, scope=NAME)]


async def test_a_role_of_ones_own_permits_what_it_is_made_of(club: Club) -> None:
    """And from the moment it is changed, what it was changed to."""
    await role(club)
    made = await key(club, roles=IN_CLUB)
    desk = club.served.client(made.secret)
    await desk.programs.GetProgram(GET)
    changed = pb.Role(name=DESK, permissions=[EARN])
    await club.admin.roles.UpdateRole(pb.UpdateRoleRequest(role=changed, request_id=fresh()))
    assert (await told(desk.programs.GetProgram(GET))).reason == "PERMISSION_MISSING"


async def test_a_role_that_is_held_is_not_deleted_and_its_id_is_given_once(club: Club) -> None:
    """Somebody would lose what nobody took; and a report of last year must not tell of another role by that name."""
    await role(club)
    await key(club, roles=IN_CLUB)
    deleting = pb.DeleteRoleRequest(name=DESK, request_id=fresh())
    answer = await told(club.admin.roles.DeleteRole(deleting))
    assert (answer.reason, answer.facts["holders"]) == ("ROLE_HELD", "1")
    spare = (await club.admin.roles.CreateRole(of_role("spare"))).role
    await club.admin.roles.DeleteRole(pb.DeleteRoleRequest(name=spare.name, request_id=fresh()))
    assert (await told(club.admin.roles.GetRole(pb.GetRoleRequest(name=spare.name)))).reason == "ROLE_NOT_FOUND"
    assert (await told(club.admin.roles.CreateRole(of_role("spare")))).reason == "ROLE_EXISTS"


@pytest.mark.parametrize("built_in", Role)
async def test_no_role_is_called_like_one_of_every_installation(club: Club, built_in: Role) -> None:
    """`roles/administrator` beside `roles/ADMINISTRATOR`: tables, sentences and commands write both alike, and nobody
    would know which of them somebody holds."""
    answer = await told(club.admin.roles.CreateRole(of_role(built_in.lower())))
    assert (answer.reason, answer.facts["role"]) == ("ROLE_EXISTS", f"roles/{built_in.lower()}")


async def test_every_role_is_listed_with_what_it_permits(club: Club) -> None:
    """Those of every installation first: whoever gives one reads what it is."""
    await role(club)
    found: list[pb.Role] = []
    token = ""
    while True:
        page = await club.admin.roles.ListRoles(pb.ListRolesRequest(page_size=3, page_token=token))
        found += page.roles
        token = page.next_page_token
        if not token:
            break
    assert [one.name for one in found] == [*(f"roles/{one}" for one in Role), DESK]
    assert [one.built_in for one in found] == [True] * len(Role) + [False]
    for one, built_in in zip(found, Role, strict=False):
        assert [options_pb2.Permission.Name(held) for held in one.permissions] == [
            f"PERMISSION_{held}" for held in sorted(PERMISSIONS[built_in])
        ]


async def test_nobody_makes_a_role_of_what_he_does_not_hold_everywhere(club: Club) -> None:
    """Roles are the installation's: who may make them in one program would make himself strong in all."""
    maker = pb.Role(permissions=[options_pb2.PERMISSION_ROLES_WRITE, EARN])
    await club.admin.roles.CreateRole(pb.CreateRoleRequest(role_id="maker", role=maker, request_id=fresh()))
    everywhere, here = await _makers(club)
    assert (await told(here.roles.CreateRole(of_role("a", [EARN])))).reason == "PERMISSION_MISSING"
    assert (await told(everywhere.roles.CreateRole(of_role("b", [EARN, READ])))).reason == "GRANT_EXCEEDED"
    await everywhere.roles.CreateRole(of_role("c", [EARN]))
    own = pb.Role(name="roles/maker", permissions=[options_pb2.PERMISSION_ROLES_WRITE, EARN, READ])
    stronger = everywhere.roles.UpdateRole(pb.UpdateRoleRequest(role=own, request_id=fresh()))
    assert (await told(stronger)).reason == "GRANT_EXCEEDED"


async def test_everybody_may_ask_what_he_may(club: Club) -> None:
    """Whatever else he may not; in pages, like any list."""
    both = [pb.RoleInScope(role="roles/OPERATOR"), pb.RoleInScope(role="roles/STOREFRONT", scope=NAME)]
    made = await key(club, roles=both)
    client = club.served.client(made.secret)
    first = await client.roles.ListMyPermissions(pb.ListMyPermissionsRequest(page_size=1))
    second = await client.roles.ListMyPermissions(
        pb.ListMyPermissionsRequest(page_size=1, page_token=first.next_page_token)
    )
    assert (first.caller, first.restricted, second.next_page_token) == (service_of(made.key.name), False, "")
    assert {(one.role, one.scope) for one in (*first.grants, *second.grants)} == {(one.role, one.scope) for one in both}


async def test_who_must_change_the_password_first_is_told_so(club: Club) -> None:
    """And may nothing else until then, whatever roles wait for them."""
    token, user = new_token(CredentialKind.LOGIN), f"user_{'7' * 26}"
    activity = "(SELECT id FROM activity LIMIT 1)"
    club.served.execute(
        f"INSERT INTO app_user VALUES (%s, 'anna@example.com', 'Anna', '', 'ACTIVE', 1, now(), now(), {activity})", user
    )
    club.served.execute(
        "INSERT INTO role_assignment (id, holder, role, scope_kind, from_at, activity)"
        f" VALUES (gen_random_uuid(), %s, 'ADMINISTRATOR', 'ALL', now(), {activity})",
        user,
    )
    club.served.execute(
        "INSERT INTO login (id, person, secret_hash, restricted, ip_address, user_agent, created_at, ends_at, activity)"
        f" VALUES (%s, %s, %s, true, '', '', now(), now() + interval '1 hour', {activity})",
        *(token.id, user, token.secret_hash),
    )
    anna = club.served.client(token.text)
    mine = await anna.roles.ListMyPermissions(pb.ListMyPermissionsRequest())
    assert (mine.caller, mine.restricted, len(mine.grants)) == (f"users/{user}", True, 0)
    assert (await told(anna.programs.GetProgram(GET))).reason == "PASSWORD_UNCHANGED"
    club.served.execute("UPDATE login SET restricted = false")
    await key(club)
    mine = await anna.roles.ListMyPermissions(pb.ListMyPermissionsRequest())
    assert (mine.restricted, [one.role for one in mine.grants]) == (False, ["roles/ADMINISTRATOR"])


async def test_a_report_tells_who_held_what_on_a_day(club: Club) -> None:
    """Last year's question: who could have done this? Not who was given it since, but who lost it."""
    await role(club)
    made = await key(club, roles=IN_CLUB)
    holder = service_of(made.key.name)
    club.served.execute(
        "UPDATE role_assignment SET from_at = from_at - interval '3 days' WHERE holder = %s", holder[9:]
    )
    club.served.execute("UPDATE api_key SET created_at = created_at - interval '1 day' WHERE caller = %s", holder[9:])
    # The versions are never changed: the trigger is not there for what happened before it.
    with club.served.another_connection() as books, books.transaction():
        books.execute("ALTER TABLE role_version DISABLE TRIGGER append_only")
        books.execute("UPDATE role_version SET recorded_at = recorded_at - interval '9 days'")
        books.execute("ALTER TABLE role_version ENABLE ALWAYS TRIGGER append_only")
    changed = pb.Role(name=DESK, permissions=[options_pb2.PERMISSION_POINTS_SPEND])
    await club.admin.roles.UpdateRole(pb.UpdateRoleRequest(role=changed, request_id=fresh()))

    today, past = await _reported(club.admin, 0, holder), await _reported(club.admin, 2, holder)
    assert await _reported(club.admin, 4, holder) == []
    # Of the day on which it was changed, what it permitted before and since.
    assert [set(one.grant.permissions) for one in today] == [{EARN, READ, options_pb2.PERMISSION_POINTS_SPEND}]
    assert [set(one.grant.permissions) for one in past] == [{EARN, READ}]
    assert [(one.holder_name, one.grant.scope, one.use) for one in past] == [("desk", NAME, pb.HOLDER_USE_IMPOSSIBLE)]
    assert [one.use for one in today] == [pb.HOLDER_USE_POSSIBLE]
    spending = await _reported(club.admin, 0, permission=options_pb2.PERMISSION_POINTS_SPEND, program=NAME)
    assert {one.holder_name for one in spending} == {"admin", "till", "desk"}
    assert await _reported(club.admin, 2, holder, permission=options_pb2.PERMISSION_POINTS_SPEND) == []


async def test_a_report_of_today_tells_of_users_what_is_known(club: Club) -> None:
    """Who is active now could call today, and who never accepted an invitation could not; who was locked today may have
    before."""
    expected = {
        "anna": ("ACTIVE", None, pb.HOLDER_USE_POSSIBLE),
        "kim": ("INVITED", None, pb.HOLDER_USE_IMPOSSIBLE),
        "eve": ("ARCHIVED", "INVITED", pb.HOLDER_USE_IMPOSSIBLE),
        "frank": ("LOCKED", "ACTIVE", pb.HOLDER_USE_UNSPECIFIED),
    }
    for name, (state, returns_to, _) in expected.items():
        acting_for(club.served, name)
        club.served.execute(
            "UPDATE app_user SET state = %s, returns_to = %s WHERE display_name = %s", state, returns_to, name
        )
    found = {one.holder_name: one.use for one in await _reported(club.admin, 0)}
    assert {name: found[name] for name in expected} == {name: use for name, (_, _, use) in expected.items()}


async def test_a_report_shows_a_partner_its_own(club: Club) -> None:
    """Who works in other programs is nobody's business; nor which days are still to come."""
    partner = club.served.client(club.served.key("partner", Role.PARTNER, "club"))
    club.served.key("foreign", Role.SERVICE, "coffee")
    assert [one.holder_name for one in await _reported(partner, 0)] == ["partner"]
    tomorrow = told(partner.roles.ReportPermissions(_asked(-1)))
    assert (await tomorrow).reason == "INVALID_REQUEST"


async def _makers(club: Club) -> tuple[Client, Client]:
    """Who may make roles everywhere, and who in the club."""
    made = []
    for name, scope in (("everywhere", ""), ("here", NAME)):
        asked = of_key(name, [pb.RoleInScope(role="roles/maker", scope=scope)])
        made.append(club.served.client((await club.admin.credentials.CreateKey(asked)).secret))
    return made[0], made[1]


def _asked(days_ago: int, holder: str = "", **more: Any) -> pb.ReportPermissionsRequest:
    day = datetime.now(UTC).date() - timedelta(days=days_ago)
    told_as = {"year": day.year, "month": day.month, "day": day.day}
    return pb.ReportPermissionsRequest(day=told_as, holder=holder, **more)


async def _reported(client: Client, days_ago: int, holder: str = "", **more: Any) -> list[pb.HeldRole]:
    """All pages, of one each."""
    found: list[pb.HeldRole] = []
    token = ""
    while True:
        asked = _asked(days_ago, holder, page_size=1, page_token=token, **more)
        page = await client.roles.ReportPermissions(asked)
        found += page.held_roles
        token = page.next_page_token
        if not token:
            return found
