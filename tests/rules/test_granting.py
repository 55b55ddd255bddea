"""Nobody gives more than he holds, and nobody acts for others beyond what they may."""

import pytest

from rules.access import Caller, Grant, Permission, Role, in_role, intersected, narrowed
from rules.credentials.acting import check_about, check_permitted, whom
from rules.credentials.refusals import ActingDenied, GrantExceeded
from rules.granting import EVERYWHERE, RoleScope, check_grantable

EARN, SPEND, READ = Permission.POINTS_EARN, Permission.POINTS_SPEND, Permission.PROGRAMS_READ
CLUB = RoleScope("programs/club", frozenset({"programs/club", "partners/acme", "networks/town"}))
ACME = RoleScope("partners/acme", frozenset({"partners/acme", "networks/town"}))
USER, OWNER = f"user_{'0' * 26}", f"user_{'1' * 26}"


def _caller(*grants: Grant, acts_for: tuple[str, ...] = ()) -> Caller:
    return in_role("caller_1", "till", Role.SERVICE)._replace(grants=grants, acts_for=acts_for)


def _grant(scope: str, programs: set[str] | None, *permissions: Permission) -> Grant:
    return Grant("SERVICE", frozenset(permissions), None if programs is None else frozenset(programs), scope)


OF_CLUB = _grant("programs/club", {"club"}, EARN, READ)
OF_ACME = _grant("partners/acme", {"club"}, EARN)
OF_ALL = _grant("", None, EARN, READ)


@pytest.mark.parametrize(
    ("grant", "place"),
    [(OF_CLUB, CLUB), (OF_ACME, CLUB), (OF_ACME, ACME), (OF_ALL, CLUB), (OF_ALL, ACME), (OF_ALL, EVERYWHERE)],
)
def test_what_is_held_in_all_of_a_place_may_be_given_there(grant: Grant, place: RoleScope) -> None:
    """A partner lets people into its own programs, and a network into its partners'."""
    check_grantable(_caller(grant), [EARN], place)


@pytest.mark.parametrize(("grant", "place"), [(OF_CLUB, ACME), (OF_CLUB, EVERYWHERE), (OF_ACME, EVERYWHERE)])
def test_what_is_held_in_a_part_is_not_given_in_the_whole(grant: Grant, place: RoleScope) -> None:
    """Also where the partner has but this one program today: the next one is not the giver's."""
    with pytest.raises(GrantExceeded):
        check_grantable(_caller(grant), [EARN], place)


def test_each_permission_that_is_given_must_be_held() -> None:
    """One that is not is named, so that somebody who has it can be asked."""
    with pytest.raises(GrantExceeded) as refused:
        check_grantable(_caller(OF_CLUB, OF_ACME), [EARN, SPEND], CLUB)
    assert refused.value.facts == {"permissions": "POINTS_SPEND", "scope": "programs/club"}


@pytest.mark.parametrize(
    ("service", "user", "both"),
    [
        ([OF_ALL], [OF_CLUB], [OF_CLUB]),
        ([OF_CLUB], [OF_ALL], [OF_CLUB]),
        ([OF_ACME], [OF_CLUB], [_grant("programs/club", {"club"}, EARN)]),
        ([OF_ALL], [OF_ALL], [OF_ALL]),
        ([OF_CLUB], [_grant("programs/tea", {"tea"}, EARN)], []),
        ([OF_CLUB], [_grant("programs/club", {"club"}, SPEND)], []),
        ([_grant("partners/acme", set(), EARN)], [OF_ALL], []),
    ],
)
def test_for_a_user_a_service_may_what_both_may(service: list[Grant], user: list[Grant], both: list[Grant]) -> None:
    """Neither lends the other anything: a clerk behind a strong service stays a clerk, and so does a strong clerk."""
    caller = _caller(*service, acts_for=("USERS",))._replace(user=OWNER)
    acting = intersected(caller, _caller(*user)._replace(id=USER))
    assert list(acting.grants) == both
    assert (acting.id, acting.user, acting.on_behalf_of, acting.acts_for) == (caller.id, OWNER, f"users/{USER}", ())


def test_for_a_customer_a_service_may_nothing_in_other_programs() -> None:
    """What it holds elsewhere has nothing to do with them."""
    acting = narrowed(_caller(OF_ALL, _grant("programs/tea", {"tea"}, SPEND)), "club", "ada")
    assert acting.programs() == frozenset({"club"})
    assert acting.may(EARN, "club")
    assert not acting.may(SPEND)


@pytest.mark.parametrize("name", [f"users/{USER}", "programs/club/customers/ada"])
def test_who_may_not_act_for_others_does_not(name: str) -> None:
    """It is a property of the key, and the other kind is no help."""
    other = "CUSTOMERS" if name.startswith("users") else "USERS"
    for acts_for in ((), (other,)):
        with pytest.raises(ActingDenied):
            whom(name, _caller(OF_CLUB, acts_for=acts_for))


@pytest.mark.parametrize(
    "name", ["users/", "users/user_1", "programs/club", "programs/tea/customers/ada", f"users/{USER}\n", "-"]
)
def test_nobody_acts_for_what_is_nobody(name: str) -> None:
    """Nor for customers of a program that is another's: whether there are such, is not said."""
    with pytest.raises(ActingDenied):
        whom(name, _caller(OF_CLUB, acts_for=("USERS", "CUSTOMERS")))


def test_for_a_customer_nothing_is_asked_of_another() -> None:
    """Whoever acts for ada must not come to ben's points by naming both."""
    acting = narrowed(_caller(OF_CLUB), "club", "ada")
    ada, ben = "programs/club/customers/ada", "programs/club/customers/ben"
    check_about(acting, ["anything", ada, f"{ada}/accounts/points"])
    check_about(acting, ["programs/club"])
    for texts in ([ben], [ada, f"{ben}/accounts/points"], ["programs/tea/customers/ada"]):
        with pytest.raises(ActingDenied):
            check_about(acting, texts)
    check_about(_caller(OF_CLUB), [ben])


def test_for_a_customer_nothing_is_done_that_is_not_about_them() -> None:
    """What names no customer at all is the program's, whatever the service may do there for itself."""
    acting, ada = narrowed(_caller(OF_CLUB), "club", "ada"), "programs/club/customers/ada"
    check_permitted(acting, f"{ada}/accounts/points", SPEND, only_reads=False)
    check_permitted(acting, "programs/club", READ, only_reads=True)
    for subject in ("", "programs/club", f"{ada}m/accounts/points", f"users/{USER}"):
        with pytest.raises(ActingDenied):
            check_permitted(acting, subject, READ, only_reads=False)
        with pytest.raises(ActingDenied):
            check_permitted(acting, subject, Permission.USERS_READ, only_reads=True)
        check_permitted(_caller(OF_CLUB), subject, SPEND, only_reads=False)
