"""Who may do what, and what each refusal says."""

from string import Formatter

import pytest

from rules import refusals
from rules.access import ACTOR_TYPES, PERMISSIONS, ActorType, Caller, Permission, Role, check
from rules.coupons import refusals as coupons
from rules.passes import refusals as passes
from rules.refusals import PermissionMissing, Refusal

REFUSALS = sorted(Refusal.__subclasses__(), key=lambda refusal: refusal.__name__)


def test_every_role_has_permissions_and_a_name_in_the_log() -> None:
    """A role that was added in one place only would fail on its first call."""
    assert set(PERMISSIONS) == set(ACTOR_TYPES) == set(Role)
    assert ActorType.ANONYMOUS not in ACTOR_TYPES.values()
    assert ActorType.SYSTEM not in ACTOR_TYPES.values()


def test_an_administrator_may_do_everything() -> None:
    """Somebody must be able to."""
    assert PERMISSIONS[Role.ADMINISTRATOR] == set(Permission)


def test_a_service_works_for_customers_and_decides_nothing() -> None:
    """A till with a stolen key must not change the programme, nor search the log; it may follow changes."""
    refused = set(Permission) - PERMISSIONS[Role.SERVICE]
    assert refused == {
        Permission.PROGRAMS_WRITE,
        Permission.ACTIVITIES_READ,
        Permission.ACTIVITIES_PERSONAL_READ,
        Permission.POINTS_ADJUST,
        Permission.CUSTOMERS_ADMINISTER,
        Permission.REPORTS_READ,
        Permission.ACTIVITIES_RECORD_SECURITY,
        Permission.ACTIVITIES_CONFIGURE,
        Permission.ACTIVITIES_EXPORT,
        Permission.COUPONS_WRITE,
        Permission.COUPON_CODES_READ,
        Permission.PASSES_WRITE,
    }


def test_an_auditor_reads_the_books_and_nothing_about_persons() -> None:
    """The log names customers by id; who they are is not the auditor's business, and nothing is theirs to change."""
    assert PERMISSIONS[Role.AUDITOR] == {
        Permission.PROGRAMS_READ,
        Permission.POINTS_READ,
        Permission.ACTIVITIES_READ,
        Permission.REPORTS_READ,
        Permission.ACTIVITIES_WATCH,
        Permission.ACTIVITIES_EXPORT,
        Permission.COUPONS_READ,
        Permission.COUPONS_INSPECT,
        Permission.PASSES_READ,
    }


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
    caller = Caller("caller_1", "till", role)
    if permission in PERMISSIONS[role]:
        check(caller, permission)
    else:
        with pytest.raises(PermissionMissing) as refused:
            check(caller, permission)
        assert refused.value.facts == {"permission": permission, "role": role}


def test_a_caller_of_one_program_sees_no_other() -> None:
    """Tenants do not know of each other."""
    assert Caller("c", "n", Role.SERVICE).sees("tea")
    assert Caller("c", "n", Role.SERVICE, "tea").sees("tea")
    assert not Caller("c", "n", Role.SERVICE, "tea").sees("coffee")


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
    defined = [
        found for module in (refusals, coupons, passes) for found in vars(module).values() if isinstance(found, type)
    ]
    assert {found for found in defined if issubclass(found, Exception)} == {Refusal, *REFUSALS}
