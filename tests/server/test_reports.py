"""Events, shortfalls and what a program owes, as their caller sees them."""

from fealty import plain
from fealty.v1 import activity_pb2, receipt_pb2, reports_pb2
from fealty.v1.values_pb2 import Date
from tests.server.club import ADA, BEN, NAME, WHY, Club, account
from tests.server.serving import fresh, timestamp, told


async def _shortfalls(club: Club, parent: str = NAME) -> list[reports_pb2.Shortfall]:
    request = reports_pb2.ListShortfallsRequest(parent=parent)
    return list((await club.admin.reports.ListShortfalls(request)).shortfalls)


async def _write_off(club: Club, name: str, points: int = 0) -> reports_pb2.WriteOffShortfallResponse:
    request = reports_pb2.WriteOffShortfallRequest(name=name, points=points, reason=WHY, request_id=fresh())
    return await club.admin.reports.WriteOffShortfall(request)


async def _overdrawn(club: Club, card: str) -> str:
    """The name of a purchase that was refunded when its 100 points were spent."""
    name = (await club.earn(100, card)).transaction.name
    await club.spend(100, card)
    await club.refund(name)
    return name


async def test_an_event_gives_what_its_type_says(club: Club) -> None:
    """To the account of the card that it names; with the balance after it."""
    given = await club.event("review.written", properties={"stars": "5"})
    assert (given.event.event_type, given.event.points, given.event.subject) == ("review.written", 25, ADA)
    assert (given.balance.account, given.balance.active) == (account(), 25)
    assert given.event.name == given.receipt.activity
    assert plain(given.event.details)["properties"] == {"stars": "5"}
    visit = await club.event("visit")
    assert not visit.HasField("balance")
    assert visit.event.points == 0


async def test_an_event_may_say_itself_what_it_gives(club: Club) -> None:
    """Other points, to another account; or none."""
    more = await club.event("review.written", points=40, account=account("slow"))
    assert (more.event.points, more.balance.account, more.balance.active) == (40, account("slow"), 40)
    assert (await club.event("review.written", points=0)).event.points == 0
    assert (await told(club.event("visit", points=5))).reason == "SETTINGS_INVALID"


async def test_an_event_with_a_reason_was_added_by_hand(club: Club) -> None:
    """Also where nobody is named: a program that records what happened gives no reason."""
    by_hand = await club.event("visit", reason=receipt_pb2.Reason(code="FORGOTTEN"))
    by_program = await club.event("visit")
    assert by_hand.event.source == activity_pb2.ACTIVITY_SOURCE_PLATFORM
    assert by_program.event.source == activity_pb2.ACTIVITY_SOURCE_API
    assert [event.source for event in await club.history(event_type="visit")] == [
        activity_pb2.ACTIVITY_SOURCE_API,
        activity_pb2.ACTIVITY_SOURCE_PLATFORM,
    ]


async def test_what_a_refund_could_not_take_is_on_record(club: Club) -> None:
    """A debt where the card says so, which the next points repay; else a note for people."""
    names = [await _overdrawn(club, card) for card in ("plain", "owing")]
    [debt, note] = await _shortfalls(club)
    assert [debt.transaction, note.transaction] == names[::-1]
    assert (debt.kind, note.kind) == (reports_pb2.SHORTFALL_KIND_DEBT, reports_pb2.SHORTFALL_KIND_SHORTFALL)
    assert (debt.points, debt.remaining, note.points, note.remaining) == (100, 100, 100, 100)
    await club.earn(30, "owing")
    assert (await _shortfalls(club))[0].remaining == 70
    assert await _shortfalls(club, ADA) == await _shortfalls(club)
    assert await _shortfalls(club, BEN) == []


async def test_a_shortfall_is_written_off_in_parts(club: Club) -> None:
    """What is given up of a debt is owed no longer."""
    await _overdrawn(club, "owing")
    name = f"{account('owing')}/shortfalls/1"
    part = await _write_off(club, name, 30)
    assert (part.shortfall.remaining, part.shortfall.written_off, part.balance.debt) == (70, 30, 70)
    assert not part.shortfall.HasField("end_time")
    rest = await _write_off(club, name)
    assert (rest.shortfall.remaining, rest.balance.debt) == (0, 0)
    assert rest.shortfall.end_time == timestamp(club.now)
    assert [rest.shortfall] == await _shortfalls(club)
    assert (await told(_write_off(club, name))).reason == "SHORTFALL_NOT_FOUND"


async def test_a_program_knows_what_it_owes(club: Club) -> None:
    """Open points by the month of their end, and what became of the others; the sums are those of the balances."""
    await club.earn(100, "slow")
    await club.earn(40, "slow", BEN)
    await club.move(days=12)
    await club.earn(60, "slow")
    await club.spend(30, "slow")
    await club.hold(20, "slow")
    report = await club.admin.reports.GetLiability(reports_pb2.GetLiabilityRequest(card=f"{NAME}/cards/slow"))
    assert [(month.first_day, month.active, month.pending, month.held) for month in report.months] == [
        (Date(year=2025, month=2, day=1), 110, 60, 20),
    ]
    assert (report.active, report.pending, report.held, report.debt) == (110, 60, 20, 0)
    assert (report.lifetime_issued, report.lifetime_spent, report.lifetime_expired) == (140, 30, 0)
    assert [(month.first_day.month, month.issued, month.spent) for month in report.breakage] == [(1, 140, 30)]
    assert report.as_of_time == timestamp(club.now)
    balances = [await club.balance("slow", customer) for customer in (ADA, BEN)]
    assert sum(balance.active for balance in balances) == report.active
    await club.move(days=90)
    report = await club.admin.reports.GetLiability(reports_pb2.GetLiabilityRequest(card=f"{NAME}/cards/slow"))
    assert (report.active, report.pending, report.lifetime_expired) == (0, 0, 170)
    assert not report.months


async def test_points_that_never_end_or_wait_for_somebody_are_of_no_month(club: Club) -> None:
    """They are owed too; nobody can say until when."""
    months = {"plain": "never", "hand": "unknown"}
    for card, month in months.items():
        await club.earn(5, card)
        request = reports_pb2.GetLiabilityRequest(card=f"{NAME}/cards/{card}")
        report = await club.admin.reports.GetLiability(request)
        owed = {"never": report.never.active, "unknown": report.unknown.pending}
        assert owed.pop(month) == 5
        assert not any(owed.values())
        assert not report.months
        assert not report.never.HasField("first_day")
    answer = await told(club.admin.reports.GetLiability(reports_pb2.GetLiabilityRequest(card=f"{NAME}/cards/gold")))
    assert answer.reason == "CARD_NOT_FOUND"
