"""What is under approval is not done unchecked: neither in a group, nor by itself."""

from typing import Any

import pytest

from rules.approvals.matching import Rule
from rules.approvals.refusals import ApprovalNeedsCall
from rules.refusals import GroupRefused
from storage.approvals.configuring import CreateApprovalRule, DeleteApprovalRule, UpdateApprovalRule
from storage.approvals.ruling import ruling
from storage.customers.states import SuspendCustomer
from storage.engine.commands import CommandContext
from storage.engine.database import Database, connection
from tests.storage.approvals.submitting import as_somebody
from tests.storage.scene import Scene, answered, asked

RULE = Rule("all", ("Method",))


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program in which all that the tests do is under approval, and another in which nothing is."""
    made = Scene(database, "ada")
    made.earn(100)
    made.carry_out(CreateApprovalRule("coffee", RULE, as_somebody(asked("rule"))))
    return made


def test_a_hot_command_is_done_where_it_was_checked_against_the_rules_in_force(scene: Scene) -> None:
    """A version that is old is none: somebody has put something under approval since."""
    version = _version(scene)
    command = _of_program(scene.spending(10))
    outcomes = scene.group(_checked(command, version - 1), _checked(_of_program(scene.spending(10)), version))
    assert isinstance(outcomes[0], ApprovalNeedsCall)
    assert outcomes[0].version == version
    assert answered(outcomes[1]).value.balance.active == 90
    # What is only asked about is answered.
    only_asked = command._replace(context=command.context._replace(validate_only=True))
    assert answered(scene.group(only_asked)[0]).value.balance.active == 80


def test_of_commands_that_are_all_done_or_none_one_that_needs_approval_stops_all(scene: Scene) -> None:
    """Half of a group that waits for somebody is no group."""
    commands = [_checked(_of_program(scene.spending(10)), _version(scene)), _of_program(scene.spending(10))]
    first, second = scene.all_or_nothing(*commands)
    assert (type(first), type(second)) == (GroupRefused, ApprovalNeedsCall)
    assert scene.balance().active == 100


def test_a_cold_command_is_done_where_it_was_checked(scene: Scene) -> None:
    """The same of what has a transaction of its own."""
    context = asked("suspend")._replace(program="coffee")
    with pytest.raises(ApprovalNeedsCall):
        scene.carry_out(SuspendCustomer("coffee", "ada", context))
    scene.carry_out(SuspendCustomer("coffee", "ada", context._replace(checked=_version(scene))))


def test_each_change_of_a_rule_is_a_version_and_a_rule_that_ends_holds_nothing_back(scene: Scene) -> None:
    """Whoever was checked before a change is checked again; with the last rule all is as if there had been none."""
    before = _version(scene)
    scene.carry_out(UpdateApprovalRule("coffee", RULE._replace(approvers=2), "", as_somebody(asked("more"))))
    assert _version(scene) == before + 1
    scene.carry_out(DeleteApprovalRule("coffee", "all", "", as_somebody(asked("end"))))
    assert scene.do(_of_program(scene.spending(10))).value.balance.active == 90


def test_a_rule_of_one_program_is_none_of_another(scene: Scene) -> None:
    """Partners put their own acts under approval, and nobody else's."""
    tea = Scene(scene.database, "ada", program="tea")
    tea.earn(50)
    command = tea.spending(10)
    assert tea.do(command._replace(context=command.context._replace(program="tea"))).value.balance.active == 40
    context = asked("suspend")._replace(program="tea")
    tea.carry_out(SuspendCustomer("tea", "ada", context))


def _of_program(command: Any) -> Any:
    return command._replace(context=command.context._replace(program="coffee"))


def _checked(command: Any, version: int) -> Any:
    context: CommandContext = command.context
    return command._replace(context=context._replace(checked=version))


def _version(scene: Scene) -> int:
    with connection(scene.database) as books:
        return ruling(books, "coffee").version
