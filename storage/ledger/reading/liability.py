"""What a program owes the holders of a card, by the month in which it expires, and what became of what it issued.

Accounts in which nothing is due are summed where they lie. The others, few as long as workers run, are settled in
memory first, so that what has ended is breakage and no liability, whether or not a worker has been by.

The month of an expiry is that of the last day on which points could be used, here and there: points that are usable
to the end of December are December's, though the instant at which they end is January's first.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from rules import calendar, ledger
from rules.accounts import EntryKind, LotState
from rules.draft import Draft
from rules.programs import Settings, time_zone
from rules.refusals import ProgramNotFound
from storage.engine.database import Connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.ledger.addresses import AccountKey
from storage.ledger.locked_account import draft_of
from storage.ledger.nouns import load_accounts, load_program
from storage.ledger.reading import accounts
from storage.ledger.reading.figures import figure
from storage.ledger.records import LOTS
from storage.programs.queries import BlockingProgramCache, ProgramCache, ProgramState

# In place of a month: of points that do not expire, and of points that wait for somebody to say from when they count.
NEVER, UNKNOWN = date.max, date.min
# Accounts settled at once: some thousand lots in memory.
BATCH = 500


class LiabilityMonth(NamedTuple):
    """Open points that expire in a local month, by its first day; None where in none. Held ones are active too."""

    first_day: date | None
    active: int = 0
    held: int = 0
    pending: int = 0


class BreakageMonth(NamedTuple):
    """What happened to points in a local month. Spent is less what was given back."""

    first_day: date
    issued: int = 0
    spent: int = 0
    expired: int = 0
    revoked: int = 0


class Liability(NamedTuple):
    """The report of a card at `as_of`. `never` are open points that do not expire, `unknown` those that wait for
    somebody to say from when they count; `issued`, `spent`, `expired` and `revoked` are since the program began."""

    decimals: int
    months: list[LiabilityMonth]
    never: LiabilityMonth
    unknown: LiabilityMonth
    active: int
    held: int
    pending: int
    debt: int
    issued: int
    spent: int
    expired: int
    revoked: int
    breakage: list[BreakageMonth]
    as_of: datetime


def report(books: Connection, program: str, card_id: str) -> Liability:
    """The report of a card, as one snapshot. Raises ProgramNotFound, CardNotFound."""
    with accounts.snapshot(books):
        row = books.execute("SELECT id FROM program WHERE program_id = %s", (program,)).fetchone()
        if row is None:
            raise ProgramNotFound(program=program)
        programs = BlockingProgramCache(session(books))
        state = blocking(load_program(session(books), programs, row[0]))
        assert state is not None
        card = state.settings.card(card_id, program)
        sums = _Sums(state.settings, _first_month(books, state), state.now)
        asked = {"program": state.id, "card": card_id, "now": state.now, "bounds": sums.bounds}
        for expires_at, is_known, *open_points in books.execute(_LOTS, asked):
            sums.open_lots(expires_at, is_known, *open_points)
        for bucket, kind, _, amount in books.execute(_ENTRIES, asked):
            sums.entry(sums.months[bucket], EntryKind(kind), amount)
        debt = books.execute(_DEBT, asked).fetchone()
        sums.debt += debt[0] if debt is not None else 0
        for draft in _due(books, programs, state, card_id):
            sums.settled(draft)
        return sums.report(card.decimals, state.now)


class _Sums:
    """Adds it all up. `bounds` are the instants at which local months begin; month 0 is all before the first."""

    def __init__(self, settings: Settings, first: datetime, now: datetime) -> None:
        self._zone = time_zone(settings.time_zone)
        months = list(_months(calendar.local_day(first, self._zone), calendar.local_day(now, self._zone)))
        self.bounds = [calendar.start_of_day(month, self._zone) for month in months]
        self.months = [(months[0] - timedelta(days=1)).replace(day=1), *months]
        self.debt = 0
        self._open: defaultdict[date, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._happened: defaultdict[date, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def open_lots(self, expires_at: datetime | None, is_known: bool, active: int, held: int, pending: int) -> None:
        month = NEVER if is_known else UNKNOWN
        if expires_at is not None and is_known:
            month = calendar.last_usable_day(expires_at, self._zone).replace(day=1)
        for key, points in enumerate((active, held, pending)):
            self._open[month][key] += points

    def entry(self, month: date, kind: EntryKind, amount: int) -> None:
        name, sign = figure(kind, amount)
        self._happened[month][name] += sign * amount

    def settled(self, draft: Draft) -> None:
        """An account that time has changed: what is open in it, and what time did that stands in no entry yet."""
        self.debt += draft.account.debt
        for lot in draft.lots.values():
            if lot.state is LotState.ACTIVE:
                self.open_lots(draft.expires_at(lot), True, lot.remaining, lot.held, 0)
            elif lot.state is LotState.PENDING:
                is_known = lot.activates_at is not None and not lot.slides
                self.open_lots(lot.expires_at, is_known, 0, 0, lot.remaining)
        for step in draft.passed:
            if step.entry is not None:
                at = step.at - timedelta(microseconds=step.entry.kind is EntryKind.EXPIRY)
                self.entry(self.months[bisect_right(self.bounds, at)], step.entry.kind, step.entry.amount)

    def report(self, decimals: int, as_of: datetime) -> Liability:
        never, unknown = (LiabilityMonth(None, *self._open.pop(month, ())) for month in (NEVER, UNKNOWN))
        months = [LiabilityMonth(month, *points) for month, points in sorted(self._open.items()) if any(points)]
        all_open = [*months, never, unknown]
        breakage = [
            BreakageMonth(month, of["earned"], of["spent"], of["expired"], of["revoked"])
            for month, of in sorted(self._happened.items())
            if any(of[figure] for figure in ("earned", "spent", "expired", "revoked"))
        ]
        return Liability(
            decimals,
            months,
            never,
            unknown,
            sum(month.active for month in all_open),
            sum(month.held for month in all_open),
            sum(month.pending for month in all_open),
            self.debt,
            sum(month.issued for month in breakage),
            sum(month.spent for month in breakage),
            sum(month.expired for month in breakage),
            sum(month.revoked for month in breakage),
            breakage,
            as_of,
        )


def _due(books: Connection, programs: ProgramCache, program: ProgramState, card_id: str) -> Iterator[Draft]:
    """The accounts in which something is due, settled, with all their open lots."""
    sliding = programs.sliding(program.id, card_id)
    after = 0
    while True:
        keys = [AccountKey(*row) for row in books.execute(_DUE, (program.id, card_id, program.now, after, BATCH))]
        if not keys:
            return
        after = keys[-1].account
        found = blocking(load_accounts(session(books), programs, keys))
        for text in books.execute(_OPEN, ([key.account for key in keys],)):
            for account, number, lot in LOTS.decode(text[0]):
                found.load(LOTS, (account, number), lot)
        for key in keys:
            draft = draft_of(found, key.account, True, sliding)
            ledger.settle(draft, program.now)
            yield draft


def _first_month(books: Connection, program: ProgramState) -> datetime:
    row = books.execute("SELECT min(occurred_at) FROM entry WHERE program = %s", (program.id,)).fetchone()
    first = row[0] if row is not None else None
    return min(first, program.now) if first is not None else program.now


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = calendar.add_months(month, 1)


_OF_CARD = "a.program = %(program)s AND a.card_id = %(card)s"
_NOT_DUE = f"{_OF_CARD} AND (a.due_at IS NULL OR a.due_at > %(now)s)"

_LOTS = f"""
SELECT CASE WHEN l.slides THEN s.expires_at ELSE l.expires_at END AS expires_at,
       l.state = 'ACTIVE' OR (l.activates_at IS NOT NULL AND NOT l.slides) AS is_known,
       coalesce(sum(l.remaining) FILTER (WHERE l.state = 'ACTIVE'), 0)::bigint, sum(l.held)::bigint,
       coalesce(sum(l.remaining) FILTER (WHERE l.state = 'PENDING'), 0)::bigint
FROM lot l JOIN account a ON a.id = l.account
LEFT JOIN sliding_expiry s ON l.slides AND s.account = l.account AND s.settings_version = l.settings_version
WHERE l.state IN ('ACTIVE', 'PENDING') AND {_NOT_DUE}
GROUP BY 1, 2
"""  # noqa: S608

# An expiry is of the month before the instant at which it ends.
_ENTRIES = f"""
SELECT width_bucket(CASE e.kind WHEN 'EXPIRY' THEN e.occurred_at - interval '1 microsecond' ELSE e.occurred_at END,
                    %(bounds)s::timestamptz[]), e.kind, e.amount > 0, sum(e.amount)::bigint
FROM entry e JOIN account a ON a.id = e.account WHERE {_OF_CARD} GROUP BY 1, 2, 3
"""  # noqa: S608

_DEBT = f"SELECT coalesce(sum(a.debt), 0)::bigint FROM account a WHERE {_NOT_DUE}"  # noqa: S608

_DUE = """
SELECT id, program, customer FROM account a
WHERE a.program = %s AND a.card_id = %s AND a.due_at <= %s AND a.id > %s ORDER BY a.id LIMIT %s
"""

_OPEN = f"""
SELECT json_agg(json_build_array(l.account, l.number, json_build_array({LOTS.select("l")})))::text FROM lot l
WHERE l.account = ANY(%s) AND l.state IN ('ACTIVE', 'PENDING')
"""  # noqa: S608
