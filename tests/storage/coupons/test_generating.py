"""Codes by the million: exactly so many, none twice, all seen at once or none."""

import json

import pytest

from rules.coupons.codes import Code, Pattern, check_symbol_is_right
from rules.coupons.refusals import CampaignArchived, CampaignNotFound, KeyspaceTooSmall, PatternInvalid
from rules.coupons.terms import Benefit, CodeSource, Terms
from rules.refusals import ProgramArchived
from storage.coupons.generating import rows, steps
from storage.coupons.unchecked import program_has_unchecked_codes
from storage.engine.database import Database, connection
from storage.engine.unit import run
from storage.operations.records import OperationState
from tests.personal import CODES
from tests.storage.coupons.making import GIFT, archive, campaign, codes, finish, generate, made, step
from tests.storage.operating import cancel, read, tasks
from tests.storage.scene import START, Scene
from workers.actors.operations import DISCARD_BATCH

SEEN = """
SELECT count(*) FROM coupon c JOIN coupon_batch b ON b.campaign = c.campaign AND b.number = c.batch
WHERE published_at IS NOT NULL
"""
BATCH = "SELECT coupons, published_at IS NOT NULL, discarded_at IS NOT NULL FROM coupon_batch ORDER BY number"


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program with a campaign."""
    made = Scene(database)
    campaign(made)
    return made


def test_all_codes_are_made_before_any_is_seen_and_then_all_are(scene: Scene) -> None:
    """Somebody would otherwise hand out codes of a batch that is given up."""
    operation = generate(scene, 25).value
    seen = []
    for _ in range(3):
        seen.append(scene.rows(SEEN) + scene.rows(BATCH))
        step(scene, operation.id)
    assert seen == [[(0,), (0, False, False)], [(0,), (10, False, False)], [(0,), (20, False, False)]]
    assert scene.rows(SEEN) + scene.rows(BATCH) == [(25,), (25, True, False)]
    ended = read(scene, operation)
    assert (ended.state, ended.accounts_done, ended.figures) == (OperationState.SUCCEEDED, 25, {"coupons": 25})
    found = codes(scene)
    assert len(set(found)) == 25
    assert all(check_symbol_is_right(Code(code), Pattern()) for code in found)


def test_ids_grow_in_the_order_of_making(scene: Scene) -> None:
    """An export goes through them page by page, and what is made later stands behind."""
    made(scene, 25)
    first = scene.rows("SELECT max(id::text) FROM coupon")[0][0]
    made(scene, 3, pattern="AB-########@")
    later = [identity for (identity,) in scene.rows("SELECT id::text FROM coupon WHERE batch = 2 ORDER BY ctid")]
    assert later == sorted(later)
    assert first < later[0]
    assert {identity[14] for identity in later} == {"7"}


def test_a_coupon_is_as_its_campaign_says(scene: Scene) -> None:
    """Gift cards have their balance, codes of a pool can be taken from it, and none is anybody's."""
    campaign(scene, "gifts", GIFT)
    campaign(scene, "pool", Terms(Benefit.FREE_SHIPPING, code_source=CodeSource.POOL))
    for name in ("spring", "gifts", "pool"):
        made(scene, 2, name)
    columns = (
        "campaign_id, initial_minor, balance_minor, pooled, origin, batch, customer, expires_at, added_at, last_four"
    )
    found = scene.rows(f"SELECT {columns} FROM coupon JOIN coupon_campaign k ON k.id = campaign ORDER BY coupon.id")
    told = {row[0]: row[1:-1] for row in found}
    assert told == {
        "spring": (None, None, False, "GENERATED", 1, None, None, START),
        "gifts": (5_000, 5_000, False, "GENERATED", 1, None, None, START),
        "pool": (None, None, True, "GENERATED", 1, None, None, START),
    }
    assert [row[-1] for row in found] == [code[-4:] for code in codes(scene)]


def test_a_code_that_the_program_has_already_is_made_anew(scene: Scene) -> None:
    """Collisions are one in a billion, and a batch one short would be noticed by whoever printed it."""
    run(scene.database, lambda unit: rows.write(unit, CODES, _made(scene), ["AAAA", "BBBB", "CCCC"], START))
    landed = run(scene.database, lambda unit: rows.write(unit, CODES, _made(scene), ["BBBB", "DDDD", "CCCC"], START))
    assert landed == 1
    assert codes(scene) == ["AAAA", "BBBB", "CCCC", "DDDD"]


def _made(scene: Scene) -> rows.Made:
    if not scene.rows("SELECT FROM coupon_batch"):
        generate(scene, 10)
    [(number,)] = scene.rows("SELECT id FROM coupon_campaign")
    return rows.Made(number, scene.program.id, scene.program_id, 1, False, {})


def test_too_many_codes_of_a_short_pattern_are_refused_before_any_is_made(scene: Scene) -> None:
    """Also together with those that are there, or are being made, in whatever groups they are shown."""
    before = scene.contents()
    # 30 ** 6 codes, of which one in a million may exist.
    with pytest.raises(KeyspaceTooSmall):
        generate(scene, 730, pattern="######")
    assert scene.contents() == before
    campaign(scene, "autumn")
    generate(scene, 700, pattern="######")
    with pytest.raises(KeyspaceTooSmall) as refused:
        generate(scene, 30, "autumn", pattern="###-###")
    assert refused.value.facts["existing"] == "700"
    assert generate(scene, 29, "autumn", pattern="###-###").value.accounts_total == 29


def test_codes_without_a_check_symbol_mark_their_program(scene: Scene) -> None:
    """As they are published: from then on a wrong check symbol proves nothing."""
    operation = generate(scene, 5, pattern="##########").value
    with connection(scene.database) as books:
        assert not program_has_unchecked_codes(books, scene.program.id)
        finish(scene, operation)
        assert program_has_unchecked_codes(books, scene.program.id)


def test_a_cancelled_generation_leaves_no_code(scene: Scene) -> None:
    """Removed in steps by the task that made them; nothing of it was ever seen."""
    operation = generate(scene, 25).value
    step(scene, operation.id)
    cancel(scene, operation)
    finish(scene, operation)
    assert scene.rows("SELECT count(*) FROM coupon") == [(0,)]
    assert scene.rows(BATCH) == [(10, False, True)]
    assert read(scene, operation).state is OperationState.CANCELLED


def test_archived_meanwhile_it_fails_and_leaves_no_code(scene: Scene) -> None:
    """Nothing of an archived campaign begins, and codes that suddenly appear would."""
    operation = generate(scene, 25).value
    step(scene, operation.id)
    archive(scene)
    failed = finish(scene, operation)
    assert (failed.state, failed.error) == (OperationState.FAILED, "CampaignArchived")
    assert scene.rows("SELECT count(*) FROM coupon") == [(0,)]
    assert scene.rows(BATCH) == [(10, False, True)]


def test_what_workers_gave_up_is_removed_by_another_task(scene: Scene) -> None:
    """Their own task has failed."""
    operation = generate(scene, 25).value
    step(scene, operation.id)
    run(scene.database, lambda unit: steps.give_up(unit, operation.id, "KeyringError"))
    [(args,)] = scene.rows("SELECT args FROM task WHERE actor = 'discard_batch'")
    assert run(scene.database, lambda unit: DISCARD_BATCH.step(unit, args))
    assert scene.rows("SELECT count(*) FROM coupon") == [(0,)]
    assert (read(scene, operation).state, read(scene, operation).error) == (OperationState.FAILED, "KeyringError")


def test_a_published_batch_is_never_removed(scene: Scene) -> None:
    """Whatever task is left over."""
    made(scene, 5)
    [(campaign_number,)] = scene.rows("SELECT id FROM coupon_campaign")
    assert run(scene.database, lambda unit: DISCARD_BATCH.step(unit, {"campaign": campaign_number, "batch": 1}))
    assert len(codes(scene)) == 5


def test_whoever_only_asks_hears_of_it_and_nothing_is_made(scene: Scene) -> None:
    """The name is empty: there is no such operation."""
    before = scene.contents()
    rehearsed = generate(scene, 25, validate_only=True).value
    assert (rehearsed.name, rehearsed.accounts_total, rehearsed.figures) == ("", 25, {"coupons": 0})
    assert scene.contents() == before
    assert tasks() == []


def test_asked_again_it_is_one_generation(scene: Scene) -> None:
    """Somebody clicked twice: a second million of codes would be out."""
    first, again = generate(scene, 25, request_id="r"), generate(scene, 25, request_id="r")
    assert (again.value, again.replayed) == (first.value, True)
    assert len(tasks()) == 1


def test_codes_are_for_campaigns_that_are_there_and_not_archived(scene: Scene) -> None:
    """And of patterns that can be used."""
    with pytest.raises(CampaignNotFound):
        generate(scene, 5, "autumn")
    with pytest.raises(PatternInvalid):
        generate(scene, 5, pattern="#@#")
    archive(scene)
    with pytest.raises(CampaignArchived):
        generate(scene, 5)
    scene.archive()
    with pytest.raises(ProgramArchived):
        generate(scene, 5)


def test_the_log_says_how_many_of_which_and_no_code(scene: Scene) -> None:
    """Beginning and end; who reads the log can use none of them."""
    operation = made(scene, 12)
    bodies = [json.loads(body) for body in scene.bodies()]
    [began] = [body for body in bodies if body["action"] == "coupons.generated"]
    [ended] = [body for body in bodies if body["action"] == "operation.succeeded"]
    assert began["subject"] == "programs/coffee/couponCampaigns/spring"
    assert began["details"] == {
        "accounts": 12,
        "batch": "programs/coffee/couponCampaigns/spring/batches/1",
        "operation": operation.name,
        "pattern": "####-####-####@",
    }
    assert (ended["details"]["coupons"], ended["cause"]) == (12, began["id"])
    assert not any(code in str(bodies) for code in codes(scene))
