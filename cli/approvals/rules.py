"""`fealty approvals rules`: which acts are under approval."""

import json
from typing import TYPE_CHECKING, Any

import click

from cli.options import as_json
from rules.approvals.matching import EXPIRES_AFTER_HOURS

if TYPE_CHECKING:
    from rules.activity import Kind
    from storage.approvals.configuring import ApprovalRule
    from storage.engine.commands import CommandContext

# More than a program has; a terminal shows no more.
RULES_MAX = 1_000


@click.group()
def rules() -> None:
    """Make, list and delete rules of approval."""


@rules.command()
@click.argument("rule")
@click.option("--program", metavar="ID", help="Where it holds.  [default: for calls that are in no program]")
@click.option("--call", "calls", multiple=True, required=True, metavar="NAME", help="A call, such as AdjustPoints.")
@click.option("--field", default="", metavar="PATH", help="A whole number of the request, such as points.")
@click.option("--above", type=click.IntRange(0), help="Only where it is more than this, whatever its sign.")
@click.option("--day-sum-above", type=click.IntRange(0), help="Or where its maker comes to more than this in a day.")
@click.option("--path", "paths", multiple=True, metavar="PATH", help="Only what sets it, such as program.cards.")
@click.option("--approvers", type=click.IntRange(1, 10), default=1, show_default=True, help="How many must approve.")
@click.option("--role", default="", metavar="ROLE", help="What each of them holds.  [default: any that may decide]")
@click.option(
    "--hours", type=click.IntRange(1, 2160), default=EXPIRES_AFTER_HOURS, show_default=True, help="To decide."
)
@click.option("--draft", is_flag=True, help="Its makers submit it first, with a justification.")
@as_json
def create(rule: str, program: str | None, json_: bool, **given: Any) -> None:
    """Put calls under approval by the rule RULE, which is made."""
    from cli.failures import Failure
    from fealty.v1 import approvals_pb2 as pb
    from rules.approvals.refusals import ApprovalRuleExists, ApprovalRuleInvalid
    from server.convert.approvals import asked_rule
    from storage.approvals.configuring import CreateApprovalRule

    message = pb.ApprovalRule(
        methods=given["calls"],
        amount_field=given["field"],
        above=given["above"],
        day_sum_above=given["day_sum_above"],
        paths=given["paths"],
        approvers=given["approvers"],
        role=given["role"],
        expires_after_hours=given["hours"],
        begins_as_draft=given["draft"],
    )
    try:
        asked = asked_rule(program or "", rule, message)
        made = _changed("CreateApprovalRule", lambda context: CreateApprovalRule(program or "", asked, context))
    except (ApprovalRuleInvalid, ApprovalRuleExists) as error:
        raise Failure(str(error)) from error
    click.echo(json.dumps(_plain(made)) if json_ else f"{_sentence(made)}: {made.name}")


@rules.command("list")
@click.option("--program", metavar="ID", help="Where they hold.  [default: for calls that are in no program]")
@as_json
def list_(program: str | None, json_: bool) -> None:
    """List rules by their ids."""
    from cli import books
    from cli.settings import load
    from storage.approvals import configuring

    with books.opened(load()):
        found = configuring.rules_of(program or "", books.OPERATOR, "", RULES_MAX)
    if json_:
        click.echo(json.dumps([_plain(one) for one in found]))
        return
    for one in found:
        click.echo(f"{one.rule.rule_id}: {_sentence(one)}")


@rules.command()
@click.argument("rule")
@click.option("--program", metavar="ID", help="Where it holds.  [default: for calls that are in no program]")
@as_json
def delete(rule: str, program: str | None, json_: bool) -> None:
    """End the rule RULE. What was asked for under it stays asked for."""
    from cli.failures import Failure
    from rules.approvals.refusals import ApprovalRuleNotFound
    from storage.approvals.configuring import DeleteApprovalRule

    try:
        ended = _changed("DeleteApprovalRule", lambda context: DeleteApprovalRule(program or "", rule, "", context))
    except ApprovalRuleNotFound as error:
        raise Failure(f"there is no rule {rule} there; `fealty approvals rules list` shows them") from error
    click.echo(json.dumps(_plain(ended)) if json_ else f"Rule {ended.name} is deleted.")


def _changed(method: str, command_of: Any) -> "ApprovalRule":
    """The rule after a change by the operator. Raises what the command raises, and Failure."""
    from cli import books
    from cli.failures import Failure
    from cli.settings import load
    from rules.refusals import ProgramNotFound
    from server.asked import approvable
    from storage.engine.unit import run

    command = command_of(_context(approvable()[method].kind))
    with books.opened(load()) as database:
        try:
            found: ApprovalRule = run(database, command.decide).value
        except ProgramNotFound as error:
            raise Failure(f"there is no program {command.program_id}; make it first") from error
    return found


def _context(kind: "Kind") -> "CommandContext":
    from cli import books
    from rules.activity import by_operator
    from storage.engine.commands import CommandContext
    from storage.engine.requests import Request

    request = Request(books.OPERATOR.id, "", "", "")
    return CommandContext(books.OPERATOR, request, by_operator(kind), validate_only=False, deadline=0.0)


def _sentence(one: "ApprovalRule") -> str:
    rule = one.rule
    of = f" by {rule.role.lower()}" if rule.role else ""
    amounts = (("above", rule.above, ""), ("above", rule.day_sum_above, " a day"))
    bounds = [f"{word} {bound:,}{per}" for word, bound, per in amounts if bound is not None]
    when = f" with {rule.amount_field} {' or '.join(bounds)}" if bounds else ""
    sets = f" that set {' or '.join(rule.paths)}" if rule.paths else ""
    people = "person" if rule.approvers == 1 else "people"
    return f"{', '.join(rule.methods)}{when}{sets} takes {rule.approvers} more {people}{of}"


def _plain(one: "ApprovalRule") -> dict[str, Any]:
    return {"name": one.name, **one.rule._asdict()}
