"""For whom a service acts, where it says so, and what that leaves it: for a user what both may, for a customer what is
about that customer."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from rules.access import Caller, Permission, is_of_customer
from rules.credentials.refusals import ActingDenied

_USER = re.compile(r"users/(user_[0-9a-z]{26})")
_CUSTOMER = re.compile(r"programs/([a-z][a-z0-9_-]{0,62})/customers/([a-z0-9][a-z0-9_-]{0,62})")
# The customer that a resource name is of, or of something of theirs.
_OF_CUSTOMER = re.compile(rf"({_CUSTOMER.pattern})(?:/.*)?", re.DOTALL)


class Whom(NamedTuple):
    """For whom: a user by the id, or a customer by public ids."""

    user: str = ""
    program: str = ""
    customer: str = ""

    @property
    def kind(self) -> str:
        """What a credential permits by."""
        return "USERS" if self.user else "CUSTOMERS"


def whom(name: str, caller: Caller) -> Whom:
    """Whom a resource name is of, if the caller may act for such. Raises ActingDenied."""
    if user := _USER.fullmatch(name):
        found = Whom(user=user[1])
    elif customer := _CUSTOMER.fullmatch(name):
        found = Whom(program=customer[1], customer=customer[2])
    else:
        raise ActingDenied
    if found.kind not in caller.acts_for or (found.program and not caller.sees(found.program)):
        raise ActingDenied
    return found


# What shows a customer the program, and what they bought and hold, also where a call names no customer: what its answer
# names is looked at. And what is about the caller itself.
_OPEN = frozenset({Permission.PROGRAMS_READ, Permission.POINTS_READ, Permission.COUPONS_READ, Permission.OWN})


def check_permitted(caller: Caller, subject: str, permission: Permission, only_reads: bool) -> None:
    """Whether a call may be made about a subject, a resource name that was checked: a caller that acts for a customer
    does nothing, and reads nothing that is not open to customers, but about this one. Raises ActingDenied."""
    if not is_of_customer(caller) or (only_reads and permission in _OPEN):
        return
    found = _OF_CUSTOMER.fullmatch(subject)
    if found is None or found[1] != caller.on_behalf_of:
        raise ActingDenied


def check_about(caller: Caller, texts: Iterable[str]) -> None:
    """Whether a call may be made, or answered, in which these texts stand: a caller that acts for a customer names no
    other. Raises ActingDenied; it says nothing of whom there is."""
    if not is_of_customer(caller):
        return
    named = {found[1] for found in map(_OF_CUSTOMER.fullmatch, texts) if found is not None}
    if named - {caller.on_behalf_of}:
        raise ActingDenied
