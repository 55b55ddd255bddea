"""English: every activity in one sentence, `Purchase till-71 of €12.50: 12 points (Service till).`"""

from collections.abc import Mapping
from typing import Any

from rules.access import Role
from rules.activity import OPERATOR
from rules.sentences.english import (
    approvals,
    attempts,
    campaigns,
    coupon_batches,
    coupons,
    credentials,
    customers,
    elsewhere,
    logins,
    organizations,
    pass_templates,
    passes,
    phones,
    points,
    purchases,
    pushes,
    retention,
    rewards,
    settings,
    speech,
    upkeep,
    users,
)
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, customer, part
from rules.sentences.nouns import Nouns

TEMPLATES: Mapping[str, Template] = {
    **purchases.TEMPLATES,
    **points.TEMPLATES,
    **customers.TEMPLATES,
    **settings.TEMPLATES,
    **upkeep.TEMPLATES,
    **phones.TEMPLATES,
    **pushes.TEMPLATES,
    **retention.TEMPLATES,
    **coupon_batches.TEMPLATES,
    **rewards.TEMPLATES,
    **campaigns.TEMPLATES,
    **coupons.TEMPLATES,
    **organizations.TEMPLATES,
    **pass_templates.TEMPLATES,
    **passes.TEMPLATES,
    **users.TEMPLATES,
    **logins.TEMPLATES,
    **approvals.TEMPLATES,
    **credentials.TEMPLATES,
}


def activity(body: Mapping[str, Any], actor_name: str, nouns: Nouns) -> str:
    """What was done, by whom, for whom and why; of a call that came to nothing, who tried what, and why not."""
    details, actor = body["details"], body["actor"]
    told = Told(body["action"], body["subject"], details, body.get("changes", ()), nouns)
    kind = "STOREFRONT" if Role.STOREFRONT in actor.get("roles", ()) else actor["type"]
    who = "the operator" if actor["id"] == OPERATOR else _who(kind, actor_name or speech.known(actor["id"]))
    who += _behalf(told, str(actor.get("on_behalf_of", "")))
    if "dropped_by" in body:
        return f"{retention.no_longer_kept(told, who)}."
    purpose = body.get("purpose", "")
    if elsewhere.is_of_elsewhere(body):
        return f"{speech.capital(elsewhere.happened(told, body['outcome']))}{_why(told, who, purpose)}."
    if body["outcome"] != "SUCCEEDED":
        return f"{speech.capital(attempts.attempt(told, body['outcome'], who))}{_why(told, purpose=purpose)}."
    return _sentence(told, "" if actor["type"] == "SYSTEM" else who, purpose)


def event(action: str, subject: str, details: Mapping[str, Any], nouns: Nouns) -> str:
    """What was done, for whom and why."""
    return _sentence(Told(action, subject, details, (), nouns), who="")


def _sentence(told: Told, who: str, purpose: str = "") -> str:
    return f"{speech.capital(_happened(told))}{_why(told, who, purpose)}."


def _happened(told: Told) -> str:
    try:
        return TEMPLATES[told.action](told)
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError):
        # A record stays as it was written, also by a version that said less, or said it otherwise.
        return attempts.done(told)


def _who(actor_type: str, name: str) -> str:
    if actor_type in _NOBODIES:
        return _NOBODIES[actor_type]
    kind = actor_type.capitalize().replace("_", " ")
    # The first key is called by what it is.
    return kind if name.casefold() == kind.casefold() else f"{kind} {name}".rstrip()


def _behalf(told: Told, name: str) -> str:
    """` on behalf of customer ada`; empty where it acted for itself."""
    if not name:
        return ""
    return f" on behalf of {customer(name) if part(name, 'customers') else told.user(name)}"


def _why(told: Told, who: str = "", purpose: str = "") -> str:
    details = told.details
    whom = f"for {details['admin']}" if details.get("admin") else ""
    by = " ".join(filter(None, (who, whom)))
    # Customers are not told who.
    approved = approvals.approved(told) if who and details.get("approval") else ""
    said = ", ".join(filter(None, (by, details.get("reason_code"), approved, purpose)))
    return f" ({said})" if said else ""


_NOBODIES = {"SYSTEM": "Fealty", "ANONYMOUS": "somebody without a valid key"}
