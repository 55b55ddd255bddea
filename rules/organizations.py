"""Whose programs are: partners own them, and networks group partners. Who may know of which.

A caller sees the organizations in which it holds a permission: of a network all partners, of a partner itself and the
network that it belongs to; who holds it everywhere, all.
"""

from rules.access import Caller, Permission
from rules.refusals import Refusal


class NetworkNotFound(Refusal):
    """There is no network {network} that this caller may see."""


class PartnerNotFound(Refusal):
    """There is no partner {partner} that this caller may see."""


class NetworkExists(Refusal):
    """There is, or was, a network {network}; choose another network_id."""


class PartnerExists(Refusal):
    """There is, or was, a partner {partner}; choose another partner_id."""


class OrganizationInUse(Refusal):
    """It cannot be deleted: {what}."""


class PartnerNeeded(Refusal):
    """This caller makes programs for partners, and may do it for several; say for which, in program.partner."""


def scopes(caller: Caller, permission: Permission) -> frozenset[str] | None:
    """The names of the scopes in which a caller holds a permission; None: it holds it everywhere."""
    found = {grant.scope for grant in caller.grants if permission in grant.permissions}
    return None if "" in found else frozenset(found)


def sees_network(held: frozenset[str] | None, network: str, partners: frozenset[str]) -> bool:
    """Whether one who holds that sees a network (id), which has these partners (ids)."""
    return held is None or f"networks/{network}" in held or any(f"partners/{one}" in held for one in partners)


def sees_partner(held: frozenset[str] | None, partner: str, network: str) -> bool:
    """Whether one who holds that sees a partner (id) of a network (id; empty: of none)."""
    return held is None or f"partners/{partner}" in held or (bool(network) and f"networks/{network}" in held)


def partner_of_new(caller: Caller, given: str) -> str:
    """The partner (id; empty: none) for whom a program is made: as it was given, or the only one for whom the caller
    may make any. Whether it may for that one is for whoever knows its network. Who may in some programs only, makes
    none. Raises PartnerNeeded."""
    held = scopes(caller, Permission.PROGRAMS_WRITE)
    if given or held is None:
        return given
    own = [name.removeprefix("partners/") for name in sorted(held) if name.startswith("partners/")]
    if len(own) > 1 or any(name.startswith("networks/") for name in held):
        raise PartnerNeeded
    return own[0] if own else ""
