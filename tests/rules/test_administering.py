"""Who sees, administers and makes whom: by scope, by what one holds oneself, and never oneself."""

import pytest

from rules.access import PERMISSIONS, ActorType, Caller, Grant, Permission, Role, in_role
from rules.administering import (
    Holding,
    check_administers,
    check_administrator_stays,
    check_gives,
    check_not_own,
    check_takes,
    sees,
)
from rules.credentials.refusals import GrantExceeded
from rules.granting import EVERYWHERE, RoleScope
from rules.refusals import LastAdministrator, UserElsewhere, UserIsCaller

NETWORK = RoleScope("networks/north", frozenset({"networks/north"}))
ACME = RoleScope("partners/acme", frozenset({"partners/acme", "networks/north"}))
COFFEE = RoleScope("programs/coffee", frozenset({"programs/coffee", "partners/acme", "networks/north"}))
TEA = RoleScope("programs/tea", frozenset({"programs/tea"}))

ADMIN = in_role("caller_1", "admin", Role.ADMINISTRATOR)


def _partner(place: RoleScope, *programs: str, role: Role = Role.PARTNER) -> Caller:
    grant = Grant(role.value, PERMISSIONS[role], frozenset(programs), place.name)
    return Caller("user_1", "Petra", ActorType.PARTNER, (grant,), user="user_1")


PARTNER = _partner(ACME, "coffee")
STAFF_OF_COFFEE, STAFF_OF_TEA = Holding("STAFF", COFFEE), Holding("STAFF", TEA)


@pytest.mark.parametrize(
    ("held", "is_seen", "is_administered"),
    [
        ([STAFF_OF_COFFEE], True, True),
        ([Holding("PARTNER", ACME)], True, True),
        ([STAFF_OF_COFFEE, STAFF_OF_TEA], True, False),
        ([STAFF_OF_TEA], False, False),
        ([Holding("PARTNER", NETWORK)], False, False),
        ([Holding("ADMINISTRATOR")], False, False),
        ([], False, False),
    ],
)
def test_a_partner_sees_whose_roles_are_among_its_own_and_administers_whose_all_are(
    held: list[Holding], is_seen: bool, is_administered: bool
) -> None:
    """What is another partner's is not found; and who works for two is locked by somebody above both."""
    assert sees(PARTNER, held) == is_seen
    if is_administered:
        check_administers(PARTNER, held)
    else:
        with pytest.raises(UserElsewhere):
            check_administers(PARTNER, held)
    assert sees(ADMIN, held)
    check_administers(ADMIN, held)


@pytest.mark.parametrize("place", [NETWORK, TEA, EVERYWHERE, RoleScope("partners/new", frozenset({"partners/new"}))])
def test_nobody_gives_a_role_where_he_holds_none(place: RoleScope) -> None:
    """A partner without programs yet would else be anybody's: all of its none would be among one's own."""
    with pytest.raises(GrantExceeded):
        check_gives(PARTNER, PERMISSIONS[Role.STAFF], place)
    with pytest.raises(GrantExceeded):
        check_takes(PARTNER, place)


def test_nobody_gives_a_role_that_permits_more_than_his_own() -> None:
    """Else a partner would make an administrator of its program, and have him do what it may not."""
    check_gives(PARTNER, PERMISSIONS[Role.STAFF], COFFEE)
    check_gives(PARTNER, PERMISSIONS[Role.PARTNER], ACME)
    with pytest.raises(GrantExceeded, match="ROLES_WRITE"):
        check_gives(PARTNER, PERMISSIONS[Role.ADMINISTRATOR], COFFEE)
    check_gives(ADMIN, PERMISSIONS[Role.ADMINISTRATOR], EVERYWHERE)


def test_whoever_holds_a_permission_and_administers_no_users_gives_nothing() -> None:
    """Staff do not make staff."""
    with pytest.raises(GrantExceeded, match="USERS_WRITE"):
        check_gives(_partner(COFFEE, "coffee", role=Role.STAFF), {Permission.POINTS_EARN}, COFFEE)


@pytest.mark.parametrize(
    "caller",
    [
        ADMIN._replace(id="user_7", user="user_7"),
        ADMIN._replace(user="user_7"),
        ADMIN._replace(on_behalf_of="users/user_7"),
    ],
)
def test_nobody_is_his_own_administrator_in_whatever_disguise(caller: Caller) -> None:
    """By a login, by a key of one's own, or through a service that acts for one."""
    with pytest.raises(UserIsCaller):
        check_not_own(caller, "user_7")
    check_not_own(caller, "user_8")


def test_only_the_last_who_administers_everything_has_to_stay() -> None:
    """Those of one program are made again by those above; the last of all only on the host."""
    check_administrator_stays([Holding("ADMINISTRATOR")], others=1)
    check_administrator_stays([Holding("ADMINISTRATOR", COFFEE), STAFF_OF_TEA], others=0)
    with pytest.raises(LastAdministrator):
        check_administrator_stays([STAFF_OF_TEA, Holding("ADMINISTRATOR")], others=0)
