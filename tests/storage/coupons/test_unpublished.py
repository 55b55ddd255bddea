"""What stands in the books and is seen by nobody: it keeps no code from others, and is removed without a trace."""

from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from rules.coupons.codes import Code
from rules.coupons.importing import lines as rules
from rules.coupons.importing.files import BadLine
from rules.coupons.importing.lines import Line
from rules.coupons.refusals import CodeExists, KeyspaceTooSmall
from storage.coupons import batches
from storage.coupons.generating.commands import GenerateCoupons
from storage.coupons.importing import staging
from storage.engine.database import Database
from storage.engine.unit import run, transaction
from tests.personal import CODES
from tests.storage.asking import CALLER
from tests.storage.coupons.making import discard, generate, made, step
from tests.storage.coupons.till import FIVE_OFF, Till
from tests.storage.operating import cancel
from tests.storage.scene import asked

READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'coupon'"


@pytest.fixture
def scene(database: Database) -> Till:
    """Ada and Ben, and a campaign."""
    found = Till(database)
    found.campaign(terms=replace(FIVE_OFF, unlimited_for_customer=True))
    return found


def begun(scene: Till, rehearses: bool = False) -> staging.Target:
    """A file on its way."""
    request = asked(("import", rehearses)).request
    target = staging.begin(scene.database, CALLER, scene.program_id, "spring", request, rehearses)
    assert target is not None
    return target


def staged(scene: Till, target: staging.Target, *texts: str, customer: str = "") -> list[Any]:
    """The bad lines of a piece."""
    lines = [Line(number, Code(text), customer, None, None) for number, text in enumerate(texts, 2)]
    sealed = CODES.seal_all(scene.program_id, texts)
    return run(scene.database, lambda unit: staging.stage(unit, target, lines, sealed))


def beside(database: Database, act: Callable[[], Any], meanwhile: Callable[[], Any]) -> Any:
    """What `act` answers or raises, which began before `meanwhile` was done and may wait for it."""
    told: list[Any] = []

    def acting() -> None:
        try:
            told.append(act())
        except Exception as error:
            told.append(error)
        finally:
            database.close()

    thread = Thread(target=acting)
    thread.start()
    thread.join(0.3)
    meanwhile()
    thread.join(10)
    return told[0]


def test_a_code_that_waits_to_be_removed_can_be_had_again(scene: Till) -> None:
    """By whoever makes one for all of it, as by an import; of one that may still be published nobody can."""
    target = begun(scene)
    assert staged(scene, target, "SUMMER2026") == []
    with pytest.raises(CodeExists):
        scene.shared()
    staging.discard(scene.database, target)
    coupon = scene.shared()
    scene.do(scene.redeem(coupon))
    discard(scene, target.campaign, target.batch)
    scene.do(scene.redeem(coupon, name="ben"))


def test_a_rehearsal_takes_no_number_and_no_code(scene: Till) -> None:
    """Not from an import that begins meanwhile, nor from the next; but it knows its own."""
    rehearsed = begun(scene, rehearses=True)
    assert staged(scene, rehearsed, "AAAA", "BBBB") == []
    real = begun(scene)
    assert (rehearsed.batch, real.batch) == (-1, 1)
    assert staged(scene, real, "AAAA") == []
    assert staged(scene, rehearsed, "BBBB", "AAAA") == [
        BadLine(2, *rules.DUPLICATE_IN_FILE),
        BadLine(3, *rules.DUPLICATE_IN_BOOKS),
    ]
    assert begun(scene, rehearses=True).batch == -2


@pytest.mark.parametrize("state", ["CLOSED", "MERGED"])
def test_who_leaves_at_that_moment_gets_none(scene: Till, state: str) -> None:
    """Whoever closes or merges a customer looks for coupons before; one that came after would be nobody's for ever."""
    target = begun(scene)
    with scene.another_connection() as books:
        books.execute("BEGIN")
        books.execute("UPDATE customer SET state = %s WHERE customer_id = 'ada'", [state])
        bad = beside(
            scene.database, lambda: staged(scene, target, "AAAA", customer="ada"), lambda: books.execute("COMMIT")
        )
    assert bad == [BadLine(2, *rules.CUSTOMER_NOT_FOUND)]


def test_removing_reads_nothing_twice(scene: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten millions are removed in a thousand steps: each goes on where the last one ended."""
    monkeypatch.setattr(batches, "REMOVED_MAX", 10)
    operation = generate(scene, 40, pattern="OURS-########@").value
    made(scene, 200)
    for _ in range(3):
        step(scene, operation.id)
    cancel(scene, operation)
    scene.execute("ANALYZE coupon")
    read = []
    while True:
        with transaction(scene.database) as unit:
            # So few rows would be read as a whole.
            unit.connection.execute("SET LOCAL enable_seqscan = off")
            [before] = unit.connection.execute(READ).fetchone() or (0,)
            is_done = batches.remove(unit, 1, 1)
            [after] = unit.connection.execute(READ).fetchone() or (0,)
            read.append(int(after) - int(before))
        if is_done:
            break
    assert read[0] >= 200
    assert len(read) == 4
    assert max(read[1:]) < 40
    assert scene.rows("SELECT batch, count(*)::int FROM coupon GROUP BY 1") == [(2, 200)]


def test_two_who_make_codes_of_one_pattern_at_once_see_each_other(scene: Till) -> None:
    """Each alone would be few enough: together a guess would find one. Whoever comes second is told."""
    scene.campaign("autumn")
    first = GenerateCoupons(scene.program_id, "spring", 700, "######", asked("first", action="coupons.generated"))
    with transaction(scene.database) as unit:
        first.decide(unit)
        unit.write()
        told = beside(scene.database, lambda: generate(scene, 30, "autumn", pattern="###-###"), unit.connection.commit)
    assert isinstance(told, KeyspaceTooSmall)
