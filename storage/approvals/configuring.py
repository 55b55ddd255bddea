"""Changes which acts are under approval. Each change is in force for every act that begins behind it."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import Caller, Permission, Role
from rules.activity import Change
from rules.approvals.deciding import check_may
from rules.approvals.matching import Rule, check_rule
from rules.approvals.refusals import ApprovalRuleExists, ApprovalRuleInvalid, ApprovalRuleNotFound
from rules.refusals import ProgramNotFound, StaleEtag
from storage.access.records import RoleRow
from storage.activity.commands import Scope, record
from storage.approvals import ruling
from storage.approvals.records import RuleRow
from storage.approvals.ruling import OUTSIDE
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class ApprovalRule(NamedTuple):
    """A rule as it stands; `program` is the public id, empty where it is about what is in none."""

    program: str
    rule: Rule
    version: int
    created_at: datetime
    updated_at: datetime
    activity: UUID

    @property
    def name(self) -> str:
        """Its resource name."""
        return rule_name(self.program, self.rule.rule_id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}"'


class CreateApprovalRule(NamedTuple):
    """Puts methods under approval, in a program or (empty) where they are in none."""

    program_id: str
    rule: Rule
    context: CommandContext

    def answers(self) -> type[ApprovalRule]:
        """The rule."""
        return ApprovalRule

    def decide(self, unit: Unit) -> Answer[ApprovalRule]:
        """Raises ProgramNotFound, PermissionMissing, ApprovalRuleInvalid, ApprovalRuleExists."""
        rule = self.rule
        scope = _taken(unit, self.program_id, self.context.caller)
        _check(rule)
        if ruling.live(scope).where(RuleRow.rule_id == rule.rule_id).exists():
            raise ApprovalRuleExists(rule=rule.rule_id)
        activity = _record(unit, self.context, self.program_id, scope, rule.rule_id, _changes({}, _plain(rule)))
        RuleRow.insert(
            program=scope or None,
            **_plain(rule),
            version=1,
            created_at=unit.now,
            updated_at=unit.now,
            activity=activity,
        ).execute()
        ruling.give(unit, scope)
        return Answer(ApprovalRule(self.program_id, rule, 1, unit.now, unit.now, UUID(activity)), activity)


class UpdateApprovalRule(NamedTuple):
    """Makes a rule what it is to be. An empty etag agrees to any state. What changes nothing leaves no record."""

    program_id: str
    rule: Rule
    etag: str
    context: CommandContext

    def answers(self) -> type[ApprovalRule]:
        """The rule."""
        return ApprovalRule

    def decide(self, unit: Unit) -> Answer[ApprovalRule]:
        """Raises ProgramNotFound, PermissionMissing, ApprovalRuleNotFound, StaleEtag, ApprovalRuleInvalid."""
        scope = _taken(unit, self.program_id, self.context.caller)
        row, old = _found(scope, self.program_id, self.rule.rule_id, self.etag)
        _check(self.rule)
        if self.rule == old.rule:
            return Answer(old, None)
        changes = _changes(_plain(old.rule), _plain(self.rule))
        activity = _record(unit, self.context, self.program_id, scope, self.rule.rule_id, changes)
        stamp = {"version": old.version + 1, "updated_at": unit.now, "activity": activity}
        RuleRow.update(**_plain(self.rule), **stamp).where(RuleRow.id == row.id).execute()
        ruling.give(unit, scope)
        new = old._replace(rule=self.rule, version=old.version + 1, updated_at=unit.now, activity=UUID(activity))
        return Answer(new, activity)


class DeleteApprovalRule(NamedTuple):
    """Ends a rule. What was asked for under it stays asked for."""

    program_id: str
    rule_id: str
    etag: str
    context: CommandContext

    def answers(self) -> type[ApprovalRule]:
        """The rule as it was."""
        return ApprovalRule

    def decide(self, unit: Unit) -> Answer[ApprovalRule]:
        """Raises ProgramNotFound, PermissionMissing, ApprovalRuleNotFound, StaleEtag."""
        scope = _taken(unit, self.program_id, self.context.caller)
        row, old = _found(scope, self.program_id, self.rule_id, self.etag)
        changes = _changes(_plain(old.rule), {})
        activity = _record(unit, self.context, self.program_id, scope, self.rule_id, changes)
        RuleRow.update(deleted_at=unit.now, updated_at=unit.now, activity=activity).where(
            RuleRow.id == row.id
        ).execute()
        ruling.give(unit, scope)
        return Answer(old, activity)


def rule_name(program_id: str, rule_id: str) -> str:
    """The resource name of a rule."""
    return f"programs/{program_id}/approvalRules/{rule_id}" if program_id else f"approvalRules/{rule_id}"


def rules_of(program_id: str, caller: Caller, after: str, size: int) -> list[ApprovalRule]:
    """Up to `size` rules of a program (empty: of what is in none), by their ids, from the first after `after`. Raises
    ProgramNotFound, PermissionMissing."""
    scope = _scope(program_id, caller, Permission.APPROVALS_READ)
    rows = ruling.live(scope).where(RuleRow.rule_id > after).limit(size)
    return [_read(row, program_id) for row in rows]


def _scope(program_id: str, caller: Caller, permission: Permission) -> int:
    if program_id and not caller.sees(program_id):
        raise ProgramNotFound(program=program_id)
    check_may(caller, permission, program_id)
    scope = ruling.scope_of(program_id)
    if scope is None:
        raise ProgramNotFound(program=program_id)
    return scope


def _taken(unit: Unit, program_id: str, caller: Caller) -> int:
    scope = _scope(program_id, caller, Permission.APPROVALS_CONFIGURE)
    ruling.take(unit, scope)
    return scope


def _check(rule: Rule) -> None:
    check_rule(rule)
    if rule.role and rule.role not in set(Role):
        found = RoleRow.get_or_none(RoleRow.id == rule.role)
        if found is None or found.deleted_at is not None:
            raise ApprovalRuleInvalid(what=f"there is no role {rule.role}; name one of ListRoles")


def _found(scope: int, program_id: str, rule_id: str, etag: str) -> tuple[Any, ApprovalRule]:
    row = ruling.live(scope).where(RuleRow.rule_id == rule_id).first()
    if row is None:
        raise ApprovalRuleNotFound
    old = _read(row, program_id)
    if etag and etag != old.etag:
        raise StaleEtag(etag=old.etag)
    return row, old


def _read(row: Any, program_id: str) -> ApprovalRule:
    rule = ruling.rule_of(row)
    return ApprovalRule(program_id, rule, row.version, row.created_at, row.updated_at, row.activity)


def _plain(rule: Rule) -> dict[str, Any]:
    return {**rule._asdict(), "methods": list(rule.methods), "paths": list(rule.paths)}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    named = [field for field in Rule._fields if field != "rule_id" and before.get(field) != after.get(field)]
    # A field that is not set says nothing of itself.
    changes = [Change(field, before.get(field) or None, after.get(field) or None) for field in named]
    return [change for change in changes if change.before != change.after]


def _record(
    unit: Unit, context: CommandContext, program_id: str, scope: int, rule_id: str, changes: list[Change]
) -> str:
    activity = record(
        unit,
        context.origin,
        rule_name(program_id, rule_id),
        Scope(None if scope == OUTSIDE else scope),
        changes=changes,
        details=context.reason.added_to({}),
        request_id=context.request.request_id,
        note=context.reason.note,
    )
    unit.write()
    return activity
