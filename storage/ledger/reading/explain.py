"""Where each point of an account came from and where it went: the lots, newest first, each with its steps in order.

The amounts of the steps of a lot add up to what is left of it. What time has done and nobody has written yet is among
them, without an entry and an activity.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from rules.accounts import EntryKind, HoldState, Lot, LotState
from storage.engine.database import Connection
from storage.ledger.addresses import Address
from storage.ledger.facts import MovementKind
from storage.ledger.reading import accounts, cancellations, lots, moves
from storage.ledger.reading.accounts import Reading
from storage.ledger.reading.cancellations import Cancellation
from storage.ledger.reading.lots import BOUGHT, SINCE, LotRead
from storage.ledger.reading.moves import Move
from storage.ledger.reading.sentences import Sentences


class Step(NamedTuple):
    """One thing that happened to a lot. `amount` is what it gave or took, 0 where it only began or ended waiting;
    `entry` and `activity` are None and empty where none was made; `settings_version` is 0 where none mattered."""

    sentence: str
    occurred_at: datetime
    amount: int
    entry: int | None
    activity: str
    settings_version: int


class Explanation(NamedTuple):
    """Lot number `lot`, that came with `points`: what is left of it and until when, and how it came to be so."""

    lot: int
    points: int
    remaining: int
    state: LotState
    expires_at: datetime | None
    steps: tuple[Step, ...]


class _Allocation(NamedTuple):
    """What an entry gave to a lot or took from it, and what else is known of the entry: of points that went to another
    customer or came from one, `whom` and by which kind of movement; whether their customer was closed by the same act.
    """

    lot: int
    entry: int | None
    kind: EntryKind
    amount: int
    occurred_at: datetime
    transaction_id: str | None = None
    hold: int | None = None
    reverses: int | None = None
    activity: str = ""
    reference: str | None = None
    movement: MovementKind | None = None
    whom: str | None = None
    is_closing: bool = False


def explain(books: Connection, address: Address, after: int | None, size: int) -> list[Explanation]:
    """Explains up to `size` lots, newest first, from the first after number `after`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound.
    """
    with accounts.snapshot(books):
        reading = accounts.read(books, address)
        page = lots.select(books, reading, "", after, size)
        if not page:
            return []
        teller = _Teller(books, reading, [found.lot for found in page])
        return [
            Explanation(
                found.lot.number,
                found.lot.points,
                found.lot.remaining,
                found.lot.state,
                found.expires_at,
                tuple(teller.steps(found)),
            )
            for found in page
        ]


class _Teller:
    """Knows all that happened to some lots of an account, and tells it."""

    def __init__(self, books: Connection, reading: Reading, page: list[Lot]) -> None:
        self._reading = reading
        self._say = Sentences(reading.card, reading.program.settings.time_zone)
        self._cancelled: defaultdict[int, list[Cancellation]] = defaultdict(list)
        numbers = [lot.number for lot in page]
        self._moved: defaultdict[int, list[Move]] = defaultdict(list)
        for move in moves.of_lots(books, reading.key, numbers):
            self._moved[move.lot].append(move)
        for one in cancellations.of(books, reading.key, numbers):
            self._cancelled[one.lot].append(one)
        self._allocations: defaultdict[int, list[_Allocation]] = defaultdict(list)
        asked = (reading.key.account, numbers)
        for lot, seq, kind, *rest in books.execute(_ALLOCATIONS, asked, prepare=True):
            self._allocations[lot].append(_Allocation(lot, seq, EntryKind(kind), *rest))
        for step in reading.draft.passed:
            for lot, amount in step.entry.allocations if step.entry is not None else ():
                assert step.entry is not None
                passed = _Allocation(lot, None, step.entry.kind, amount, step.at, step.entry.transaction_id)
                self._allocations[lot].append(passed)
        self._pins: defaultdict[int, list[tuple[int, int, datetime, datetime, str]]] = defaultdict(list)
        ended = {hold.number for hold in reading.draft.holds.values() if hold.state is not HoldState.ACTIVE}
        for lot, hold, *pin in books.execute(_PINS, asked, prepare=True):
            if hold not in ended:
                self._pins[lot].append((hold, *pin))
        self._redated: defaultdict[int, list[tuple[datetime, datetime | None, str]]] = defaultdict(list)
        for lot, *redated in books.execute(_REDATINGS, asked, prepare=True):
            self._redated[lot].append((redated[0], redated[1], redated[2]))
        self._since: dict[int, datetime] = dict(books.execute(_SINCE, asked, prepare=True).fetchall())
        self._events: dict[int, str | None] = dict(books.execute(_EVENTS, asked, prepare=True).fetchall())

    def steps(self, found: LotRead) -> Iterator[Step]:
        """All that happened to a lot, in its order."""
        lot, say = found.lot, self._say
        version = lot.settings_version
        allocations = self._allocations[lot.number]
        moved = self._moved[lot.number]
        first = allocations[0] if allocations else None
        waited = first is None or first.kind is EntryKind.ACTIVATION or bool(moved)
        given = None if waited else allocations.pop(0)
        since = self._since[lot.number]
        begun, entry = (since, None) if given is None else (given.occurred_at, given.entry)
        source = self._source(found, given)
        yield Step(say.issued(lot, source, begun), begun, lot.points, entry, found.activity, version)
        if waited:
            yield Step(say.waited(lot), since, 0, None, found.activity, version)
            yield from sorted(self._while_pending(lot), key=lambda step: step.occurred_at)
        for one in allocations:
            yield self._step(one, found)
        for redated_at, after, activity in self._redated[lot.number]:
            yield Step(say.redated(redated_at, after), redated_at, 0, None, activity, 0)
        for hold, points, created_at, expires_at, activity in self._pins[lot.number]:
            yield Step(say.pinned(points, hold, expires_at), created_at, 0, None, activity, 0)
        yield Step(
            say.remaining(lot, found.expires_at), self._reading.program.now, 0, None, "", version if lot.is_open else 0
        )

    def _while_pending(self, lot: Lot) -> Iterator[Step]:
        """What was taken back before it was active, and what merges did, of which no entry tells."""
        for gone in self._cancelled[lot.number]:
            sentence = self._say.cancelled(gone.points, gone.occurred_at, lot.transaction_id, gone.refund is not None)
            yield Step(sentence, gone.occurred_at, -gone.points, None, gone.activity, 0)
        for move in self._moved[lot.number]:
            sentence = self._say.moved(move.points, move.occurred_at, f"customer {move.whom}", move.is_return)
            yield Step(sentence, move.occurred_at, move.points, None, move.activity, 0)

    def _step(self, one: _Allocation, found: LotRead) -> Step:
        if one.kind is EntryKind.ACTIVATION:
            # It had these points from the beginning.
            sentence = self._say.activated(one.amount, one.occurred_at)
            return Step(sentence, one.occurred_at, 0, one.entry, one.activity, found.lot.settings_version)
        rules = found.lot.settings_version if one.kind is EntryKind.EXPIRY else 0
        if one.kind in (EntryKind.MERGE_IN, EntryKind.MERGE_OUT):
            is_return = one.movement == MovementKind.UNMERGE
            sentence = self._say.moved(one.amount, one.occurred_at, f"customer {one.whom}", is_return)
        else:
            about = self._about(one)
            sentence = self._say.changed(one.kind, one.amount, one.occurred_at, about, found.expires_at, one.hold)
        return Step(sentence, one.occurred_at, one.amount, one.entry, one.activity, rules)

    def _source(self, found: LotRead, given: _Allocation | None) -> str:
        """Where a lot came from, as the verb of its first sentence."""
        lot = found.lot
        if found.origin is not None:
            if lot.origin_account is None:
                return f"given back with another expiry, from lot {lot.origin}, as a spending was rolled back,"
            whom = f"customer {found.origin.address.customer}"
            is_transfer = given is not None and given.kind is EntryKind.TRANSFER_IN
            return f"given by {whom}" if is_transfer else f"brought by the merge of {whom}"
        if lot.transaction_id is not None:
            return f"earned by transaction {lot.transaction_id}"
        if given is not None and given.kind is EntryKind.ADJUSTMENT:
            return "added by hand"
        event = self._events[lot.number]
        return f"earned by an event of type {event}" if event else "earned"

    def _about(self, one: _Allocation) -> str:
        """What else an entry has to say."""
        if one.kind is EntryKind.SPEND:
            return one.reference or (f"transaction {one.transaction_id}" if one.transaction_id else "")
        if one.kind is EntryKind.ROLLBACK:
            return str(one.reverses)
        if one.kind is EntryKind.TRANSFER_OUT:
            return f"customer {one.whom}"
        if one.kind is EntryKind.EXPIRY:
            return "their customer was closed" if one.is_closing else ""
        return one.transaction_id or ""


_ALLOCATIONS = """
SELECT a.lot, a.seq, e.kind, a.amount, e.occurred_at, e.transaction_id, e.hold, e.reverses, e.activity::text,
       s.reference, m.kind, m.customer_id, coalesce(c.is_closing, false)
FROM allocation a
CROSS JOIN LATERAL (SELECT * FROM entry WHERE entry.account = a.account AND entry.seq = a.seq OFFSET 0) AS e
LEFT JOIN LATERAL (
    SELECT reference FROM spending WHERE e.kind = 'SPEND' AND spending.account = a.account AND spending.seq = a.seq
    OFFSET 0
) AS s ON true
LEFT JOIN LATERAL (
    SELECT side.kind, customer.customer_id FROM (
        SELECT kind, target AS other FROM movement WHERE e.kind IN ('TRANSFER_OUT', 'MERGE_OUT')
            AND movement.source = e.account AND movement.source_seq = e.seq
        UNION ALL
        SELECT kind, source FROM movement WHERE e.kind = 'MERGE_IN'
            AND movement.target = e.account AND movement.target_seq = e.seq
    ) AS side
    JOIN account ON account.id = side.other JOIN customer ON customer.id = account.customer OFFSET 0
) AS m ON true
LEFT JOIN LATERAL (
    SELECT action IN ('customer.closed', 'customer.erased') AS is_closing FROM activity
    WHERE e.kind = 'EXPIRY' AND activity.id = e.activity OFFSET 0
) AS c ON true
WHERE a.account = %s AND a.lot = ANY(%s::int[]) ORDER BY a.lot, a.seq
"""

_PINS = """
SELECT p.lot, h.number, p.points, h.created_at, h.expires_at, h.activity::text
FROM hold h
CROSS JOIN LATERAL (SELECT * FROM pin WHERE pin.account = h.account AND pin.hold = h.number OFFSET 0) AS p
WHERE h.account = %s AND h.state = 'ACTIVE' AND p.lot = ANY(%s::int[]) ORDER BY h.number
"""

# Dated by the program's clock, as its activity is.
_REDATINGS = """
SELECT r.lot, m.occurred_at, r.after, r.activity::text FROM redating r
CROSS JOIN LATERAL (SELECT occurred_at FROM activity WHERE activity.id = r.activity OFFSET 0) AS m
WHERE r.account = %s AND r.lot = ANY(%s::int[]) ORDER BY r.lot, r.recorded_at
"""

_SINCE = f"""
SELECT l.number, {SINCE} FROM lot l {BOUGHT} WHERE l.account = %s AND l.number = ANY(%s::int[])
"""  # noqa: S608

_EVENTS = """
SELECT l.number, m.event FROM lot l
CROSS JOIN LATERAL (SELECT event FROM activity WHERE activity.id = l.activity OFFSET 0) AS m
WHERE l.account = %s AND l.number = ANY(%s::int[])
"""
