"""Acts under approval: which are, what was asked for, and what became of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from rules.sentences.english import attempts, speech, users
from rules.sentences.english.reasons import REASONS
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def act(told: Told) -> str:
    """`adjust points of customer ada by 5,000 points`: what was asked for, with its figures and roles."""
    asked = Told(str(told["action"]), str(told["of"]), told.details, (), told.nouns)
    words = users.role_asked(asked) or f"{attempts.tried(asked)}{users.as_roles(asked)}"
    return words + _figures(asked)


def approved(told: Told) -> str:
    """`approved by Anna and Ben: request …7q2f1d`, of an act that a request was approved for."""
    return f"approved by {_approvers(told)}: request {speech.short(str(told['approval']))}"


def _approvers(told: Told) -> str:
    try:
        return told.people(told["approved_by"]) or "others"
    except (LookupError, TypeError):
        return "others"


def _figures(asked: Told) -> str:
    """` by 5,000 points`, ` (hours 24)`: the whole numbers that were asked for."""
    said = [_figure(asked, path, number) for path, number in asked.details.get("figures", {}).items()]
    if not said:
        return ""
    return f" by {said[0]}" if asked.action in _BY and len(said) == 1 else f" ({', '.join(said)})"


def _figure(asked: Told, path: str, number: int) -> str:
    field = path.rpartition(".")[2]
    try:
        if field == "points":
            return asked.points(number)
        if field == "amount_minor":
            return asked.money(number)
    except KeyError:
        # Nobody can say any more in which parts it is counted.
        pass
    return f"{path.replace('.', ' ').replace('_', ' ')} {number:,}"


def _submitted(told: Told) -> str:
    if told["action"] in users.BRINGING_BACK:
        return users.reactivation(told)
    return f"Request submitted to {act(told)}: request {speech.short(told.subject)}"


def _request(deed: str) -> Template:
    return lambda told: f"Request {speech.short(told.subject)} to {act(told)} {deed}"


def _executed(told: Told) -> str:
    return f"Approved request {speech.short(told.subject)} to {act(told)} carried out{_by(told)}"


def _failed(told: Told) -> str:
    reason = told["reason"]
    why = REASONS.get(reason)
    because = f", because {why}" if why else f" ({reason})"
    return f"Approved request {speech.short(told.subject)} to {act(told)} not carried out{because}{_by(told)}"


def _by(told: Told) -> str:
    """`; approved by Anna`; nothing in older records, which do not say."""
    return f"; approved by {_approvers(told)}" if told.details.get("approved_by") else ""


def _rule(deed: str) -> Template:
    def template(told: Told) -> str:
        said = "; ".join(_said(told))
        return f"Approval rule {told.last} {deed}{f': {said}' if said else ''}"

    return template


def _said(told: Told) -> Iterator[str]:
    for change in told.changes:
        before, after = change["before"], change["after"]
        what = FIELDS.get(change["field"], change["field"].replace("_", " "))
        if isinstance(before, bool) or isinstance(after, bool):
            yield f"{what} toggled from {_flag(before)} → {_flag(after)}"
        elif after is None:
            yield f"{what} taken away"
        elif before is None:
            yield f"{what} set to {_value(after)}"
        else:
            yield f"{what} updated from {_value(before)} → {_value(after)}"


def _flag(value: Any) -> str:
    return "Enabled" if value else "Disabled"


def _value(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return speech.listed([_value(one) for one in value])
    # Fields are called as in the contract, and people say them with spaces.
    return str(value).replace("_", " ")


# What a figure of points is the whole of.
_BY = frozenset({"points.adjusted"})

FIELDS = {
    "methods": "calls under approval",
    "amount_field": "amount",
    "above": "amount above which it takes approval",
    "day_sum_above": "amount a day above which it takes approval",
    "paths": "fields that take approval",
    "approvers": "approvers",
    "role": "role of approvers",
    "expires_after_hours": "hours to decide",
    "begins_as_draft": "drafts",
}

TEMPLATES: Mapping[str, Template] = {
    "approval_rule.created": _rule("created"),
    "approval_rule.updated": _rule("updated"),
    "approval_rule.deleted": lambda told: f"Approval rule {told.last} deleted",
    "approval.drafted": lambda told: f"Request drafted to {act(told)}: request {speech.short(told.subject)}",
    "approval.submitted": _submitted,
    "approval.approved": _request("approved"),
    "approval.rejected": _request("rejected"),
    "approval.withdrawn": _request("withdrawn"),
    "approval.expired": _request("expired"),
    "approval.executed": _executed,
    "approval.failed": _failed,
    "approval.read": lambda told: "Request for approval read",
    "approval.previewed": lambda told: "Effect of a request for approval looked at",
    "approval_key.created": lambda told: (
        f"Key of what waits for approval made, under personal key {told['personal_key']}"
    ),
}
