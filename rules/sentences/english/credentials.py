"""Roles, and what services call with."""

from collections.abc import Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def _role(told: Told) -> str:
    """`role Till desk`."""
    return speech.named("role", str(told.details.get("called") or told.last))


def _role_created(told: Told) -> str:
    return f"{_role(told)} created, which permits {_permissions(told['permissions'])}"


def _role_updated(told: Told) -> str:
    said = []
    for change in told.changes:
        if change["field"] == "permissions":
            before, after = set(change["before"]), set(change["after"])
            said += [f"permits {_permissions(after - before)}"] if after - before else []
            said += [f"no longer permits {_permissions(before - after)}"] if before - after else []
        else:
            said.append(f"was called {change['before']}")
    return f"{_role(told)} updated: {'; '.join(said)}"


def _permissions(names: Any) -> str:
    return speech.listed([name.lower().replace("_", " ") for name in sorted(names)])


def _key_created(told: Told) -> str:
    return f"API key {told.last} made for {told['name']}{_as(told)}{_bounds(told)}"


def _key_rotated(told: Told) -> str:
    old = f"in place of {told['in_place_of']}, which ends at {told.moment(told['old_expires_at'])}"
    return f"API key {told.last} made for {told['name']} {old}"


def _as(told: Told) -> str:
    """`, as service in programs/coffee`; older records say one role, in its own log."""
    held = told.details.get("roles")
    if held is None:
        return f", as {told['role'].lower()}"
    return f", as {speech.listed([_role_in(one) for one in held])}" if held else ""


def _role_in(text: str) -> str:
    role, _, scope = text.partition(" in ")
    name = role.lower() if role.isupper() else role
    kind, _, identity = scope.partition("/")
    return f"{name} of {kind.removesuffix('s')} {identity}" if scope else f"{name} of all programs"


def _bounds(told: Told) -> str:
    narrower = told.details.get("permissions")
    acts_for = [kind.lower() for kind in told.details.get("may_act_for", ())]
    only = f", for no more than {_permissions(narrower)}" if narrower is not None else ""
    return only + (f", which may act for {speech.listed(acts_for)}" if acts_for else "")


def _registered(told: Told) -> str:
    return f"Certificate {told['certificate']} registered for {told['name']}{_as(told)}{_bounds(told)}"


def _service_updated(told: Told) -> str:
    said = []
    for change in told.changes:
        if change["field"] == "roles":
            said.append(f"roles updated from {_roles(change['before'])} → {_roles(change['after'])}")
        else:
            kind = change["field"].removeprefix("rates.")
            after = "that of all" if change["after"] is None else f"{change['after']:,} calls a minute"
            said.append(f"limit on {kind} set to {after}")
    return f"Service {told['name']}: {'; '.join(said)}"


def _roles(held: Any) -> str:
    return speech.listed([_role_in(one) for one in held]) or "none"


TEMPLATES: Mapping[str, Template] = {
    "role.created": _role_created,
    "role.updated": _role_updated,
    "role.deleted": lambda told: f"{_role(told)} deleted",
    "permissions.reported": lambda told: "Who held which permission reported",
    "key.created": _key_created,
    "key.rotated": _key_rotated,
    "key.revoked": lambda told: f"API key {told.last} revoked",
    "client_certificate.registered": _registered,
    "client_certificate.revoked": lambda told: f"Certificate {told['certificate']} of {told['name']} revoked",
    "service.updated": _service_updated,
}
