"""Another noun in the same transaction: a voucher that counts its uses, redeemed together with a spending of points.

Nothing of the ledger knows it: it is its rules, its record, its load file, its command and its conversion.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rules.refusals import GroupRefused, InsufficientPoints
from storage.engine.database import Database, connection
from storage.engine.requests import Answer
from tests.databases import as_owner
from tests.storage.blocking import Ledger, written
from tests.storage.scene import Scene
from tests.storage.scene import asked as context
from tests.storage.vouchers.commands import RedeemVoucher, VoucherNotFound
from tests.storage.vouchers.conversion import redeem_voucher, redeemed
from tests.storage.vouchers.records import FUNCTIONS
from tests.storage.vouchers.rules import VoucherUsedUp

TABLE = """
CREATE TABLE voucher (
    program integer NOT NULL REFERENCES program,
    code    text    NOT NULL,
    uses_max bigint NOT NULL,
    uses    bigint  NOT NULL CHECK (uses <= uses_max),
    PRIMARY KEY (program, code)
)
"""


@pytest.fixture
def database_url(database_url: str) -> str:
    """A migrated database of this test's own, as its owner connects to it, who may make tables."""
    return as_owner(database_url)


@pytest.fixture
def scene(database: Database) -> Scene:
    """Ada and Ben with a hundred points each, and SUMMER, which may be redeemed three times."""
    made = Scene(database, "ada", "ben")
    with connection(database) as books:
        books.execute(TABLE.encode())
        for sql in FUNCTIONS.sql.values():
            books.execute(sql.encode())
    made.execute("INSERT INTO voucher SELECT id, 'SUMMER', 3, 0 FROM program")
    for name in ("ada", "ben"):
        made.earn(100, name)
    return made


def redemption(scene: Scene, points: int = 10, name: str = "ada", code: str = "SUMMER", **how: Any) -> RedeemVoucher:
    """A use of a voucher for so many points."""
    request = {"account": scene.address(name).name, "code": code, "points": points}
    return redeem_voucher(request, context(request, **how))


def uses(scene: Scene) -> int:
    """How often SUMMER was redeemed, as the books have it."""
    [(found,)] = scene.rows("SELECT uses FROM voucher")
    return int(found)


def test_both_happen_in_one_transaction(scene: Scene) -> None:
    """Else a crash in between would take points for nothing, or give something for none."""
    command = redemption(scene)
    [answer] = scene.group(command)
    assert isinstance(answer, Answer)
    assert redeemed(command, answer) == {"voucher": "programs/coffee/vouchers/SUMMER", "uses": 1, "spendable": 90}
    assert (uses(scene), scene.balance().spendable) == (1, 90)
    [again] = scene.group(command)
    assert isinstance(again, Answer)
    assert (again.replayed, again.value) == (True, answer.value)
    scene.assert_conserved()


def test_where_one_of_both_is_refused_neither_happens(scene: Scene) -> None:
    """The voucher is used first, and given back where the points do not suffice; nobody has to write that down."""
    assert isinstance(scene.refused(redemption(scene, 101)), InsufficientPoints)
    assert isinstance(scene.refused(redemption(scene, code="WINTER")), VoucherNotFound)
    for _ in range(3):
        scene.do(redemption(scene))
    assert isinstance(scene.refused(redemption(scene)), VoucherUsedUp)
    assert (uses(scene), scene.balance().spendable) == (3, 70)


def test_commands_of_a_group_see_what_those_before_them_left(scene: Scene) -> None:
    """Two redemptions of one voucher share a transaction with purchases; the limit holds among them."""
    outcomes = scene.group(*(redemption(scene, name=name) for name in ("ada", "ben") * 2), scene.purchase(5))
    assert [isinstance(one, Answer) for one in outcomes] == [True, True, True, False, True]
    assert isinstance(outcomes[3], VoucherUsedUp)
    assert uses(scene) == 3


def test_of_several_all_are_redeemed_or_none(scene: Scene) -> None:
    """An order with two vouchers that gets one of them is not the order that was placed."""
    before = scene.contents()
    refused = scene.all_or_nothing(redemption(scene), scene.purchase(7), redemption(scene, 98))
    assert [type(one) for one in refused] == [GroupRefused, GroupRefused, InsufficientPoints]
    assert scene.contents() == before
    done = scene.all_or_nothing(redemption(scene), scene.purchase(7), redemption(scene, name="ben"))
    assert all(isinstance(one, Answer) for one in done)
    assert uses(scene) == 2


def test_who_only_asks_is_told_and_nothing_is_used(scene: Scene) -> None:
    """A till shows what would happen before the customer agrees."""
    before = scene.contents()
    answer = scene.do(redemption(scene, 30, validate_only=True))
    assert (answer.value.uses, answer.value.spendable, answer.activity) == (1, 70, None)
    assert scene.contents() == before


def test_many_at_once_redeem_it_as_often_as_it_may_be(scene: Scene) -> None:
    """Servers beside each other lock it, in the one order of all nouns: nobody waits in a ring."""

    def redeem(number: int) -> Any:
        name = ("ada", "ben")[number % 2]
        [outcome] = Ledger(scene.database).run([redemption(scene, 1, name)])
        return outcome

    with ThreadPoolExecutor(4) as tills:
        outcomes = list(tills.map(redeem, range(12)))
    assert sum(isinstance(one, Answer) for one in outcomes) == 3
    assert sum(isinstance(one, VoucherUsedUp) for one in outcomes) == 9
    assert uses(scene) == 3


def test_a_voucher_that_somebody_holds_keeps_only_those_waiting_who_need_it(scene: Scene) -> None:
    """A purchase of the same moment does not wait for a coupon campaign."""
    other = scene.another_connection()
    with other.transaction():
        other.execute("SELECT FROM voucher FOR UPDATE")
        outcomes = written(scene, [[scene.purchase(5)], [scene.purchase(6, "ben")]])
        assert all(isinstance(one, Answer) for [one] in outcomes)
        [[busy]] = written(scene, [[redemption(scene, deadline=_soon())]])
        assert type(busy).__name__ == "Busy"
    other.close()
    [[outcome]] = written(scene, [[redemption(scene)]])
    assert isinstance(outcome, Answer)


def test_a_group_that_names_none_does_not_ask_for_any(scene: Scene) -> None:
    """What a purchase costs must not grow with each noun that Fealty learns."""
    with scene.another_connection() as other:
        for name in FUNCTIONS.sql:
            other.execute(f"DROP FUNCTION {name}".encode())
        other.execute("DROP TABLE voucher")
    scene.earn(5)


def _soon() -> float:
    return time.monotonic() + 1.0
