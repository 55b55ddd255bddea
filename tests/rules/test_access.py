"""Who may do what, and what each refusal says."""

from string import Formatter

import pytest

from rules import clubs, logins, organizations, refusals
from rules.access import (
    ACTOR_TYPES,
    PERMISSIONS,
    UNGRANTED,
    ActorType,
    Permission,
    Role,
    check,
    check_scope,
    in_role,
)
from rules.approvals import refusals as approvals
from rules.coupons import refusals as coupons
from rules.credentials import refusals as credentials
from rules.passes import refusals as passes
from rules.refusals import PermissionMissing, ProgramNotFound, Refusal

HELD = ((Role.STAFF, "coffee"), (Role.AUDITOR, "tea"))
# Where refusals are defined.
MODULES = (refusals, coupons, passes, organizations, clubs, credentials, logins, approvals)
REFUSALS = sorted(Refusal.__subclasses__(), key=lambda refusal: refusal.__name__)


def test_every_role_has_permissions_and_a_name_in_the_log() -> None:
    """A role that was added in one place only would fail on its first call."""
    assert set(PERMISSIONS) == set(ACTOR_TYPES) == set(Role)
    assert ActorType.ANONYMOUS not in ACTOR_TYPES.values()
    assert ActorType.SYSTEM not in ACTOR_TYPES.values()


def test_an_administrator_may_do_everything() -> None:
    """Somebody must be able to."""
    assert PERMISSIONS[Role.ADMINISTRATOR] == set(Permission) - UNGRANTED


def test_a_service_works_for_customers_and_decides_nothing() -> None:
    """A till with a stolen key must not change the programme, nor search the log; it may follow changes."""
    assert PERMISSIONS[Role.SERVICE] == {
        Permission.PROGRAMS_READ,
        Permission.CUSTOMERS_READ,
        Permission.CUSTOMERS_WRITE,
        Permission.POINTS_READ,
        Permission.POINTS_EARN,
        Permission.POINTS_SPEND,
        Permission.EVENTS_WRITE,
        Permission.ACTIVITIES_WATCH,
        Permission.ACTIVITIES_RECORD,
        Permission.COUPONS_READ,
        Permission.COUPONS_REDEEM,
        Permission.COUPONS_ASSIGN,
        Permission.COUPONS_INSPECT,
        Permission.PASSES_READ,
        Permission.PASSES_ISSUE,
    }


def test_an_auditor_reads_and_changes_nothing_and_sees_nobody() -> None:
    """The log names customers by id; who they are is not the auditor's business, and nothing is theirs to change."""
    held = PERMISSIONS[Role.AUDITOR]
    assert {permission.value.rpartition("_")[2] for permission in held} == {
        *("READ", "WATCH", "EXPORT", "VERIFY", "INSPECT")
    }
    assert not held & {
        Permission.CUSTOMERS_READ,
        Permission.ACTIVITIES_PERSONAL_READ,
        Permission.COUPON_CODES_READ,
    }


def test_a_partner_manages_its_programs_and_not_the_installation() -> None:
    """Its staff, its points, its log; how long that is kept, and for what it needs others, is the operator's word."""
    assert PERMISSIONS[Role.ADMINISTRATOR] - PERMISSIONS[Role.PARTNER] == {
        Permission.ROLES_WRITE,
        Permission.ORGANIZATIONS_WRITE,
        Permission.APPROVALS_CONFIGURE,
        Permission.ACTIVITIES_CONFIGURE,
        Permission.ACTIVITIES_RECORD_SECURITY,
    }


@pytest.mark.parametrize("role", [Role.STAFF, Role.STOREFRONT, Role.SERVICE, Role.OPERATOR])
def test_the_log_is_read_by_those_whose_business_it_is(role: Role) -> None:
    """Staff and customers see nothing of it: they are who is seen in it."""
    assert not {permission for permission in PERMISSIONS[role] if permission.startswith("ACTIVITIES_READ")}


def test_a_permission_holds_where_its_role_is_held() -> None:
    """Whoever is staff here and an auditor there does not become both in both."""
    staff, auditor = (in_role("u", "n", role, program).grants for role, program in HELD)
    caller = in_role("u", "n", Role.STAFF)._replace(grants=(*staff, *auditor))
    assert caller.may(Permission.POINTS_ADJUST)
    assert caller.may(Permission.POINTS_ADJUST, "coffee")
    assert not caller.may(Permission.POINTS_ADJUST, "tea")
    assert caller.programs() == frozenset({"coffee", "tea"})
    assert caller.programs(Permission.ACTIVITIES_READ) == frozenset({"tea"})
    assert caller.only_program == ""
    with pytest.raises(PermissionMissing):
        check(caller, Permission.POINTS_ADJUST, "tea")
    check(caller, Permission.POINTS_ADJUST, "juice")
    with pytest.raises(ProgramNotFound):
        check_scope(caller, "juice")


def test_a_storefront_is_told_nothing_that_helps_to_guess() -> None:
    """Its key lies in an app: whoever takes it out can redeem, and neither look codes up nor change anything else."""
    assert PERMISSIONS[Role.STOREFRONT] == {
        Permission.PROGRAMS_READ,
        Permission.POINTS_READ,
        Permission.COUPONS_READ,
        Permission.COUPONS_REDEEM,
    }


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_call_is_let_through_exactly_where_the_role_has_the_permission(role: Role, permission: Permission) -> None:
    """The refusal names both, so that whoever reads it knows what to ask for."""
    caller = in_role("caller_1", "till", role)
    if permission in PERMISSIONS[role] | UNGRANTED:
        check(caller, permission)
    else:
        with pytest.raises(PermissionMissing) as refused:
            check(caller, permission)
        assert refused.value.facts == {"permission": permission, "role": role}


def test_a_caller_of_one_program_sees_no_other() -> None:
    """Tenants do not know of each other."""
    assert in_role("c", "n", Role.SERVICE).sees("tea")
    assert in_role("c", "n", Role.SERVICE, "tea").sees("tea")
    assert not in_role("c", "n", Role.SERVICE, "tea").sees("coffee")


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_is_a_sentence_filled_with_its_facts(refusal: type[Refusal]) -> None:
    """The docstring is what a person reads: no gap may be left in it, and it ends."""
    names = [name for _, name, _, _ in Formatter().parse(refusal.__doc__ or "") if name]
    refused = refusal(**{name: f"<{name}>" for name in names})
    message = str(refused)
    assert message.endswith(".")
    assert all(f"<{name}>" in message for name in names)
    assert "{" not in message
    assert refused.facts == {name: f"<{name}>" for name in names}


def test_every_exception_of_the_rules_is_a_refusal() -> None:
    """Another kind would reach the caller as a fault of ours."""
    defined = [found for module in MODULES for found in vars(module).values() if isinstance(found, type)]
    assert {found for found in defined if issubclass(found, Exception)} == {Refusal, *REFUSALS}
