"""A redating covers the lots that stand in the books when it is asked for, each once, in whatever steps it is done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rules.cards import Card, ExpiryPolicy
from rules.refusals import ExpiryInPast, RequestIdReused, SettingsInvalid
from storage.engine.database import Database
from storage.ledger.redating.terms import Expiry, Terms
from storage.operations.records import OperationState
from tests.storage import members
from tests.storage.operating import (
    NEVER,
    begin,
    expiries,
    figures,
    finish,
    left,
    read,
    redate,
    step,
    tasks,
)
from tests.storage.scene import SLOW, START, Scene, request

NAMES = ("ada", "ben", "cyd", "dan", "eve")
DAY = timedelta(days=1)
LATER = Terms("slow", Expiry.AT, START + 300 * DAY)
TODAY = Terms("slow", Expiry.BY_CURRENT_POLICY)


@pytest.fixture
def scene(database: Database) -> Scene:
    """Five customers with three lots each that expire, and one that does not."""
    made = Scene(database, *NAMES)
    for number in range(3):
        for name in NAMES:
            made.earn(10 + number, name, "slow")
        made.advance(DAY)
    made.earn(50, "ada")
    return made


@pytest.mark.parametrize(("accounts", "lots"), [(1, 1), (1, 2), (2, 3), (2, 4), (5, 7), (100, 100)])
def test_in_steps_of_any_size_it_changes_each_lot_once(scene: Scene, accounts: int, lots: int) -> None:
    """Also where a step ends in the middle of an account: the sums are what the auditor goes by."""
    operation = begin(scene, LATER)
    assert (operation.state, operation.accounts_done, operation.accounts_total) == (OperationState.RUNNING, 0, 5)
    done = finish(scene, operation, accounts, lots)
    assert (done.state, done.accounts_done, figures(done)) == (OperationState.SUCCEEDED, 5, (15, 165, 5))
    assert expiries(scene) == {name: [LATER.expires_at] * 3 for name in NAMES}
    assert scene.rows("SELECT count(*), count(DISTINCT (account, lot)) FROM redating") == [(15, 15)]
    assert left(scene, operation) == []
    scene.assert_conserved()


def test_no_step_looks_at_more_than_its_size(scene: Scene) -> None:
    """What it holds, others wait for: an account with ten thousand lots is many steps as well."""
    operation = begin(scene)
    changed = []
    while not step(scene, operation, 2, 2):
        changed.append(figures(read(scene, operation))[0])
    assert changed == [2, 4, 6, 8, 10, 12, 14]


@pytest.mark.parametrize("terms", [NEVER, LATER, TODAY, Terms("slow", Expiry.NEVER, None, START + 43 * DAY)])
def test_a_preview_says_exactly_what_will_be_done(scene: Scene, terms: Terms) -> None:
    """Nobody moves the expiry of a hundred thousand lots without having seen how many, and how many points."""
    scene.change(cards=(scene.program.settings.cards[0], _longer(2)))
    scene.do(scene.lot(1, activate=False, name="eve", card="slow"))
    before = scene.contents()
    preview = redate(scene, terms, validate_only=True)
    assert scene.contents() == before
    assert preview.activity is None
    assert preview.value.operation.name == ""
    done = finish(scene, begin(scene, terms), 2, 4)
    told = preview.value.operation
    assert figures(told) == figures(done)
    assert figures(done)[0] > 0
    assert (told.state, told.accounts_done, told.accounts_total) == (
        done.state,
        done.accounts_done,
        done.accounts_total,
    )
    found = expiries(scene)
    for lot in preview.value.sample:
        parts = lot.name.split("/")
        assert lot.after in found[parts[3]]


def test_of_one_customer_it_is_done_when_it_is_answered(scene: Scene) -> None:
    """Whoever helps a customer at a desk sees the result at once: the first step is the call's own."""
    answer = redate(scene, NEVER, "ada")
    done = answer.value.operation
    assert (done.state, figures(done)) == (OperationState.SUCCEEDED, (3, 33, 1))
    assert read(scene, done) == done
    assert tasks() == []
    assert expiries(scene)["ada"] == [None] * 3
    assert None not in expiries(scene)["ben"]


def test_one_that_is_not_done_at_once_waits_for_workers(scene: Scene) -> None:
    """With every worker dead it waits, and each balance is right."""
    operation = begin(scene)
    assert tasks() == [{"operation": str(operation.id), "kind": "REDATE_LOTS"}]
    scene.advance(80 * DAY)
    assert [scene.balance(name, "slow").active for name in NAMES] == [0] * 5
    done = finish(scene, operation)
    assert (done.state, done.accounts_done, figures(done)) == (OperationState.SUCCEEDED, 5, (0, 0, 0))
    scene.assert_conserved()


def test_the_same_request_begins_one_operation(scene: Scene) -> None:
    """A lost answer is asked for again."""
    key = request(()).request_id
    first, again = (redate(scene, request_id=key) for _ in range(2))
    assert again == first._replace(replayed=True)
    assert scene.rows("SELECT count(*) FROM operation") == [(1,)]
    with pytest.raises(RequestIdReused):
        redate(scene, LATER, request_id=key)


def test_what_comes_after_it_was_asked_for_is_not_covered(scene: Scene) -> None:
    """It is exact about what it covers: a purchase of while it runs keeps the terms it was made under."""
    operation = begin(scene)
    for name in ("ada", "eve"):
        scene.earn(7, name, "slow")
    done = finish(scene, operation)
    assert figures(done) == (15, 165, 5)
    assert [expiries(scene)[name][3] is None for name in ("ada", "eve")] == [False, False]


def test_what_was_spent_or_has_expired_meanwhile_is_left_as_it_is(scene: Scene) -> None:
    """Of what is left it moves the expiry; what is gone it does not bring back."""
    scene.advance(15 * DAY)
    scene.earn(9, "ben", "slow")
    operation = begin(scene)
    scene.do(scene.spending(15, "ada", "slow"))
    scene.advance(40 * DAY)
    done = finish(scene, operation)
    assert figures(done) == (1, 9, 1)
    assert scene.balance("ada", "slow").active == 0
    assert [scene.balance(name, "slow").expired for name in ("ada", "ben")] == [18, 33]
    scene.assert_conserved()


def test_of_a_lot_that_was_spent_in_part_the_rest_is_redated(scene: Scene) -> None:
    """Its figures are those of the instant at which its step came by."""
    scene.advance(15 * DAY)
    operation = begin(scene)
    scene.do(scene.spending(15, "ada", "slow"))
    done = finish(scene, operation)
    assert figures(done) == (14, 150, 5)
    scene.assert_conserved()


def test_what_was_merged_away_meanwhile_keeps_its_expiry(scene: Scene) -> None:
    """A merge makes new lots elsewhere, as they are: those that it has not come by before are not covered."""
    operation = begin(scene)
    assert not step(scene, operation, 1)
    members.merge(scene, "ada", "eve")
    members.merge(scene, "ben", "dan")
    done = finish(scene, operation)
    assert figures(done) == (12, 132, 4)
    assert done.accounts_done == 5
    assert sum(end is None for end in expiries(scene)["eve"]) == 6
    assert sum(end is None for end in expiries(scene)["dan"]) == 3
    assert len(expiries(scene)["dan"]) == 6
    scene.assert_conserved()


def test_the_policy_it_follows_is_that_of_when_it_was_asked_for(scene: Scene) -> None:
    """Half of a program under one policy and half under the next would be nobody's intention."""
    plain = scene.program.settings.cards[0]
    scene.change(cards=(plain, _longer(2)))
    operation = begin(scene, TODAY)
    assert not step(scene, operation)
    scene.change(cards=(plain, _longer(9)))
    finish(scene, operation)
    assert len({tuple(ends) for ends in expiries(scene).values()}) == 1


def test_an_expiry_that_has_passed_before_its_step_comes_is_now(scene: Scene) -> None:
    """Nobody loses points at an instant at which they could be spent."""
    operation = begin(scene, Terms("slow", Expiry.AT, START + 5 * DAY))
    scene.advance(12 * DAY)
    finish(scene, operation)
    assert expiries(scene)["ada"] == [START + 15 * DAY] * 3
    scene.assert_conserved()
    scene.sweep()
    expired = scene.entries("ada", "slow")[0].entry
    assert (expired.amount, expired.occurred_at) == (-33, START + 15 * DAY)
    scene.assert_conserved()


def test_points_that_end_sooner_now_expire_without_anybody_coming_by(scene: Scene) -> None:
    """`due_at` follows the new expiry: a sweep finds it, and every reader."""
    scene.advance(12 * DAY)
    finish(scene, begin(scene, Terms("slow", Expiry.AT, START + 16 * DAY)))
    scene.advance(DAY)
    assert scene.balance("dan", "slow").active == 0
    scene.sweep()
    assert scene.balance("dan", "slow").expired == 33
    scene.assert_conserved()


def test_a_sliding_lot_leaves_what_it_shares(database: Database) -> None:
    """Only the lots that stood then: what comes later slides on."""
    scene = Scene(database)
    members.more_cards(scene)
    scene.earn(5, card="sliding")
    done = redate(scene, Terms("sliding", Expiry.NEVER), "ada").value.operation
    assert figures(done) == (1, 5, 1)
    scene.earn(6, card="sliding")
    scene.advance(60 * DAY)
    assert scene.balance(card="sliding").active == 5
    scene.assert_conserved()


def test_what_contradicts_the_program_is_refused_before_anything_begins(scene: Scene) -> None:
    """Rehearsed or not: an operation that cannot be done is never begun."""
    members.more_cards(scene)
    before = scene.contents()
    for validate_only in (True, False):
        with pytest.raises(ExpiryInPast):
            redate(scene, Terms("slow", Expiry.AT, START), validate_only=validate_only)
        with pytest.raises(SettingsInvalid):
            redate(scene, Terms("sliding", Expiry.BY_CURRENT_POLICY), validate_only=validate_only)
    assert scene.contents() == before


def _longer(months: int) -> Card:
    return replace(SLOW, expiry_policy=ExpiryPolicy(months))
