"""Once is once: the same request again, in any company, changes nothing and answers the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from rules.accounts import Entry
from rules.refusals import DeadlinePassed, DuplicateTransaction, ProgramExists, RequestIdReused
from rules.transactions import Line, TransactionState
from server.commands import COLD
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.queries import Profile
from storage.customers.states import SuspendCustomer
from storage.engine import requests
from storage.engine.commands import carry_out
from storage.engine.database import Database, connection
from storage.engine.requests import Answer
from storage.programs.commands import CreateProgram
from tests.storage.acts import COLD_ACTS, commands
from tests.storage.scene import SETTINGS, START, Scene, answered, asked, request

LINES = (Line("espresso", "drinks", 2, 60), Line("cake", "", 1, 40))


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers with a card each."""
    return Scene(database, "ada", "ben")


@pytest.mark.parametrize("kind", ["purchase", "spending"])
def test_a_request_again_answers_what_it_answered_first(scene: Scene, kind: str) -> None:
    """A caller that lost the answer retries: it must hear the first one to the last figure, whatever came since."""
    scene.earn(500)
    command = getattr(scene, kind)(100)
    first = scene.do(command)
    scene.earn(7)
    scene.advance(timedelta(days=3))
    before = scene.contents()
    again = scene.do(command)
    assert again == first._replace(replayed=True)
    assert not first.replayed
    assert scene.contents() == before


@pytest.mark.parametrize("kind", ["purchase", "spending"])
def test_a_request_twice_in_one_group_is_made_once(scene: Scene, kind: str) -> None:
    """An impatient caller's retry may be gathered together with the call that it repeats."""
    scene.earn(500)
    command = getattr(scene, kind)(100)
    first, again = (answered(outcome) for outcome in scene.group(command, command))
    assert again == first._replace(replayed=True)
    assert len(scene.entries()) == 2
    scene.assert_conserved()


@pytest.mark.parametrize("together", [True, False])
def test_a_request_id_with_other_content_is_refused(scene: Scene, together: bool) -> None:
    """Answering with the first response would tell the caller that something was done which was not."""
    request_id = str(uuid4())
    commands = [scene.purchase(100, request_id=request_id), scene.purchase(200, request_id=request_id)]
    outcomes: list[Any] = scene.group(*commands) if together else [scene.group(one)[0] for one in commands]
    assert answered(outcomes[0]).value.points == 100
    assert isinstance(outcomes[1], RequestIdReused)
    assert scene.balance().active == 100


def test_request_ids_of_other_callers_and_methods_are_other_requests(scene: Scene) -> None:
    """Two tills that number from 1 must not answer each other."""
    request_id = str(uuid4())
    for caller, method in (("caller_1", "A"), ("caller_1", "B"), ("caller_2", "A")):
        command = scene.purchase(100)
        command = command._replace(context=command.context._replace(request=request("x", request_id, caller, method)))
        assert not scene.do(command).replayed
    assert scene.balance().active == 300


def test_a_request_that_was_answered_is_answered_again_after_its_deadline(scene: Scene) -> None:
    """Nothing has to be decided any more; refusing would only make the caller ask a third time."""
    command = scene.purchase(100)
    first = scene.do(command)
    assert scene.do(command._replace(context=command.context._replace(deadline=0.0))) == first._replace(replayed=True)


def test_a_refused_request_may_be_tried_again_with_the_same_id(scene: Scene) -> None:
    """A refusal is not kept: the points may be there next time."""
    command = scene.spending(100)
    [refused] = scene.group(command)
    assert isinstance(refused, Exception)
    scene.earn(100)
    assert not scene.do(command).replayed


@pytest.mark.parametrize("together", [True, False])
def test_a_transaction_again_under_another_request_answers_what_was_recorded(scene: Scene, together: bool) -> None:
    """The second belt: a till that restarted has forgotten its request ids, not its receipt numbers."""
    first, again = (
        scene.purchase(100, card="slow", transaction_id="receipt-1", lines=LINES),
        scene.purchase(100, card="slow", transaction_id="receipt-1", lines=LINES),
    )
    outcomes = scene.group(first, again) if together else [scene.do(first), scene.do(again)]
    made, repeated = (answered(outcome) for outcome in outcomes)
    assert repeated.replayed
    assert repeated.activity == made.activity
    stands = repeated.value.decided
    assert not repeated.value.changed_since
    assert (stands.state, stands.lot, stands.purchase.points) == (made.value.state, made.value.lot, made.value.points)
    assert (stands.activates_at, stands.expires_at) == (made.value.activates_at, made.value.expires_at)
    assert scene.balance(card="slow").pending == 100
    assert scene.rows("SELECT count(*) FROM transaction") == [(1,)]


_FIELDS = {"points": "amount", "name": "account", "card": "account", "occurred_at": "occur_time"}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        {"points": 101},
        {"name": "ben"},
        {"card": "slow"},
        {"occurred_at": START - timedelta(hours=1)},
        {"lines": LINES[:1]},
        {"lines": ()},
    ],
)
def test_a_transaction_again_with_other_content_is_refused(scene: Scene, other: dict[str, Any], together: bool) -> None:
    """Two purchases under one number: one of them would be lost without a word."""
    receipt: dict[str, Any] = {"points": 100, "transaction_id": "receipt-1", "lines": LINES}
    first, second = scene.purchase(**receipt), scene.purchase(**{**receipt, **other})
    outcomes: list[Any] = scene.group(first, second) if together else [scene.group(one)[0] for one in (first, second)]
    assert answered(outcomes[0]).value.points == 100
    assert isinstance(outcomes[1], DuplicateTransaction)
    # By its full name: whoever sent it by another customer's card learns whose it is.
    [field] = other
    assert outcomes[1].facts == {
        "transaction": f"{scene.address().customer_name}/transactions/receipt-1",
        "differs": _FIELDS.get(field, field),
    }
    assert scene.rows("SELECT sum(active + pending)::int FROM account") == [(100,)]


def test_a_transaction_again_says_that_its_points_became_active(scene: Scene) -> None:
    """The answer to "what became of it?" is about now, not about the day of the purchase."""
    first = scene.purchase(100, card="slow", transaction_id="receipt-1")
    assert scene.do(first).value.state is TransactionState.PENDING
    scene.advance(timedelta(days=12))
    again = scene.do(scene.purchase(100, card="slow", transaction_id="receipt-1")).value.decided
    assert again.state is TransactionState.ACCEPTED
    assert again.balance.active == 100


def test_creating_a_program_again_answers_the_first_program(database: Database) -> None:
    """Calls that are not hot keep the same promise."""
    create = CreateProgram("tea", SETTINGS, None, asked("tea"))
    first = carry_out(database, create)
    assert carry_out(database, create) == first._replace(replayed=True)
    with pytest.raises(ProgramExists):
        carry_out(database, create._replace(context=asked("other")))
    with pytest.raises(RequestIdReused):
        carry_out(database, create._replace(context=asked("other", create.context.request.request_id)))


def test_creating_a_customer_again_answers_the_customer_as_it_stands(scene: Scene) -> None:
    """Once all the same; but what was said about a person is kept in one place only, and may be erased from there."""
    create = CreateCustomer("coffee", "gwen", Profile("Gwendolyn", "gwen@example.com"), asked("gwen"))
    first = scene.carry_out(create)
    assert scene.carry_out(create) == first._replace(replayed=True)
    update = UpdateCustomer("coffee", "gwen", "", {"display_name": "Gwen"}, asked("Gwen"))
    changed = scene.carry_out(update)
    assert scene.carry_out(update) == changed._replace(replayed=True)
    again = scene.carry_out(create)
    assert (again.replayed, again.activity, again.value) == (True, first.activity, changed.value)
    assert scene.rows("SELECT FROM request WHERE strpos(response, 'gwen') > 0")
    assert not scene.rows("SELECT FROM request WHERE response ~ 'Gwen|example.com'")


def test_every_command_that_is_not_gathered_is_among_them() -> None:
    """One that is added and forgotten here is one that may be done twice."""
    assert set(COLD_ACTS) == commands(COLD)


@pytest.mark.parametrize("kind", COLD_ACTS, ids=lambda kind: kind.__name__)
def test_a_cold_request_several_times_at_once_is_made_once(scene: Scene, kind: type[Any]) -> None:
    """A proxy that repeats a call must not be told that it is done already, by whom?, nor do it twice."""
    command: Any = COLD_ACTS[kind](scene, asked(kind))
    assert type(command) is kind
    with ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda _: _from_a_thread(scene, command), range(3)))
    assert sorted(answer.replayed for answer in answers) == [False, True, True]
    assert len({answer.activity for answer in answers}) == 1
    assert scene.rows("SELECT count(*) FROM request WHERE request_id = %s", [command.context.request.request_id]) == [
        (1,)
    ]


def test_a_cold_command_whose_deadline_has_passed_is_not_begun(scene: Scene) -> None:
    """Its caller has gone, and may be asking somebody else; an answer that was given stands for ever."""
    command = SuspendCustomer("coffee", "ada", asked("suspension"))
    late = command.context._replace(deadline=0.0)
    with pytest.raises(DeadlinePassed):
        scene.carry_out(command._replace(context=late))
    first = scene.carry_out(command)
    assert scene.carry_out(command._replace(context=late)) == first._replace(replayed=True)


def test_kept_answers_are_forgotten_after_thirty_days_and_not_before(scene: Scene) -> None:
    """A month is promised; keeping them for ever would grow without end."""
    for points in (1, 2, 3):
        scene.earn(points)
    scene.execute("UPDATE request SET recorded_at = recorded_at - interval '31 days'")
    scene.earn(4)
    kept = scene.rows("SELECT count(*) FROM request WHERE recorded_at < now() - interval '30 days'")[0][0]
    with connection(scene.database) as books:
        assert requests.prune(books, limit=2) == 2
        assert requests.prune(books, limit=100) == kept - 2
        assert requests.prune(books, limit=100) == 0
    assert scene.rows("SELECT count(*) FROM request") == [(1,)]


def test_a_kept_answer_reads_back_as_it_was(scene: Scene) -> None:
    """Tuples, enums and instants go through JSON; a replay that differs in kind would break its converter."""
    scene.earn(500)
    command = scene.spending(100)
    first = scene.do(command).value.entry
    again = scene.do(command).value.entry
    assert isinstance(again, Entry)
    assert type(again.kind) is type(first.kind)
    assert again == first
    assert again.occurred_at.tzinfo is not None


def _from_a_thread(scene: Scene, command: Any) -> Answer[Any]:
    try:
        return scene.carry_out(command)
    finally:
        scene.database.close()
