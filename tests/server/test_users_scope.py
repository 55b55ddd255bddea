"""Users and scope: a partner administers its own people, gives what it holds, and learns nothing of others'."""

from typing import Any

import pytest

from fealty.v1 import users_pb2 as pb
from rules.access import Role
from server import limits
from tests.server.club import NAME, WHY, Club
from tests.server.peopled import (
    archive,
    assign,
    at_work,
    client_of,
    end,
    found,
    invited,
    lock,
    partner,
    role,
)
from tests.server.serving import Client, activities, fresh, program, told

COFFEE = "programs/coffee"


class Two:
    """Two partners: acme, of the program `club`, whose user calls; and best, of `coffee`."""

    def __init__(self, club: Club, calls: Client, name: str, acme: str, best: str) -> None:
        self.club = club
        self.calls = calls
        self.name = name
        self.acme = acme
        self.best = best


@pytest.fixture
def two(runner: Any, club: Club) -> Two:
    """Both in one network."""

    async def made() -> Two:
        acme = partner(club, "club", network="north")
        best = partner(club, "coffee", partner_id="best")
        calls, name = await client_of(club, role("PARTNER", acme), name="Petra")
        return Two(club, calls, name, acme, best)

    two: Two = runner.run(made())
    return two


async def _listed(client: Client, **more: Any) -> list[str]:
    return [one.display_name for one in (await client.users.ListUsers(pb.ListUsersRequest(**more))).users]


async def test_a_partner_sees_its_own_people_and_of_them_the_roles_there(two: Two) -> None:
    """What is another's is not found, neither by name, nor in a list, nor by what else somebody holds."""
    mine = await at_work(two.club, role("STAFF", NAME), name="Mine")
    both = await at_work(two.club, role("STAFF", NAME), role("STAFF", COFFEE), name="Both")
    hers = await at_work(two.club, role("STAFF", COFFEE), name="Hers")
    above = await at_work(two.club, role("STAFF", "networks/north"), name="Above")
    nobody = await at_work(two.club, name="Nobody")
    assert await _listed(two.calls) == ["Petra", "Mine", "Both"]
    assert await _listed(two.calls, role="roles/STAFF", scope=COFFEE) == []
    assert await _listed(two.calls, text="hers") == []
    assert [one.scope for one in (await found(two.calls, both.name)).roles] == [NAME]
    assert (await found(two.calls, mine.name)).email == "mine@example.com"
    for other in (hers, above, nobody):
        assert (await told(found(two.calls, other.name))).reason == "USER_NOT_FOUND"
        assert (await told(lock(two.calls, other.name))).reason == "USER_NOT_FOUND"
        assert (await told(assign(two.calls, other.name, role("STAFF", NAME)))).reason == "USER_NOT_FOUND"


async def test_a_partner_administers_whose_roles_are_all_its_own(two: Two) -> None:
    """Somebody who also works for another is locked by who is above both; a role there, each takes for itself."""
    mine = await at_work(two.club, role("STAFF", NAME), name="Mine")
    both = await at_work(two.club, role("STAFF", NAME), role("STAFF", COFFEE), name="Both")
    assert (await lock(two.calls, mine.name)).state == pb.USER_STATE_LOCKED
    for act in (lock, archive):
        assert (await told(act(two.calls, both.name))).reason == "USER_ELSEWHERE"
    assert (await told(end(two.calls, both.name, role("STAFF", COFFEE)))).reason == "SCOPE_NOT_FOUND"
    left = await end(two.calls, both.name, role("STAFF", NAME))
    assert (left.display_name, list(left.roles)) == ("", [])
    assert [one.scope for one in (await found(two.club.admin, both.name)).roles] == [COFFEE]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (role("STAFF"), "GRANT_EXCEEDED"),
        (role("ADMINISTRATOR", NAME), "GRANT_EXCEEDED"),
        (role("ADMINISTRATOR"), "GRANT_EXCEEDED"),
        (role("STAFF", COFFEE), "SCOPE_NOT_FOUND"),
        (role("STAFF", "partners/best"), "SCOPE_NOT_FOUND"),
        (role("STAFF", "networks/north"), "SCOPE_NOT_FOUND"),
        (role("STAFF", "programs/nowhere"), "SCOPE_NOT_FOUND"),
    ],
    ids=str,
)
async def test_a_partner_gives_nothing_that_it_does_not_hold(two: Two, given: pb.AssignedRole, reason: str) -> None:
    """By no way: neither to somebody new, nor to its own people, nor with somebody's return. What is another's is not
    told apart from what there is not."""
    mine = await at_work(two.club, role("STAFF", NAME), name="Mine")
    assert (await told(invited(two.club, given, name="New", client=two.calls))).reason == reason
    assert (await told(assign(two.calls, mine.name, given))).reason == reason
    await lock(two.calls, mine.name)
    back = pb.UnlockUserRequest(name=mine.name, reason=WHY, roles=[given], request_id=fresh())
    assert (await told(two.calls.users.UnlockUser(back))).reason == reason
    assert not two.club.served.rows("SELECT FROM app_user WHERE display_name = 'New'")
    assert (await found(two.calls, mine.name)).state == pb.USER_STATE_LOCKED


async def test_a_partner_makes_its_own_people_by_itself(two: Two) -> None:
    """Two staff, and another like itself: all that the day needs."""
    for given in (role("STAFF", NAME), role("PARTNER", two.acme), role("AUDITOR", NAME)):
        made = await invited(two.club, given, name=given.role[6:].capitalize(), client=two.calls)
        assert [(one.role, one.scope) for one in made.roles] == [(given.role, given.scope)]
    assert await _listed(two.calls) == ["Petra", "Staff", "Partner", "Auditor"]
    assert (await told(invited(two.club, name="Nobody", client=two.calls))).reason == "GRANT_EXCEEDED"
    assert (await told(assign(two.calls, two.name, role("STAFF", NAME)))).reason == "USER_IS_CALLER"


async def test_a_partner_learns_of_an_address_that_it_is_taken_and_not_whose(two: Two) -> None:
    """Somebody else's user cannot be made twice; who that is, and where, is not the partner's to know."""
    await at_work(two.club, role("STAFF", COFFEE), name="Hers")
    for state in ("ACTIVE", "LOCKED", "ARCHIVED"):
        two.club.served.execute("UPDATE app_user SET state = %s WHERE display_name = 'Hers'", state)
        answer = await told(invited(two.club, role("STAFF", NAME), name="Hers", client=two.calls))
        assert (answer.reason, answer.facts) == ("USER_EXISTS", {})
    mine = await at_work(two.club, role("STAFF", NAME), name="Mine")
    answer = await told(invited(two.club, role("STAFF", NAME), name="Mine", client=two.calls))
    assert (answer.reason, answer.facts) == ("USER_EXISTS", {"user": mine.name})


async def test_what_is_done_to_a_partners_people_stands_in_its_own_log(two: Two) -> None:
    """Partners see their own business, also who may act in it; of others nothing."""
    mine = await at_work(two.club, role("STAFF", NAME), name="Mine")
    await lock(two.club.admin, mine.name)
    await lock(two.club.admin, (await at_work(two.club, role("STAFF", COFFEE), name="Hers")).name)
    theirs = [one.description for one in await activities(two.calls) if one.action.startswith("user.")]
    assert theirs == [
        "User Mine locked (Administrator admin for u-17, GOODWILL).",
        "User Mine invited, as staff in program club (Administrator admin).",
        "User Petra invited, as partner in partner acme (Administrator admin).",
    ]


async def test_a_partner_whose_programs_come_later_gives_roles_in_them_then(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scope is the partner, not the programs of the day."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    await two.club.admin.programs.CreateProgram(program("tea"))
    refused = await told(invited(two.club, role("STAFF", "programs/tea"), name="New", client=two.calls))
    assert refused.reason == "SCOPE_NOT_FOUND"
    two.club.served.execute(
        "UPDATE program SET partner = (SELECT id FROM partner WHERE partner_id = 'acme') WHERE program_id = 'tea'"
    )
    assert await invited(two.club, role("STAFF", "programs/tea"), name="New", client=two.calls)


async def test_a_role_or_scope_that_there_is_not_is_not_given(two: Two) -> None:
    """A mistyped id must not wait for somebody to make it."""
    for given, reason in (
        (role("nobody", NAME), "ROLE_NOT_FOUND"),
        (role("NOBODY", NAME), "ROLE_NOT_FOUND"),
        (role("STAFF", "programs/nowhere"), "SCOPE_NOT_FOUND"),
        (role("STAFF", "partners/nowhere"), "SCOPE_NOT_FOUND"),
        (role("STAFF", "networks/nowhere"), "SCOPE_NOT_FOUND"),
    ):
        assert (await told(invited(two.club, given, name="New"))).reason == reason


async def test_staff_see_no_users(club: Club) -> None:
    """Not even themselves: their own access is AccessService's to show."""
    till = club.served.client(club.served.key("staff", Role.STAFF, "club"))
    for call in (till.users.ListUsers(pb.ListUsersRequest()), invited(club, client=till)):
        assert (await told(call)).reason == "PERMISSION_MISSING"
