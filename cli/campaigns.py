"""The coupon campaigns of The Complete Journey, their codes, and on which days households used these.

A code stands in several campaigns, and in a program only once. So a coupon is called by both, such as
`C26 51380041013`: there are 1,197 of these pairs, and 2,102 redemptions.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

Table = Callable[[str], Any]


class Campaign(NamedTuple):
    """Its number and type in the data, the local days on which its coupons can be used, and their codes."""

    number: int
    kind: str
    first_day: date
    last_day: date
    codes: list[str]


def campaigns(table: Table, first: date, last: date) -> list[Campaign]:
    """Those that run on any of these days, in the order in which they begin. `table` gives one of the data by name."""
    pairs = table("coupons")[["campaign_id", "coupon_upc"]].drop_duplicates()
    codes: defaultdict[int, list[str]] = defaultdict(list)
    for number, upc in zip(pairs["campaign_id"].tolist(), pairs["coupon_upc"].tolist(), strict=True):
        codes[number].append(_code(number, upc))
    found = table("campaign_descriptions").sort_values(["start_date", "campaign_id"])
    columns = ("campaign_id", "campaign_type", "start_date", "end_date")
    rows = zip(*(found[column].tolist() for column in columns), strict=True)
    return [
        Campaign(number, kind, begins.date(), ends.date(), codes[number])
        for number, kind, begins, ends in rows
        if begins.date() <= last and ends.date() >= first
    ]


def uses(table: Table) -> dict[tuple[int, date], list[str]]:
    """By household and local day, the codes that it used. Some it used on several days, none twice on one."""
    found: defaultdict[tuple[int, date], list[str]] = defaultdict(list)
    redemptions = table("coupon_redemptions")
    columns = ("household_id", "redemption_date", "campaign_id", "coupon_upc")
    for household, day, number, upc in zip(*(redemptions[column].tolist() for column in columns), strict=True):
        found[household, day.date()].append(_code(number, upc))
    return found


def _code(number: int, upc: int) -> str:
    return f"C{number} {upc}"
