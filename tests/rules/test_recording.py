"""What callers may record of elsewhere, by their role."""

from itertools import product

import pytest

from rules.access import Caller, Role, in_role
from rules.activity import Kind
from rules.recording import SECURITY_TYPES, SOURCES, SOURCES_ON_BEHALF, check
from rules.refusals import ActionReserved, PermissionMissing, SourceDenied

SOURCE_WORDS = ("SYSTEM", "STAFF", "CUSTOMER", "API", "WEBHOOK", "INTEGRATION", "PHYSICAL", "AUTOMATED", "PLATFORM")
ALONE = {
    Role.ADMINISTRATOR: set(SOURCE_WORDS),
    Role.SERVICE: {"CUSTOMER", "API", "WEBHOOK", "INTEGRATION", "PHYSICAL", "AUTOMATED"},
    Role.STOREFRONT: {"API", "CUSTOMER"},
    Role.AUDITOR: {"API"},
    Role.PARTNER: {"API", "STAFF", "PLATFORM"},
    Role.STAFF: {"API", "STAFF", "PLATFORM"},
    Role.OPERATOR: {"API", "STAFF", "PLATFORM"},
}
VISIT = Kind("visit.started", "CUSTOMERS", "VISIT")
RESERVED = {"customer.created"}


def _caller(role: Role) -> Caller:
    return in_role("caller_1", "somebody", role)


def _is_allowed(role: Role, source: str, acting_user: str) -> bool:
    try:
        check(_caller(role), VISIT, source, acting_user, RESERVED)
    except SourceDenied:
        return False
    return True


@pytest.mark.parametrize("role", Role)
def test_a_role_claims_the_sources_that_it_can_know_of(role: Role) -> None:
    """Whoever reads that a person did it, or Fealty itself, must not be reading what a till made up."""
    assert {source for source in SOURCE_WORDS if _is_allowed(role, source, "")} == ALONE[role]
    with pytest.raises(SourceDenied) as denied:
        check(_caller(role), VISIT, "ELSEWHERE", "u-17", RESERVED)
    assert denied.value.facts == {"source": "ELSEWHERE", "role": role}
    of_people = {"STAFF", "PLATFORM"} if role in (Role.ADMINISTRATOR, Role.SERVICE) else set()
    assert {source for source in SOURCE_WORDS if _is_allowed(role, source, "u-17")} == ALONE[role] | of_people


def test_every_role_is_in_the_table() -> None:
    """One that is added and forgotten would be a fault of ours on its first call."""
    assert set(SOURCES) == set(SOURCES_ON_BEHALF) == set(Role)
    assert all(set(SOURCES[role]) <= set(SOURCES_ON_BEHALF[role]) for role in Role)


def test_no_till_forges_a_login() -> None:
    """The first thing that somebody with a stolen key would do is to cover what he did."""
    for kind, role in product(SECURITY_TYPES, (Role.SERVICE, Role.AUDITOR)):
        with pytest.raises(PermissionMissing) as denied:
            check(_caller(role), VISIT._replace(type=kind), "API", "", RESERVED)
        assert denied.value.facts == {"permission": "ACTIVITIES_RECORD_SECURITY", "role": role}
        check(_caller(Role.ADMINISTRATOR), VISIT._replace(type=kind), "API", "", RESERVED)


@pytest.mark.parametrize("role", Role)
def test_nobody_records_what_fealty_itself_records(role: Role) -> None:
    """Also an administrator: an entry of that name says that the books changed with it."""
    with pytest.raises(ActionReserved):
        check(_caller(role), VISIT._replace(action="customer.created"), "API", "", RESERVED)
