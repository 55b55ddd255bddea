"""The past, the report and the explanation, in figures that one can work out by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest

from rules.refusals import CardNotFound, ProgramNotFound, TimeUnknowable
from storage.customers.commands import CreateCustomer
from storage.customers.queries import Profile
from storage.engine.database import Database
from storage.ledger.reading import explain, liability, past
from storage.ledger.reading.liability import BreakageMonth, LiabilityMonth
from storage.programs.commands import CreateProgram
from tests.storage import members
from tests.storage.asking import asked
from tests.storage.deep import DAY, SETTINGS, Deep
from tests.storage.scene import START

JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)


@pytest.fixture
def scene(database: Database) -> Deep:
    """Two customers."""
    return Deep(database)


def test_a_purchase_that_arrives_late_changes_what_the_past_was(scene: Deep) -> None:
    """By value date: points of last week were there last week, whenever we heard of them."""
    scene.pass_time(10 * DAY)
    scene.earn(100, occurred_at=START)
    scene.do(scene.spending(30))
    assert scene.read(past.balance_at, scene.address(), START - timedelta(seconds=1)).active == 0
    then = scene.read(past.balance_at, scene.address(), START)
    assert (then.active, then.earned, then.spent, then.as_of) == (100, 100, 0, START)
    now = scene.read(past.balance_at, scene.address(), scene.now)
    assert now == scene.balance()
    assert now.active == 70


def test_pending_points_were_pending_from_the_purchase_on_whenever_it_was_recorded(scene: Deep) -> None:
    """The same of points that wait: a customer who asks about the fifth is told of what was bought on the second; and
    what was done about them later was done later."""
    scene.pass_time(9 * DAY)
    scene.earn(100, card="slow", transaction_id="t", occurred_at=START + DAY)
    scene.pass_time(timedelta(hours=1))
    recorded_at = scene.now
    scene.do(scene.refund("t", 30))
    moments = [START, START + DAY, START + 4 * DAY, recorded_at - timedelta(hours=1), recorded_at]
    balances = [scene.read(past.balance_at, scene.address(card="slow"), when) for when in moments]
    assert [(then.pending, then.active) for then in balances] == [(0, 0), (100, 0), (100, 0), (100, 0), (70, 0)]
    assert balances[-1] == scene.balance(card="slow")
    [found] = scene.read(explain.explain, scene.address(card="slow"), None, 10)
    assert found.steps[0].sentence.startswith("1.00 point was earned by transaction t on 2 January 2025")
    assert [step.occurred_at for step in found.steps[:3]] == [START + DAY, START + DAY, recorded_at]
    scene.pass_time(10 * DAY)
    then = scene.read(past.balance_at, scene.address(card="slow"), START + 4 * DAY)
    assert (then.pending, then.active) == (100, 0)


def test_what_was_made_of_a_purchase_later_counts_from_then(scene: Deep) -> None:
    """By a correction, a merge, a clock that runs ahead: no point counts twice, and none before somebody had it."""
    ahead = timedelta(minutes=9)
    scene.earn(1, card="owing", occurred_at=START + ahead)
    assert scene.read(past.balance_at, scene.address(card="owing"), START) == scene.balance(card="owing")
    scene.pass_time(5 * DAY)
    scene.earn(100, card="slow", transaction_id="t", occurred_at=START + DAY)
    scene.pass_time(DAY)
    scene.do(scene.correction("t", 80))
    scene.pass_time(DAY)
    members.merge(scene)
    scene.pass_time(DAY)
    [theirs] = scene.read(explain.explain, scene.address("ben", "slow"), None, 10)
    assert theirs.steps[0].occurred_at == START + 7 * DAY
    members.unmerge(scene)
    days = [2, 5, 6, 7, 8]
    for name, pending in (("ada", [100, 100, 80, 0, 80]), ("ben", [0, 0, 0, 80, 0])):
        address = scene.address(name, "slow")
        assert [scene.read(past.balance_at, address, START + day * DAY).pending for day in days] == pending, name


def test_the_future_is_unknown_and_before_the_first_purchase_there_is_nothing(scene: Deep) -> None:
    """One rule, whether the clock is a test's or the world's: a purchase may be older than its program."""
    with pytest.raises(TimeUnknowable, match=r"known up to now, 2025-01-01 12:00:00 UTC"):
        scene.read(past.balance_at, scene.address(), START + timedelta(microseconds=1))
    assert scene.read(past.balance_at, scene.address(), START - 9000 * DAY).active == 0
    scene.carry_out(CreateProgram("live", SETTINGS, None, asked("live")))
    scene.carry_out(CreateCustomer("live", "ada", Profile(), asked("ada")))
    live = scene.address()._replace(program="live")
    for program in (scene.address(), live):
        scene.do(
            scene.purchase(7, occurred_at=START - 3 * DAY)._replace(address=program, transaction_id=program.program)
        )
        known = [scene.read(past.balance_at, program, START - days * DAY).active for days in (4, 3, 2)]
        assert known == [0, 7, 7], program
    with pytest.raises(TimeUnknowable):
        scene.read(past.balance_at, live, datetime.now(UTC) + DAY)


@pytest.mark.parametrize("swept", [False, True])
def test_the_report_counts_points_by_the_month_of_their_last_day(scene: Deep, swept: bool) -> None:
    """What ends with the last second of February is February's, here and in what was never used."""
    scene.earn(100, card="slow")  # active on 12 January, usable to the end of 12 February
    scene.earn(40, name="ben", card="slow", occurred_at=START + timedelta(minutes=1))
    scene.pass_time(15 * DAY)
    scene.do(scene.spending(30, card="slow"))
    scene.do(scene.hold(10, card="slow", ttl_s=86_400))
    scene.earn(7, card="slow")  # active on 27 January
    report = scene.read(liability.report, "coffee", "slow")
    assert report.months == [LiabilityMonth(FEBRUARY, 110, 10, 7)]
    assert report.breakage == [BreakageMonth(JANUARY, 140, 30, 0, 0)]
    assert (report.decimals, report.active, report.held, report.pending, report.as_of) == (2, 110, 10, 7, scene.now)
    scene.pass_time(33 * DAY)
    if swept:
        scene.sweep()
    report = scene.read(liability.report, "coffee", "slow")
    assert report.months == [LiabilityMonth(FEBRUARY, 7, 0, 0)]
    assert report.breakage == [BreakageMonth(JANUARY, 147, 30, 0, 0), BreakageMonth(FEBRUARY, 0, 0, 110, 0)]
    assert (report.issued, report.spent, report.expired, report.revoked) == (147, 30, 110, 0)


def test_points_without_an_end_or_without_a_beginning_are_told_apart(scene: Deep) -> None:
    """One will be spent some day, of the other nobody knows."""
    scene.earn(5)
    scene.earn(6, card="by-hand")
    scene.earn(7, card="sliding")
    wanted = {"plain": ((5, 0, 0), (0, 0, 0)), "by-hand": ((0, 0, 0), (0, 0, 6)), "sliding": ((0, 0, 0), (0, 0, 7))}
    for card, (never, unknown) in wanted.items():
        report = scene.read(liability.report, "coffee", card)
        assert (report.months, report.never[1:], report.unknown[1:]) == ([], never, unknown)
    assert scene.read(liability.report, "coffee", "waiting").months == []
    with pytest.raises(CardNotFound):
        scene.read(liability.report, "coffee", "gold")
    with pytest.raises(ProgramNotFound):
        scene.read(liability.report, "tea", "plain")


def test_a_lot_is_explained_in_sentences(scene: Deep) -> None:
    """Read aloud on the telephone, by somebody who has never seen the code."""
    scene.earn(1250, card="slow", transaction_id="shop~17")
    scene.do(scene.refund("shop~17", 200))
    scene.pass_time(15 * DAY)
    scene.do(scene.spending(41, card="slow", reference="order-7"))
    scene.do(scene.hold(100, card="slow", ttl_s=3600))
    [found] = scene.read(explain.explain, scene.address(card="slow"), None, 10)
    assert (found.lot, found.points, found.remaining, found.state) == (1, 1250, 1009, "ACTIVE")
    assert [step.sentence for step in found.steps] == [
        "12.50 points were earned by transaction shop~17 on 1 January 2025, under version 1 of the settings.",
        "They waited until the end of 11 January 2025.",
        "2.00 pending points were cancelled on 1 January 2025 because transaction shop~17 was refunded.",
        "10.50 points became active on 12 January 2025.",
        "0.41 points were spent on order-7 on 16 January 2025.",
        "1.00 point is set aside by hold 1 until 14:00 on 16 January 2025.",
        "10.09 points are left, until the end of 12 February 2025.",
    ]
    assert [step.amount for step in found.steps] == [1250, 0, -200, 0, -41, 0, 0]
    assert [step.entry for step in found.steps] == [None, None, None, 1, 2, None, None]
    scene.pass_time(40 * DAY)
    [found] = scene.read(explain.explain, scene.address(card="slow"), None, 10)
    expired, left = found.steps[-2:]
    assert (expired.sentence, expired.amount, expired.entry) == (
        "10.09 points expired at the end of 12 February 2025.",
        -1009,
        None,
    )
    assert left.sentence == "Nothing is left."


def test_points_from_everywhere_say_where_they_came_from(scene: Deep) -> None:
    """A transfer, an event, an adjustment, a rollback: each lot knows."""
    scene.earn(1)
    scene.do(scene.event("reviewed"))
    scene.do(scene.adjustment(10))
    scene.do(scene.transfer(20))
    scene.do(scene.rollback(scene.do(scene.spending(9)).value.entry.seq))
    lots = scene.read(explain.explain, scene.address(), None, 10)
    assert [found.steps[0].sentence.split(" on ")[0] for found in lots] == [
        "10 points were added by hand",
        "25 points were earned by an event of type reviewed",
        "1 point was earned by transaction " + lots[2].steps[0].sentence.split()[6],
    ]
    sentences = [step.sentence for found in lots for step in found.steps]
    assert "19 points were given to customer ben on 1 January 2025." in sentences
    assert "6 points came back on 1 January 2025, as spending 5 was rolled back." in sentences
    given = scene.read(explain.explain, scene.address("ben"), None, 10)
    assert given[-1].steps[0].sentence.startswith("1 point was given by customer ada on 1 January 2025")
    assert scene.read(explain.explain, scene.address(), 2, 1) == lots[2:]
