"""Terms of campaigns: which contradict themselves, what an update may change, and from when to when coupons live."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.calendar import local_day
from rules.cards import Card, EarnRate
from rules.coupons.campaigns import (
    Window,
    check_change,
    check_shared,
    check_terms,
    one_currency,
    own_end,
    tidied,
    window,
)
from rules.coupons.refusals import PatternInvalid, TermsInvalid
from rules.coupons.terms import Benefit, CodeSource, CustomerLimit, Period, Stacking, Terms
from rules.programs import Settings
from rules.refusals import CardNotFound, FieldFixed

CLUB = Settings(
    "Club",
    "Europe/Prague",
    (Card("plain", "Plain", 0, EarnRate(1, 1, "EUR")), Card("old", "Old", 0, EarnRate(1, 1, "EUR"), archived=True)),
)
PRAGUE, SAO_PAULO = ZoneInfo("Europe/Prague"), ZoneInfo("America/Sao_Paulo")
TEN = Terms(Benefit.PERCENT_OFF, basis_points=1000)
FIVE_EUROS = Terms(Benefit.AMOUNT_OFF, amount_minor=500, currency_code="EUR")
GIFT = Terms(Benefit.BALANCE, amount_minor=5000, currency_code="EUR")
POINTS = Terms(Benefit.POINTS, points=150, card_id="plain")
DAYS = st.dates(date(1970, 1, 1), date(9000, 12, 31))
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Prague", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "UTC")]
)


def limits(**uses: int) -> tuple[CustomerLimit, ...]:
    """So many uses by each period."""
    return tuple(CustomerLimit(Period(period), number) for period, number in uses.items())


@pytest.mark.parametrize(
    "terms",
    [
        TEN,
        FIVE_EUROS,
        GIFT,
        POINTS,
        Terms(Benefit.FREE_ITEM, quantity=1),
        Terms(Benefit.FREE_SHIPPING),
        Terms(Benefit.FREE_SHIPPING, discount_max_minor=1, currency_code="EUR"),
        replace(TEN, basis_points=10_000),
        replace(TEN, first_day=date(2025, 1, 1), last_day=date(2025, 1, 1)),
        replace(TEN, first_day=date(2025, 1, 1), last_day=date(2025, 1, 31), days_from_assignment=30),
        replace(TEN, last_day=date(2025, 1, 31), days_from_assignment=3650),
        replace(TEN, customer_limits=limits(DAY=1, WEEK=1, MONTH=2, YEAR=20, EVER=20)),
        replace(TEN, customer_limits=limits(EVER=5, DAY=5)),
        replace(TEN, uses_max=5, uses_per_code=5),
        replace(TEN, uses_per_code=5),
        replace(TEN, minimum_spend_minor=1, currency_code="EUR"),
        replace(GIFT, product_ids=("mug",)),
        replace(TEN, code_pattern="TEA-########"),
    ],
)
def test_terms_that_mean_something_are_taken(terms: Terms) -> None:
    """Each at the last value before it contradicted itself."""
    check_terms(terms, CLUB, "club")


@pytest.mark.parametrize(
    ("terms", "part"),
    [
        (replace(TEN, basis_points=0), "gives nothing: basis_points is 0"),
        (replace(TEN, basis_points=10_001), "more than all of it"),
        (replace(FIVE_EUROS, amount_minor=0, currency_code=""), "gives nothing: amount_minor is 0"),
        (replace(GIFT, amount_minor=-1), "gives nothing"),
        (Terms(Benefit.FREE_ITEM), "gives nothing: quantity is 0"),
        (replace(POINTS, points=0), "gives nothing: points is 0"),
        (replace(TEN, discount_max_minor=0, currency_code="EUR"), "discount_max is 0"),
        (replace(FIVE_EUROS, currency_code=""), "money without a currency"),
        (replace(TEN, minimum_spend_minor=5), "money without a currency"),
        (replace(TEN, currency_code="EUR"), "the currency EUR is of no money"),
        (replace(TEN, first_day=date(2025, 1, 2), last_day=date(2025, 1, 1)), "before it begins"),
        (
            replace(TEN, first_day=date(2025, 1, 1), last_day=date(2025, 1, 31), days_from_assignment=31),
            "days_from_assignment is 31, and from 2025-01-01 to 2025-01-31 are 30",
        ),
        (replace(TEN, customer_limits=limits(DAY=2) + limits(DAY=2)), "the period DAY twice"),
        (replace(TEN, customer_limits=limits(EVER=4, MONTH=5)), "5 uses by MONTH are more than 4 by EVER"),
        (replace(TEN, customer_limits=limits(DAY=1), unlimited_for_customer=True), "contradict each other"),
        (replace(TEN, uses_max=4, uses_per_code=5), "5 times, and all together 4"),
        (replace(TEN, stacking=Stacking(exclusive=True, group="spring")), "a group says nothing"),
        (replace(POINTS, product_ids=("mug",)), "leave product_ids and categories away"),
        (replace(POINTS, categories=("tea",)), "leave product_ids and categories away"),
        (replace(GIFT, uses_per_code=1), "leave uses_per_code away"),
        (replace(POINTS, card_id="old"), "card old is archived"),
    ],
)
def test_a_contradiction_is_named_with_what_to_do_about_it(terms: Terms, part: str) -> None:
    """Whoever made it must find it without asking us: each names the values that do not go together."""
    with pytest.raises(TermsInvalid) as refused:
        check_terms(terms, CLUB, "club")
    what = refused.value.facts["what"]
    assert part in what
    assert any(word in what for word in ("give", "raise", "leave", "keep", "lower", "move", "shorten", "name"))


def test_a_card_and_a_pattern_are_looked_at_too() -> None:
    """With the refusals that programs and codes have for them."""
    with pytest.raises(CardNotFound):
        check_terms(replace(POINTS, card_id="none"), CLUB, "club")
    with pytest.raises(PatternInvalid):
        check_terms(replace(TEN, code_pattern="TEA"), CLUB, "club")


@pytest.mark.parametrize(
    ("old", "changes", "field"),
    [
        (TEN, {"benefit": Benefit.FREE_ITEM, "basis_points": 0, "quantity": 1}, "terms.benefit"),
        (FIVE_EUROS, {"currency_code": "CZK"}, "terms.amount_off.currency_code"),
        (GIFT, {"currency_code": "CZK"}, "terms.balance.currency_code"),
        (
            replace(TEN, discount_max_minor=5, currency_code="EUR"),
            {"currency_code": "CZK"},
            "terms.percent_off.discount_max.currency_code",
        ),
        (
            replace(TEN, minimum_spend_minor=5, currency_code="EUR"),
            {"currency_code": "CZK"},
            "terms.minimum_spend.currency_code",
        ),
        (
            Terms(Benefit.FREE_SHIPPING, discount_max_minor=5, currency_code="EUR"),
            {"currency_code": "CZK"},
            "terms.free_shipping.discount_max.currency_code",
        ),
        (
            POINTS,
            {"minimum_spend_minor": 5, "currency_code": "EUR", "code_source": CodeSource.POOL},
            "terms.code_source",
        ),
    ],
)
def test_what_is_fixed_is_named_as_the_contract_has_it(old: Terms, changes: dict[str, Any], field: str) -> None:
    """A caller looks for the field in what it sent."""
    with pytest.raises(FieldFixed) as refused:
        check_change(old, replace(old, **changes), CLUB, "club")
    assert refused.value.facts == {"field": field}


def test_everything_else_may_change_but_into_a_contradiction() -> None:
    """Money that comes later brings its currency; a card that was archived stays where it was and comes nowhere new."""
    check_change(TEN, replace(TEN, minimum_spend_minor=5, currency_code="CZK"), CLUB, "club")
    check_change(replace(TEN, minimum_spend_minor=5, currency_code="CZK"), TEN, CLUB, "club")
    archived = replace(POINTS, card_id="old")
    check_change(archived, replace(archived, points=5), CLUB, "club")
    check_change(archived, POINTS, CLUB, "club")
    for new in (archived, replace(POINTS, points=0)):
        with pytest.raises(TermsInvalid):
            check_change(POINTS, new, CLUB, "club")


def test_a_shared_code_needs_a_limit_for_each_customer() -> None:
    """Or the word that none is meant; a gift card has one holder."""
    for terms in (replace(TEN, customer_limits=limits(EVER=1)), replace(TEN, unlimited_for_customer=True)):
        check_shared(terms)
    for terms in (TEN, replace(GIFT, unlimited_for_customer=True)):
        with pytest.raises(TermsInvalid):
            check_shared(terms)


def test_all_money_of_terms_is_in_one_currency() -> None:
    """Which is known by its money, and goes with the last of it."""
    assert one_currency([]) == ""
    assert one_currency(["EUR", "EUR"]) == "EUR"
    with pytest.raises(TermsInvalid) as refused:
        one_currency(["EUR", "CZK", "EUR"])
    assert "CZK and EUR" in refused.value.facts["what"]
    assert tidied(replace(TEN, currency_code="EUR")) == TEN
    kept = replace(TEN, currency_code="EUR", discount_max_minor=0)
    assert tidied(kept) == kept


@pytest.mark.parametrize(
    ("zone", "first", "last", "hours"),
    [
        # Clocks go forward, and back: the day has 23 hours, and 25.
        (PRAGUE, date(2025, 3, 30), date(2025, 3, 30), 23),
        (PRAGUE, date(2025, 10, 26), date(2025, 10, 26), 25),
        (PRAGUE, date(2025, 3, 1), date(2025, 3, 31), 31 * 24 - 1),
        # Midnight was skipped; the last day before it ends where the clocks jumped.
        (SAO_PAULO, date(2017, 10, 15), date(2017, 10, 15), 23),
        (SAO_PAULO, date(2017, 10, 14), date(2017, 10, 14), 24),
        # 17 February began its last hour twice.
        (SAO_PAULO, date(2018, 2, 17), date(2018, 2, 17), 25),
        (ZoneInfo("UTC"), date(2025, 1, 1), date(2025, 12, 31), 365 * 24),
    ],
)
def test_a_window_is_of_whole_local_days(zone: ZoneInfo, first: date, last: date, hours: int) -> None:
    """Also where clocks change: who reads `until Sunday` on a poster means all of Sunday."""
    found = window(replace(TEN, first_day=first, last_day=last), zone)
    assert found.starts_at is not None
    assert found.ends_at is not None
    assert found.ends_at - found.starts_at == timedelta(hours=hours)


@given(DAYS, DAYS, ZONES)
@example(date(2011, 12, 30), date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
def test_the_bounds_lie_between_two_days(first: date, last: date, zone: ZoneInfo) -> None:
    """The instant before a window is of a day before, that at its end of a day after; also around a day that never
    was."""
    found = window(replace(TEN, first_day=first, last_day=last), zone)
    step = timedelta(microseconds=1)
    assert found.starts_at is not None
    assert found.ends_at is not None
    assert local_day(found.starts_at - step, zone) < first <= local_day(found.starts_at, zone)
    assert local_day(found.ends_at - step, zone) <= last < local_day(found.ends_at, zone)


def test_a_window_is_open_where_no_day_is_given() -> None:
    """At once, and for ever."""
    assert window(TEN, PRAGUE) == Window(None, None)
    assert window(replace(TEN, first_day=date(2025, 1, 1)), PRAGUE).ends_at is None
    assert window(replace(TEN, last_day=date(2025, 1, 1)), PRAGUE).starts_at is None


@pytest.mark.parametrize(
    ("zone", "assigned_at", "days", "ends_at"),
    [
        # Any instant of a day counts the same: 1 March in Prague begins on 28 February at 23:00.
        (PRAGUE, datetime(2025, 2, 28, 23, tzinfo=UTC), 1, datetime(2025, 3, 2, 23, tzinfo=UTC)),
        (PRAGUE, datetime(2025, 3, 1, 22, 59, tzinfo=UTC), 1, datetime(2025, 3, 2, 23, tzinfo=UTC)),
        # Over the change of clocks, to midnight of summer.
        (PRAGUE, datetime(2025, 3, 29, 12, tzinfo=UTC), 1, datetime(2025, 3, 30, 22, tzinfo=UTC)),
        (PRAGUE, datetime(2025, 10, 25, 12, tzinfo=UTC), 1, datetime(2025, 10, 26, 23, tzinfo=UTC)),
        # To a midnight that was skipped.
        (SAO_PAULO, datetime(2017, 10, 13, 12, tzinfo=UTC), 1, datetime(2017, 10, 15, 3, tzinfo=UTC)),
    ],
)
def test_an_own_end_is_that_of_a_local_day(zone: ZoneInfo, assigned_at: datetime, days: int, ends_at: datetime) -> None:
    """Who got it in the morning and who got it in the evening have it as long."""
    assert own_end(replace(TEN, days_from_assignment=days), zone, assigned_at) == ends_at


@given(st.datetimes(datetime(1971, 1, 1), datetime(8990, 1, 1)), st.integers(0, 3650), DAYS, ZONES)
def test_an_own_end_is_never_after_the_last_day(at: datetime, days: int, last: date, zone: ZoneInfo) -> None:
    """And it counts from the day of the assignment; without days there is none."""
    assigned_at = at.replace(tzinfo=UTC)
    terms = replace(TEN, days_from_assignment=days, last_day=last)
    found = own_end(terms, zone, assigned_at)
    if not days:
        assert found is None
        return
    assert found is not None
    end = window(terms, zone).ends_at
    assert end is not None
    wanted = local_day(assigned_at, zone) + timedelta(days=days)
    if found == end:
        assert last <= wanted or window(replace(terms, last_day=wanted), zone).ends_at == end
    else:
        assert found == window(replace(terms, last_day=wanted), zone).ends_at
        assert found < end
