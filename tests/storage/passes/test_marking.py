"""Every change of what a card says marks it, though no writer knows of cards; and little else does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from fealty.v1 import activity_pb2, options_pb2
from rules.passes.designs import Field, PassKind, Slot, Source
from rules.rewards import Offer, RewardTerms
from storage.activity.commands import Outcome, Scope, record
from storage.coupons.campaigns import UpdateCampaign
from storage.coupons.voiding import steps
from storage.coupons.voiding.commands import VoidCoupons
from storage.customers.commands import UpdateCustomer
from storage.engine.commands import ColdCommand
from storage.engine.database import Database, connection
from storage.engine.unit import run
from storage.passes import marking
from storage.passes.templates import UpdateTemplate
from storage.programs.commands import AdvanceTestClock, UpdateProgram
from storage.rewards.catalogue import CreateReward, UpdateReward
from tests.contract.descriptors import methods
from tests.storage.asking import ORIGIN, asked
from tests.storage.coupons.making import WHY
from tests.storage.coupons.till import FIVE_OFF, Till
from tests.storage.members import close, merge, suspend, unmerge
from tests.storage.passes.carrying import COUPON, LOYALTY, follow, issue, marked, phone, refresh, template, update
from tests.storage.scene import START, Scene

RENAMED = {"display_name": "Another"}
TOKYO = {"time_zone": "Asia/Tokyo"}
MUG = Offer("Mug", "", RewardTerms("plain", 10))
POLICY: Any = options_pb2.policy
WITH_REWARD = replace(LOYALTY, fields=(*LOYALTY.fields, Field("next", Slot.BACK, Source.NEXT_REWARD)))


def test_what_a_customer_does_marks_the_passes_of_that_customer(database: Database) -> None:
    """All of them, and nobody else's."""
    scene = Scene(database, "ada", "ben")
    made, other = template(scene), template(scene, template_id="other")
    passes = {issue(scene, made), issue(scene, other)}
    issue(scene, made, "ben")
    follow(scene)
    scene.execute("DELETE FROM pass_mark")
    scene.earn(100)
    follow(scene)
    assert marked(scene) == passes


def _earn_and_wait(scene: Scene) -> None:
    scene.earn(100, card="slow")
    follow(scene)
    scene.execute("DELETE FROM pass_mark")
    scene.advance(timedelta(days=20))
    scene.sweep()


CHANGES: dict[str, Callable[[Till], object]] = {
    "earned": lambda scene: scene.earn(100),
    "refused, and time has passed": lambda scene: scene.earn(7),
    "renamed": lambda scene: scene.carry_out(
        UpdateCustomer("coffee", "ada", "", {"display_name": "Ada L."}, asked("renamed"))
    ),
    "suspended": suspend,
    "closed": close,
    "merged": lambda scene: merge(scene, "ada", "ben"),
    "redeemed": lambda scene: scene.do(scene.redeem(scene.coupon(name="ada", code="AAAA2222"))),
    "swept": lambda scene: _earn_and_wait(scene),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_marks_the_pass(database: Database, change: str) -> None:
    """By whatever it was made."""
    scene = Till(database)
    scene.campaign()
    made = issue(scene, template(scene))
    update(scene)
    scene.execute("DELETE FROM pass_mark")
    CHANGES[change](scene)
    follow(scene)
    assert made in marked(scene)


def test_a_merge_and_its_way_back_mark_the_passes_of_both(database: Database) -> None:
    """Points leave one card for the other."""
    scene = Scene(database, "ada", "ben")
    passes = {issue(scene, made := template(scene)), issue(scene, made, "ben")}
    for act in (merge, unmerge):
        update(scene)
        scene.execute("DELETE FROM pass_mark")
        act(scene)
        follow(scene)
        assert marked(scene) == passes


def test_a_card_that_ended_long_ago_is_marked_by_nothing_that_its_customer_does(database: Database) -> None:
    """Members of many years have many that ended; but each is told its end, however late that is noticed."""
    scene = Scene(database)
    ended, young = (issue(scene, template(scene, template_id=one)) for one in ("ended", "young"))
    update(scene)
    scene.execute("DELETE FROM pass_mark")
    scene.execute("UPDATE pass SET voided_at = now() - interval '2 hours' WHERE id = %s", [ended])
    scene.execute("UPDATE pass SET voided_at = now() WHERE id = %s", [young])
    scene.earn(100)
    follow(scene)
    assert marked(scene) == {young}
    scene.execute("UPDATE pass SET erased_at = now()")
    scene.earn(100)
    follow(scene)
    assert marked(scene) == {ended, young}


def test_an_act_that_was_refused_marks_nothing(database: Database) -> None:
    """A till that tries a wrong code all day keeps no phone awake."""
    scene = Scene(database)
    issue(scene, template(scene))
    update(scene)
    scope = Scope(scene.program.id, scene.rows("SELECT id FROM customer")[0][0])
    run(database, lambda unit: record(unit, ORIGIN, "", scope, outcome=Outcome.REFUSED))
    follow(scene)
    assert not marked(scene)


def mark_all(scene: Scene, size: int = 10, window: timedelta = timedelta(0)) -> int:
    """Marks the passes of templates that were changed; how many steps it took."""
    steps = 0
    while scene.rows("SELECT FROM pass_remark"):
        run(scene.database, lambda unit: marking.mark_more(unit.connection, size, window))
        steps += 1
    return steps


def test_cards_in_phones_of_a_changed_template_are_marked_as_fast_as_they_can_be_pushed(database: Database) -> None:
    """A million pushes planned at once would be in front of each purchase, for hours."""
    scene = Scene(database, *(names := [f"c{number}" for number in range(30)]))
    made = scene.template().id
    cards = sorted(issue(scene, made, name) for name in names)
    for number, card in enumerate(cards[10:20]):
        phone(scene, card, name=f"phone {number}")
    context = asked("tea", action="pass_template.updated")
    scene.carry_out(UpdateTemplate("coffee", "card", "", {"design.sharing_prohibited": True}, context))
    follow(scene)
    marks = [run(scene.database, lambda unit: marking.mark_more(unit.connection, 10, timedelta(0))) for _ in range(4)]
    assert marks == [10, 10, 0, 0], "the first ten are in no phone, and keep nobody waiting"
    [(pause,)] = scene.rows("SELECT due_at - now() FROM pass_remark")
    assert timedelta(0) < pause <= 10 * marking.APPLE_PAUSE
    assert mark_all(scene, 11) > 1


def test_a_change_of_a_template_marks_its_passes_in_steps(database: Database) -> None:
    """There may be a million of them: a step marks some, and the next goes on behind."""
    scene = Scene(database, *(names := [f"c{number}" for number in range(25)]))
    made, other = scene.template().id, template(scene, template_id="other")
    passes = {issue(scene, made, name) for name in names}
    issue(scene, other, "c1")
    follow(scene)
    scene.execute("DELETE FROM pass_mark")
    context = asked("tea", action="pass_template.updated")
    scene.carry_out(UpdateTemplate("coffee", "card", "", {"design.sharing_prohibited": True}, context))
    follow(scene)
    assert not marked(scene)
    assert mark_all(scene) == 3
    assert marked(scene) == passes


def test_what_changes_all_passes_again_and_again_is_told_once_in_a_while(database: Database) -> None:
    """Somebody who tries one setting after the other would wake every phone as often."""
    scene = Scene(database)
    issue(scene, template(scene))
    follow(scene)
    scene.execute("DELETE FROM pass_mark")
    changed = ORIGIN._replace(kind=ORIGIN.kind._replace(action="program.updated"))
    for _ in range(2):
        run(database, lambda unit: record(unit, changed, "programs/coffee", Scope(scene.program.id)))
        follow(scene)
        mark_all(scene, window=timedelta(hours=1))
    assert scene.rows("SELECT count(*) FROM pass_mark WHERE due_at > now() + interval '59 minutes'") == [(2,)]


def test_other_changes_mark_the_passes_that_they_may_concern(database: Database) -> None:
    """A reward of the catalogue is on few cards, terms of coupons on cards of coupons, the zone on all."""
    scene = Till(database)
    scene.campaign()
    plain = issue(scene, template(scene))
    next_reward = issue(scene, template(scene, WITH_REWARD, "next"))
    scene.coupon(name="ada")
    [(campaign, coupon)] = scene.rows("SELECT campaign, id FROM coupon")
    of_coupon = issue(scene, template(scene, COUPON, "coupon"), campaign=campaign, coupon=coupon)
    follow(scene)
    mug, spring = ("coffee", "mug", ""), ("coffee", "spring", "")
    every = {plain, next_reward, of_coupon}
    assert _remarked(scene, CreateReward, "reward.created", "coffee", "mug", MUG) == {next_reward}
    assert _remarked(scene, UpdateReward, "reward.updated", *mug, RENAMED) == {next_reward}
    later = START + timedelta(days=1)
    assert _remarked(scene, AdvanceTestClock, "program.clock_advanced", "coffee", later) == {next_reward}
    assert _remarked(scene, UpdateCampaign, "campaign.updated", *spring, RENAMED) == {of_coupon}
    assert _remarked(scene, UpdateProgram, "program.updated", "coffee", "", TOKYO) == every


def _void_one(scene: Till, key: Any) -> None:
    scene.do(scene.void(key)._replace(context=asked(key, action="coupon.voided")))


def _void_all(scene: Till, key: Any) -> None:
    asked_for = asked(key, action="coupons.voided", reason=WHY)
    operation = scene.carry_out(VoidCoupons(scene.program_id, "spring", None, None, False, asked_for)).value
    while not run(scene.database, lambda unit: steps.step(unit, operation.id)):
        pass


@pytest.mark.parametrize("void", [_void_one, _void_all])
def test_a_code_for_many_that_is_voided_marks_the_passes_of_all_of_them(
    database: Database, void: Callable[[Till, Any], None]
) -> None:
    """It is of no customer, so no customer's record tells of it; by itself, or among many."""
    scene = Till(database)
    scene.campaign(terms=replace(FIVE_OFF, unlimited_for_customer=True))
    key = scene.shared()
    [(campaign, coupon)] = scene.rows("SELECT campaign, id FROM coupon")
    made = template(scene, replace(COUPON, kind=PassKind.COUPON))
    passes = {issue(scene, made, name, campaign=campaign, coupon=coupon) for name in ("ada", "ben")}
    follow(scene)
    scene.execute("DELETE FROM pass_mark")
    void(scene, key)
    follow(scene)
    assert marked(scene) == passes


def test_a_mark_is_due_a_window_after_the_change(database: Database) -> None:
    """Counted from when it was recorded: what a clock takes to notice is not waited for twice."""
    scene = Scene(database)
    issue(scene, template(scene))
    scene.earn(100)
    follow(scene, timedelta(minutes=1))
    [(waits, since)] = scene.rows("SELECT due_at - since, since FROM pass_mark ORDER BY position DESC LIMIT 1")
    assert waits == timedelta(minutes=1)
    assert abs(since - datetime.now(UTC)) < timedelta(seconds=30)
    assert refresh(scene).looked_at == 0


def test_a_follower_of_books_without_templates_takes_all_at_once(database: Database) -> None:
    """Nobody pays for what nobody uses; and passes are marked only for what comes after them."""
    scene = Scene(database)
    scene.earn(100)
    follow(scene)
    [(reached, newest)] = scene.rows(
        "SELECT position, (SELECT max(position) FROM activity_place) FROM activity_follower WHERE name = 'passes'"
    )
    assert reached == newest
    issue(scene, template(scene))
    follow(scene)
    assert not marked(scene)


def test_a_pass_that_is_handed_out_ahead_is_noted_once(database: Database) -> None:
    """However often a phone asks until the next refresh; and of passes that there are."""
    scene = Scene(database)
    made = issue(scene, template(scene))
    for _ in range(3):
        with connection(database) as books:
            marking.note_ahead(books, [made, UUID(int=1)])
    assert scene.rows("SELECT pass, position FROM pass_mark") == [(made, 0)]


def test_a_pass_that_is_looked_at_again_is_no_news_where_it_says_the_same(database: Database) -> None:
    """Every night all are: a phone that is woken for nothing every night has a bad battery."""
    scene = Scene(database)
    made = issue(scene, template(scene))
    with connection(database) as books:
        marking.note_ahead(books, [made])
    refresh(scene)
    for _ in range(2):
        with connection(database) as books:
            marking.look_again(books, [made])
    assert refresh(scene) == (1, 0)


def _remarked(scene: Scene, command: Callable[..., ColdCommand[Any]], action: str, *what: Any) -> set[UUID]:
    """The passes that a command marks."""
    scene.execute("DELETE FROM pass_mark")
    scene.carry_out(command(*what, asked(what, action=action)))
    follow(scene)
    mark_all(scene)
    return marked(scene)


# Recorded with their customers, each.
OF_CUSTOMERS = [
    "activity.",
    "claim.",
    "coupon.",
    "customer.",
    "event.",
    "hold.",
    "lot.",
    "pass.",
    "pass_link.",
    "points.",
    "redemption.",
    "reward.claimed",
    "shortfall.",
    "spending.",
    "transaction.",
]
# What comes of them is a customer's, and recorded as that; or it changes what is to come, and no card that there is.
OF_ACCESS = (activity_pb2.ADMIN_MODULE_ACCESS_CONTROL, activity_pb2.ADMIN_MODULE_APPROVAL_WORKFLOW)
OF_NO_CARD = {
    "club.created",
    "club.deleted",
    "club.joined",
    "club.left",
    "club.updated",
    "program.transferred",
    "batch.ingested",
    "campaign.archived",
    "campaign.created",
    "campaign.unarchived",
    "card.archived",
    "card.unarchived",
    "coupons.assigned",
    "coupons.generated",
    "coupons.imported",
    "coupons.voided",
    "export.planned",
    "legalhold.lifted",
    "legalhold.placed",
    "operation.cancelled",
    "pass_image.uploaded",
    "pass_template.archived",
    "pass_template.created",
    "pass_template.unarchived",
    "program.archived",
    "program.created",
    "program.unarchived",
    "redating.started",
    "retention.updated",
}


def test_of_every_change_that_is_no_customer_s_it_is_known_whether_cards_change_by_it() -> None:
    """One that is new, or was renamed, would mark nothing, and cards would stand still."""
    policies = [method.GetOptions().Extensions[POLICY] for method in methods()]
    changes = [policy for policy in policies if policy.audit == options_pb2.AUDIT_CLASS_MUTATION]
    # Who may do what shows on no card; what comes of it is an act of its own.
    called = {policy.action for policy in changes if policy.module not in OF_ACCESS}
    assert marking.VOIDED in called
    others = {action for action in called if not action.startswith(tuple(OF_CUSTOMERS))}
    assert others == {*marking.CHANGING, *OF_NO_CARD}
    assert OF_NO_CARD.isdisjoint(marking.CHANGING)


def test_a_refresh_is_planned_once_and_waits_for_nobody(database: Database) -> None:
    """A worker that hangs while it ends the last one may not stop the clock; nor stands a purchase behind the pushes of
    a template's million cards."""
    scene = Scene(database)
    made = issue(scene, template(scene))
    planned = "SELECT count(*) FROM task WHERE actor = 'refresh_passes' AND queue <> 'push'"
    run(database, marking.plan_refresh)
    assert scene.rows(planned) == [(0,)]
    with connection(database) as books:
        marking.note_ahead(books, [made])
        books.execute("SET lock_timeout = '10ms'")
    query = """
    INSERT INTO task (id, actor, queue, args, unique_key, state, first_due_at, due_at, created_at)
    VALUES (gen_random_uuid(), 'refresh_passes', 'passes', '{}', 'refresh_passes', 'READY', now(), now(), now())
    """
    with scene.another_connection() as hanging, hanging.transaction() as held:
        hanging.execute(query.encode())
        run(database, marking.plan_refresh)
        raise psycopg.Rollback(held)
    assert scene.rows(planned) == [(0,)]
    for _ in range(2):
        run(database, marking.plan_refresh)
    assert scene.rows(planned) == [(1,)]
