"""What a line of a file asks for: a code, whose it is, what it is worth, and until when it can be used."""

import datetime
import re
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules import calendar
from rules.coupons import campaigns
from rules.coupons.codes import LENGTH_MAX, LENGTH_MIN, Code, normalise
from rules.coupons.importing.files import BadLine, Flaw, RawLine
from rules.coupons.refusals import CodeMalformed
from rules.coupons.terms import Benefit, Terms

# As the contract has it of money.
BALANCE_MAX = 1_000_000_000_000
YEAR_MIN, YEAR_MAX = 1970, 2199

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BALANCE = re.compile(r"[1-9]\d{0,12}", re.ASCII)

CODE_MALFORMED = Flaw(
    "CODE_MALFORMED",
    f"A code has {LENGTH_MIN} to {LENGTH_MAX} letters A to Z and digits, in groups or not; it has not.",
)
NO_BALANCE = Flaw("BALANCE_INVALID", "The coupons of the campaign are no gift cards, and have no balance.")
BALANCE_INVALID = Flaw(
    "BALANCE_INVALID", f"The balance is no whole number from 1 to {BALANCE_MAX}, in the currency's minor unit."
)
DAY_INVALID = Flaw("DAY_INVALID", f"The last day is none of {YEAR_MIN} to {YEAR_MAX}, written like 2026-12-31.")
DUPLICATE_IN_FILE = Flaw("DUPLICATE_IN_FILE", "The code stands in an earlier line of the file.")
DUPLICATE_IN_BOOKS = Flaw("DUPLICATE_IN_BOOKS", "The program has this code already.")
CUSTOMER_NOT_FOUND = Flaw(
    "CUSTOMER_NOT_FOUND", "The program has no such customer, by id or resource name, or they are closed or were merged."
)


class Line(NamedTuple):
    """A line that can be taken, as far as it says itself. `customer` is a public id, empty: nobody's."""

    number: int
    code: Code
    customer: str
    balance_minor: int | None
    expires_at: datetime.datetime | None


def read(raw: RawLine, program: str, terms: Terms, zone: ZoneInfo, now: datetime.datetime) -> Line | BadLine:
    """A line for a campaign of such terms in a program, by its public id, whose days are those of a zone."""
    try:
        code = normalise(raw.code)
    except CodeMalformed:
        return BadLine(raw.number, *CODE_MALFORMED)
    balance = terms.amount_minor if terms.benefit is Benefit.BALANCE else None
    if raw.balance_minor:
        if balance is None:
            return BadLine(raw.number, *NO_BALANCE)
        if not _BALANCE.fullmatch(raw.balance_minor) or int(raw.balance_minor) > BALANCE_MAX:
            return BadLine(raw.number, *BALANCE_INVALID)
        balance = int(raw.balance_minor)
    ends_at = campaigns.own_end(terms, zone, now) if raw.customer else None
    if raw.last_day:
        day = _day(raw.last_day)
        if day is None:
            return BadLine(raw.number, *DAY_INVALID)
        own = calendar.start_of_day(day + datetime.timedelta(days=1), zone)
        ends_at = own if ends_at is None else min(own, ends_at)
    # A customer of another program keeps a name that no customer of this one has.
    customer = raw.customer.removeprefix(f"programs/{program}/customers/")
    return Line(raw.number, code, customer, balance, ends_at)


def _day(text: str) -> datetime.date | None:
    try:
        day = datetime.date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return day if day is not None and YEAR_MIN <= day.year <= YEAR_MAX else None
