"""Batches: coupons that are made together, stand in the books unseen, and are published in one act or removed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from rules.coupons.codes import Pattern
from rules.coupons.coupons import Origin
from rules.coupons.refusals import BatchNotFound
from storage.coupons.queries import Campaign
from storage.coupons.reading.batches import BatchRead
from storage.coupons.unchecked import mark_unchecked
from storage.engine.database import Connection
from storage.engine.unit import Unit
from storage.tasks.commands import plan

# The actor that removes what was never published, and its queue: that of other acts which nobody waits for.
REMOVING = "discard_batch"
QUEUE = "operations"
# Coupons removed in one transaction: a fifth of a second.
REMOVED_MAX = 10_000
# `CODE`: of all that is locked by such numbers, these are patterns whose codes are counted.
COUNTING = 1129268293
# Ids grow with the clocks of those that make them, which differ by less than this from the database's: so what a batch
# has is read from there on, and not from the campaign's first coupon.
CLOCKS_DIFFER = timedelta(days=1)


class Batch(NamedTuple):
    """A batch of a campaign, by its number. `coupons` are those that it has so far."""

    number: int
    origin: Origin
    pattern: str
    coupons: int
    created_at: datetime
    published_at: datetime | None
    discarded_at: datetime | None
    exported_at: datetime | None
    activity: UUID | None

    def read(self, campaign: str) -> BatchRead:
        """The same as readers see it; `campaign` is the resource name of the campaign."""
        stamps = (self.created_at, self.published_at, self.exported_at)
        return BatchRead(campaign, self.number, self.origin, self.coupons, *stamps, self.activity)

    @property
    def first_id(self) -> UUID:
        """None of its coupons has a smaller id."""
        return UUID(int=int((self.created_at - CLOCKS_DIFFER).timestamp() * 1000) << 80)


def name(campaign: str, number: int) -> str:
    """The resource name of a batch: of that of its campaign."""
    return f"{campaign}/batches/{number}"


def next_number(unit: Unit, campaign: int) -> int:
    """The number of a batch that begins now: 1, 2, 3 …"""
    [number] = unit.connection.execute(_NEXT, (campaign,)).fetchone() or ()
    return int(number)


def rehearsed_number(unit: Unit, campaign: int) -> int:
    """The number of a batch that nobody will ever see: -1, -2, -3 … What is in it stands in nobody's way, and it takes
    none from those that can be seen. Whoever asks has the campaign locked."""
    [number] = unit.connection.execute(_NEXT_REHEARSED, (campaign,)).fetchone() or ()
    return int(number)


def begin(
    unit: Unit,
    campaign: Campaign,
    number: int,
    origin: Origin,
    pattern: str = "",
    begun_by: tuple[UUID, UUID] | None = None,
) -> None:
    """Writes a batch without coupons; `begun_by` are the operation that makes them and its activity."""
    operation, activity = begun_by or (None, None)
    values = (campaign.id, number, origin, pattern, unit.now, operation, activity, campaign.program_id)
    unit.connection.execute(_BEGIN, values)


def get(connection: Connection, campaign: int, number: int, for_update: bool = False) -> Batch:
    """A batch that was published, of a campaign by its internal id. Raises BatchNotFound."""
    found = _one(connection, campaign, number, for_update)
    if found is None or found.published_at is None:
        raise BatchNotFound()
    return found


def locked(unit: Unit, campaign: int, number: int) -> Batch:
    """A batch in whatever state it is, which stays until the transaction ends."""
    found = _one(unit.connection, campaign, number, for_update=True)
    assert found is not None
    return found


def existing(connection: Connection, program: int, pattern: Pattern) -> int:
    """How many codes the program has whose random symbols stand where the pattern has them, or will have soon. Until
    the transaction ends nobody else counts these, so that two who make some at once see each other's."""
    connection.execute(_COUNTING, (COUNTING, f"{program}:{pattern.symbols}"))
    [count] = connection.execute(_EXISTING, (program, pattern.symbols)).fetchone() or ()
    return int(count)


def grow(unit: Unit, campaign: int, number: int, by: int) -> None:
    """Notes that it has so many coupons more."""
    unit.connection.execute(_GROW, (by, campaign, number))


def note_exported(unit: Unit, campaign: int, number: int) -> None:
    """Its codes are about to be taken away."""
    unit.connection.execute(_EXPORTED, (unit.now, campaign, number))


def publish(unit: Unit, program: int, campaign: int, batch: Batch, activity: UUID | str | None) -> Batch:
    """Lets its coupons be seen, all at once. `program` is internal, `activity` made them."""
    if not batch.pattern.endswith("@"):
        mark_unchecked(unit, program)
    unit.connection.execute(_PUBLISH, (unit.now, activity, campaign, batch.number))
    return batch._replace(published_at=unit.now, activity=UUID(str(activity)))


def discard(unit: Unit, program: int, campaign: int, number: int) -> None:
    """Nothing of it will ever be seen, unless it is published already; a task removes its coupons."""
    if unit.connection.execute(_DISCARD, (unit.now, campaign, number)).rowcount:
        _plan(unit, program, campaign, number, "now")


def discard_later(unit: Unit, program: int, campaign: int, number: int, at: datetime) -> None:
    """The same at an instant by the database's clock, should whoever fills it be gone by then."""
    _plan(unit, program, campaign, number, "later", at)


def remove(unit: Unit, campaign: int, number: int) -> bool:
    """Discards a batch that is not published, removes some of its coupons, and says whether none is left. Nobody adds
    to it any more, so it goes on behind those that it has removed."""
    batch = locked(unit, campaign, number)
    if batch.published_at is not None:
        return True
    unit.connection.execute(_DISCARD, (unit.now, campaign, number))
    parameters = {"campaign": campaign, "batch": number, "first": batch.first_id, "limit": REMOVED_MAX}
    [removed] = unit.connection.execute(_REMOVE, parameters).fetchone() or (0,)
    return bool(removed < REMOVED_MAX)


def free(unit: Unit, program: int, codes: Sequence[bytes], beside: tuple[int, int] = (0, 0)) -> list[bytes]:
    """Takes sealed codes out of batches that come to nothing: that wait to be removed, such as a file before it was
    corrected, or that somebody rehearses; but for one, by its campaign and number. Answers which."""
    parameters = {"program": program, "codes": list(codes), "campaign": beside[0], "batch": beside[1]}
    return [bytes(code) for (code,) in unit.connection.execute(_FREE, parameters)]


def _plan(unit: Unit, program: int, campaign: int, number: int, when: str, at: datetime | None = None) -> None:
    args = {"campaign": campaign, "batch": number}
    plan(unit, REMOVING, QUEUE, args, f"{REMOVING}:{campaign}:{number}:{when}", program, due_at=at)


def _one(connection: Connection, campaign: int, number: int, for_update: bool) -> Batch | None:
    lock = "FOR NO KEY UPDATE" if for_update else ""
    found = connection.execute(_GET.format(lock).encode(), (campaign, number)).fetchone()
    return None if found is None else _batch(found)


def _batch(row: tuple[object, ...]) -> Batch:
    found = Batch(*row)  # type: ignore[arg-type]
    return found._replace(origin=Origin(found.origin))


_COLUMNS = "number, origin, pattern, coupons, created_at, published_at, discarded_at, exported_at, activity"

_NEXT = "UPDATE coupon_campaign SET batches = batches + 1 WHERE id = %s RETURNING batches"

_NEXT_REHEARSED = "SELECT least(min(number), 0) - 1 FROM coupon_batch WHERE campaign = %s"

_BEGIN = """
INSERT INTO coupon_batch (campaign, number, program, origin, pattern, created_at, operation, activity)
SELECT %s, %s, program.id, %s, %s, %s, %s, %s FROM program WHERE program_id = %s
"""

_GET = f"SELECT {_COLUMNS} FROM coupon_batch WHERE campaign = %s AND number = %s {{}}"  # noqa: S608

_COUNTING = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"

# Of what is being made, all that there will be.
_EXISTING = """
SELECT coalesce(sum(CASE WHEN b.published_at IS NULL THEN coalesce(o.accounts_total, 0) ELSE b.coupons END), 0)
FROM coupon_batch b LEFT JOIN operation o ON o.id = b.operation
WHERE b.program = %s AND replace(b.pattern, '-', '') = %s AND b.discarded_at IS NULL
"""

_GROW = "UPDATE coupon_batch SET coupons = coupons + %s WHERE campaign = %s AND number = %s"

_EXPORTED = "UPDATE coupon_batch SET exported_at = %s WHERE campaign = %s AND number = %s"

_PUBLISH = """
UPDATE coupon_batch SET published_at = %s, activity = %s
WHERE campaign = %s AND number = %s AND published_at IS NULL AND discarded_at IS NULL
"""

_DISCARD = """
UPDATE coupon_batch SET discarded_at = %s
WHERE campaign = %s AND number = %s AND published_at IS NULL AND discarded_at IS NULL
"""

_REMOVE = """
WITH removed AS (
    DELETE FROM coupon WHERE campaign = %(campaign)s AND id = ANY(ARRAY(
        SELECT id FROM coupon
        WHERE campaign = %(campaign)s AND batch = %(batch)s AND id >= coalesce(
            (SELECT removed_to FROM coupon_batch WHERE campaign = %(campaign)s AND number = %(batch)s), %(first)s
        )
        ORDER BY id LIMIT %(limit)s
    )) RETURNING id
), last AS (
    SELECT id FROM removed ORDER BY id DESC LIMIT 1
), noted AS (
    UPDATE coupon_batch SET removed_to = last.id FROM last WHERE campaign = %(campaign)s AND number = %(batch)s
)
SELECT count(*) FROM removed
"""

_FREE = """
DELETE FROM coupon c USING coupon_batch b
WHERE c.program = %(program)s AND c.code = ANY(%(codes)s) AND b.campaign = c.campaign AND b.number = c.batch
      AND (b.discarded_at IS NOT NULL OR b.number < 0) AND (b.campaign, b.number) <> (%(campaign)s, %(batch)s)
RETURNING c.code
"""
