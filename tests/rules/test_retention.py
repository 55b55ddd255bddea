"""For how long what the log says is kept: early for nobody, to the microsecond."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rules.retention import (
    ALL,
    BEGINNING,
    DAYS_DEFAULT,
    FOR_EVER,
    Cell,
    Effect,
    Kept,
    default_days,
    due_before,
    due_cells,
    effect_of,
    is_kept_for_ever,
    policy,
    still_due,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
LOOKS = Kept("CUSTOMERS", Effect.READ)
DEEDS = Kept("CUSTOMERS", Effect.CHANGE)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
days_given = st.integers(1, 36_500)


@given(instants, days_given, st.integers(-3, 3))
def test_it_is_due_exactly_when_its_days_are_over(now: datetime, days: int, ticks: int) -> None:
    """A microsecond before is early, and nobody's is; at the instant itself it is due."""
    recorded_at = now - timedelta(days) + ticks * TICK
    assert (recorded_at < due_before(now, days)) == (recorded_at + timedelta(days) <= now) == (ticks <= 0)


@given(instants, instants)
def test_what_is_kept_for_ever_is_never_due(recorded_at: datetime, now: datetime) -> None:
    """It is the default of everything that changed a balance: no clock may ever reach it."""
    assert not recorded_at < due_before(now, FOR_EVER)


def test_by_default_reads_and_the_systems_go_after_a_year_and_what_changed_a_customer_stays() -> None:
    """What the products promise: a year for who looked at what, permanence for what happened to a customer."""
    a_year = {kept for kept in ALL if default_days(kept) == DAYS_DEFAULT}
    assert a_year == {kept for kept in ALL if kept.category == "SYSTEM" or kept.effect is Effect.READ}
    assert {default_days(kept) for kept in set(ALL) - a_year} == {FOR_EVER}
    assert policy({}) == {kept: default_days(kept) for kept in ALL}
    assert policy({DEEDS: 30}) == {**policy({}), DEEDS: 30}


def test_what_did_not_succeed_changed_nothing_and_neither_did_who_only_looked() -> None:
    """A refused spending is no change of a balance, whatever it would have been."""
    assert effect_of("ORDER", "SUCCEEDED") is Effect.CHANGE
    assert {effect_of("ORDER", outcome) for outcome in ("DENIED", "INVALID", "REFUSED", "FAILED")} == {Effect.READ}
    looks = ("AUTH", "ACCESS", "SECURITY", "COMPLIANCE", "REPORT", "EXPORT")
    assert {effect_of(kind, "SUCCEEDED") for kind in looks} == {Effect.READ}


def test_what_retention_itself_did_is_kept_whatever_the_policy_says() -> None:
    """Else a year later nobody could say what was dropped, and by which rule. A refused call did nothing."""
    did = ("retention.updated", "retention.announced", "retention.dropped", "legalhold.placed", "legalhold.lifted")
    assert all(is_kept_for_ever(action, "SUCCEEDED") for action in did)
    assert not is_kept_for_ever("retention.updated", "DENIED")
    assert not is_kept_for_ever("customer.read", "SUCCEEDED")
    # Callers may call what happened elsewhere so: it is theirs, and goes by their program's rules.
    assert not is_kept_for_ever("retention.offer_sent", "SUCCEEDED")


def test_what_was_looked_at_is_not_looked_at_again_and_small_parts_wait() -> None:
    """A log of years is read through once; each day only what came to be due."""
    cells = {Kept(cell.category, cell.effect): cell for cell in due_cells({}, {}, NOW)}
    assert set(cells) == {kept for kept in ALL if default_days(kept)}
    assert cells[LOOKS] == Cell(*LOOKS, 365, BEGINNING, NOW - timedelta(365) + TICK)
    swept = {kept: cell.until for kept, cell in cells.items()}
    assert due_cells({}, swept, NOW) == []
    later = NOW + timedelta(hours=11)
    assert due_cells({}, swept, later, timedelta(hours=12)) == []
    assert {cell.since for cell in due_cells({}, swept, later)} == {NOW - timedelta(365) + TICK}


@given(st.integers(0, 800), st.integers(0, 800))
def test_a_cell_that_was_cut_never_outlives_the_days_that_hold_now(before: int, now_days: int) -> None:
    """Somebody makes the days longer between the announcement and the drop: what is not due any more stays."""
    cells = [cell for cell in due_cells({LOOKS: before}, {}, NOW) if (cell.category, cell.effect) == LOOKS]
    for cell in still_due(cells, {LOOKS: now_days}, NOW):
        assert now_days != FOR_EVER
        assert cell.until <= due_before(NOW, now_days)
        assert cell.until <= due_before(NOW, before)
