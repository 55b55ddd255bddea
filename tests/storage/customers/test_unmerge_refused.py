"""A merge that cannot be undone says why, by the names of what was used since; and nothing happens."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from rules.refusals import CustomerMerged, CustomerStateWrong, UnmergeImpossible
from storage.engine.database import Database
from storage.ledger.acts.transactions import UpdateTransaction
from storage.ledger.addresses import TransactionName
from tests.storage import members
from tests.storage.members import assert_conserved, merge, unmerge
from tests.storage.scene import Scene, asked


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three customers, and cards of every kind."""
    made = Scene(database, "ada", "ben", "cyd")
    members.more_cards(made)
    return made


def _late_hold(scene: Scene) -> None:
    members.hold(scene, 160, "ben")


def _spend_after(scene: Scene) -> None:
    scene.do(scene.spending(120, "ben"))


def _capture(scene: Scene) -> None:
    members.capture(scene, 1, "ben")


def _refund_beyond(scene: Scene) -> None:
    scene.do(scene.spending(20, "ben"))
    members.roll_back(scene, 3, "ben")
    members.refund(scene, "spent", "ben")


def _correct(scene: Scene) -> None:
    name = TransactionName("coffee", "ben", "slow")
    scene.do(UpdateTransaction(name, 35, "EUR", (), asked(object())))


def _give_away(scene: Scene) -> None:
    members.transfer(scene, 120, "ben", "cyd")


def _repay(scene: Scene) -> None:
    scene.earn(5, name="ben", card="owing")


USES: dict[str, tuple[Callable[[Scene], None], str]] = {
    "spent": (_spend_after, "accounts/plain/lots/2"),
    "given away": (_give_away, "accounts/plain/lots/2"),
    "captured": (_capture, "accounts/plain/lots/2, .*accounts/plain/holds/1"),
    "held with others": (_late_hold, "accounts/plain/lots/2"),
    "refunded from other points": (_refund_beyond, "transactions/spent"),
    "corrected": (_correct, "transactions/slow"),
    "repaid": (_repay, "accounts/owing/shortfalls/1"),
}


@pytest.mark.parametrize("use", USES)
def test_what_was_used_since_cannot_be_parted_and_is_named(scene: Scene, use: str) -> None:
    """Whose points they were nobody can say any more; who asks must be able to look."""
    scene.earn(80, name="ben")
    scene.earn(30, transaction_id="spent")
    scene.do(scene.spending(30))
    scene.earn(100, transaction_id="coffee")
    scene.earn(40, card="slow", transaction_id="slow")
    scene.earn(50, card="owing", transaction_id="owing")
    scene.do(scene.spending(50, card="owing"))
    members.refund(scene, "owing", "ada")
    members.hold(scene, 10)
    merge(scene)
    act, named = USES[use]
    act(scene)
    before = scene.contents()
    for validate_only in (True, False):
        with pytest.raises(UnmergeImpossible, match=f"used since they moved: .*{named}"):
            unmerge(scene, validate_only=validate_only)
    assert scene.contents() == before
    assert_conserved(scene)


def test_many_that_were_used_are_named_five_at_most(scene: Scene) -> None:
    """A sentence that names a thousand lots is read by nobody."""
    for _ in range(8):
        scene.earn(10)
    merge(scene)
    scene.do(scene.spending(80, "ben"))
    with pytest.raises(UnmergeImpossible) as refused:
        unmerge(scene)
    assert refused.value.facts["why"].count("/lots/") == 5
    assert refused.value.facts["why"].endswith(" and more")


def test_what_does_not_fit_its_state_is_refused(scene: Scene) -> None:
    """Only one that was merged can be parted, and only from one that may give points away."""
    with pytest.raises(CustomerStateWrong) as refused:
        unmerge(scene)
    assert refused.value.facts == {"customer": "ada", "state": "ACTIVE", "wanted": "MERGED"}
    scene.earn(100)
    merge(scene)
    members.suspend(scene, "ben")
    with pytest.raises(CustomerStateWrong) as refused:
        unmerge(scene)
    assert refused.value.facts == {"customer": "ben", "state": "SUSPENDED", "wanted": "ACTIVE"}
    members.reactivate(scene, "ben")
    request_id = str(uuid4())
    first = unmerge(scene, request_id=request_id)
    before = scene.contents()
    assert unmerge(scene, request_id=request_id) == first._replace(replayed=True)
    assert scene.contents() == before
    merge(scene)
    with pytest.raises(CustomerMerged):
        members.suspend(scene, "ada")
