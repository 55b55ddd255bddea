"""Requests for approval in the books: sealed, decided on, carried out once, and gone."""

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rules.approvals.deciding import OPEN, WAYS, ApprovalState, Need
from rules.approvals.refusals import AlreadyDecided, ApprovalStateWrong
from rules.refusals import StaleEtag
from storage.approvals import outcomes, queries
from storage.approvals.deciding import ApproveRequest, RejectRequest, SubmitApprovalRequest, WithdrawRequest
from storage.approvals.outcomes import Failure
from storage.approvals.queries import ApprovalRequest
from storage.engine import keyring
from storage.engine.database import Database
from storage.engine.keyring import DoesNotOpen, Keyring
from storage.engine.requests import Answer, keep
from storage.engine.unit import Unit, run
from storage.personal import rotation
from tests.personal import KEY, KEYRING
from tests.storage.approvals.submitting import FROZEN, as_somebody, ask_somebody, somebody
from tests.storage.scene import Scene, asked

TWO = (Need("large", 2),)


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program and its customer."""
    return Scene(database, "ada")


def test_whatever_is_done_in_whatever_order_a_request_goes_the_ways_it_may(scene: Scene) -> None:
    """What the rules say of states is what the books do: a hundred walks, of which none comes back from an end."""
    chance = random.Random(56)
    for _ in range(100):
        name, seen = ask_somebody(scene, needs=TWO, is_draft=chance.random() < 0.5), []
        for _ in range(8):
            before = _found(scene, name)
            after = _step(scene, name, chance)
            assert after.state is before.state or after.state in WAYS[before.state]
            seen.append(after.state)
        ended = _found(scene, name)
        assert (ended.ended_at is None) == (ended.state in OPEN | {ApprovalState.APPROVED})
        if ended.ended_at is not None:
            assert _held(scene, name).message is None
        if ApprovalState.APPROVED in seen:
            assert [one.decision for one in ended.decisions] == ["APPROVED", "APPROVED"]
            assert len({one.party.caller for one in ended.decisions}) == 2
    assert not scene.rows("SELECT FROM approval_request WHERE (sealed IS NULL) <> (ended_at IS NOT NULL)")


def test_each_change_has_an_activity_that_follows_from_the_one_before(scene: Scene) -> None:
    """Read backwards from the end, the log tells the whole story."""
    name = ask_somebody(scene, needs=TWO)
    for number in (3, 4):
        scene.carry_out(ApproveRequest(name, "", as_somebody(asked(number), f"caller_{number}")))
    found = _finished(scene, name, Failure("LOT_STATE", "The lot is in another state."))
    log = dict(scene.rows("SELECT id, body::json ->> 'cause' FROM activity"))
    assert log[found.end_activity] == str(found.approved_activity)
    assert [log[one.activity] for one in found.decisions] == [str(found.activity)] * 2


def test_what_was_done_counts_whoever_says_that_it_failed(scene: Scene) -> None:
    """A server that came too late must not write down that nothing happened."""
    name = ask_somebody(scene)
    scene.carry_out(ApproveRequest(name, "", as_somebody(asked("yes"))))
    found = _found(scene, name)
    effect = str(found.activity)

    def act(unit: Unit) -> None:
        keep(unit, outcomes.key_of(found), Answer(found, effect))

    run(scene.database, act)
    ended = _finished(scene, name, Failure("INSUFFICIENT_POINTS", "Too few."))
    assert (ended.state, str(ended.effect_activity)) == (ApprovalState.EXECUTED, effect)
    assert _finished(scene, name, Failure("INSUFFICIENT_POINTS", "Too few.")) == ended


def test_what_is_put_off_waits_the_longer_the_longer_it_has_waited(scene: Scene) -> None:
    """What can never be done is looked at once an hour, and others get their turn; it still is the same request."""
    name = ask_somebody(scene)
    found = scene.carry_out(ApproveRequest(name, "", as_somebody(asked("yes")))).value
    for waited, at_least, at_most in ((0, 5, 6), (60, 60, 66), (100_000, 3600, 3600)):
        scene.rows(
            "UPDATE approval_request SET due_at = now(), updated_at = now() - make_interval(secs => %s) RETURNING id",
            [waited],
        )
        assert run(scene.database, lambda unit: outcomes.approved(unit.connection, 16)) == [found.id]
        run(scene.database, lambda unit: outcomes.put_off(unit.connection, found.id))
        assert run(scene.database, lambda unit: outcomes.approved(unit.connection, 16)) == []
        [(pause_s,)] = scene.rows("SELECT extract(epoch FROM due_at - clock_timestamp())::float FROM approval_request")
        assert at_least - 1 < pause_s <= at_most
    assert _found(scene, name).etag == found.etag


def test_an_old_etag_is_refused(scene: Scene) -> None:
    """Whoever decides on what has changed since he looked is to look again."""
    name = ask_somebody(scene, needs=TWO)
    etag = _found(scene, name).etag
    scene.carry_out(ApproveRequest(name, etag, as_somebody(asked(3), "caller_3")))
    with pytest.raises(StaleEtag):
        scene.carry_out(ApproveRequest(name, etag, as_somebody(asked(4), "caller_4")))


def test_what_was_asked_for_opens_in_its_own_row_alone(scene: Scene) -> None:
    """Whoever can write to the database cannot have another act approved than the one that was shown."""
    one = ask_somebody(scene, FROZEN._replace(message=b"ten points"))
    other = ask_somebody(scene, FROZEN._replace(message=b"a million"))
    assert _held(scene, one).message == b"ten points"
    scene.rows(
        "UPDATE approval_request SET sealed = (SELECT sealed FROM approval_request WHERE id = %s) WHERE id = %s"
        " RETURNING id",
        [_found(scene, other).id, _found(scene, one).id],
    )
    with pytest.raises(DoesNotOpen):
        _held(scene, one)


def test_a_rotation_of_the_personal_key_keeps_what_waits(scene: Scene, tmp_path: Path) -> None:
    """The key of the installation changes while things wait for approval."""
    name, file = ask_somebody(scene), tmp_path / "personal.key"
    keyring.write(file, [KEY])
    rotation.rotate(scene.database, file)
    assert scene.rows("SELECT key_id FROM approval_key WHERE key_id <> %s", [KEY.id])
    assert _held(scene, name, keyring.load(file)).message == FROZEN.message


def _step(scene: Scene, name: str, chance: random.Random) -> ApprovalRequest:
    """One thing that somebody, or time, may do."""
    deeds: list[Any] = [
        lambda: SubmitApprovalRequest(name, "", "It was promised.", as_somebody(asked(1), "caller_2")),
        lambda: WithdrawRequest(name, "", as_somebody(asked(2), "caller_2")),
        lambda: ApproveRequest(name, "", as_somebody(asked(3), "caller_3")),
        lambda: ApproveRequest(name, "", as_somebody(asked(4), "caller_4")),
        lambda: RejectRequest(name, "", as_somebody(asked(5), "caller_5")),
    ]
    deed = chance.choice([*deeds, *deeds, _expire, _fail])
    if deed in (_expire, _fail):
        found: ApprovalRequest = deed(scene, name)
        return found
    with suppress(ApprovalStateWrong, AlreadyDecided):
        scene.carry_out(deed())
    return _found(scene, name)


def _expire(scene: Scene, name: str) -> ApprovalRequest:
    identity = _found(scene, name).id
    scene.rows("UPDATE approval_request SET expires_at = now() WHERE id = %s RETURNING id", [identity])
    run(scene.database, lambda unit: outcomes.expire(unit, 10))
    return _found(scene, name)


def _fail(scene: Scene, name: str) -> ApprovalRequest:
    return _finished(scene, name, Failure("LOT_STATE", "The lot is in another state."))


def _finished(scene: Scene, name: str, failure: Failure) -> ApprovalRequest:
    identity = _found(scene, name).id
    return run(scene.database, lambda unit: outcomes.finish(unit, identity, failure))


def _found(scene: Scene, name: str) -> ApprovalRequest:
    return run(scene.database, lambda unit: queries.get(name, somebody("caller_2"), unit.now))


def _held(scene: Scene, name: str, keys: Keyring = KEYRING) -> outcomes.Held:
    identity = _found(scene, name).id

    def held(unit: Unit) -> outcomes.Held:
        unit.keyring = keys
        found = outcomes.held(unit, identity)
        assert found is not None
        return found

    return run(scene.database, held)
