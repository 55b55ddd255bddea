"""A file on its way into a batch: each piece is a transaction of its own, so that nobody waits for the file."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules import archiving
from rules.access import Caller
from rules.coupons.campaigns import check_active
from rules.coupons.coupons import Origin
from rules.coupons.importing import lines as rules
from rules.coupons.importing.files import BadLine, File
from rules.coupons.importing.lines import Line
from rules.coupons.terms import CodeSource, Terms
from rules.programs import time_zone
from storage.coupons import batches, queries
from storage.coupons.sealing import CodeSeals
from storage.engine.database import Database
from storage.engine.ids import new_uuids
from storage.engine.requests import Request, find
from storage.engine.unit import Unit, run
from storage.programs import queries as programs

# Bad lines that a report shows: more are of no use to anybody, and each is kept with the answer.
BAD_LINES_MAX = 1_000
# By then no import goes on, and what has not been published never will be.
ABANDONED_AFTER = timedelta(hours=2)


class Discarded(Exception):
    """The batch was discarded meanwhile: the stream that fills it lasted for too long."""


class Target(NamedTuple):
    """What a file is for, by internal ids; its batch, and what its lines are read by."""

    program: int
    program_id: str
    campaign: int
    batch: int
    terms: Terms
    zone: ZoneInfo
    now: datetime


def begin(
    database: Database, caller: Caller, program_id: str, campaign_id: str, request: Request, rehearses: bool = False
) -> Target | None:
    """Begins a batch, where somebody only `rehearses` one that nobody will see; None where the request was answered
    before.

    Raises ProgramNotFound, ProgramArchived, CampaignNotFound, CampaignArchived.
    """

    def change(unit: Unit) -> Target | None:
        program = programs.get(program_id, caller)
        if find(unit.connection, request) is not None:
            return None
        archiving.check_active(program.settings, program.program_id)
        campaign = queries.get(program, campaign_id, for_update=True)
        check_active(campaign.archived, campaign.campaign_id)
        number = (batches.rehearsed_number if rehearses else batches.next_number)(unit, campaign.id)
        batches.begin(unit, campaign, number, Origin.IMPORTED)
        batches.discard_later(unit, program.id, campaign.id, number, unit.now + ABANDONED_AFTER)
        zone, now = time_zone(program.settings.time_zone), program.now(unit.now)
        return Target(program.id, program_id, campaign.id, number, campaign.terms, zone, now)

    return run(database, change)


def discard(database: Database, target: Target) -> None:
    """Nothing of it will ever be seen, unless it is published already."""
    run(database, lambda unit: batches.discard(unit, target.program, target.campaign, target.batch))


class Staging:
    """A file that is being taken: what was bad in it so far."""

    def __init__(self, target: Target, form: str, seals: CodeSeals) -> None:
        self.target = target
        self.file = File(form)
        self.bad_lines_total = self.expired_lines = 0
        self.bad_lines: list[BadLine] = []
        self._seals = seals

    def take(self, database: Database, data: bytes) -> None:
        """Takes in the next bytes of the file. Raises Discarded."""
        self._take(database, self.file.read(data))

    def end(self, database: Database) -> None:
        """Takes in what is left of it. Raises Discarded."""
        self._take(database, self.file.end())

    def _take(self, database: Database, found: Sequence[object]) -> None:
        target = self.target
        by = (target.program_id, target.terms, target.zone, target.now)
        read = [
            one if isinstance(one, BadLine) else rules.read(one, *by)  # type: ignore[arg-type]
            for one in found
        ]
        good = [one for one in read if isinstance(one, Line)]
        bad = [one for one in read if isinstance(one, BadLine)]
        if good:
            sealed = self._seals.seal_all(target.program_id, [line.code.text for line in good])
            left_out = run(database, lambda unit: stage(unit, target, good, sealed))
            expired = {line.number for line in good if line.expires_at is not None and line.expires_at <= target.now}
            self.expired_lines += len(expired - {one.line for one in left_out})
            bad += left_out
        self.bad_lines_total += len(bad)
        self.bad_lines += sorted(bad)[: BAD_LINES_MAX - len(self.bad_lines)]


def stage(unit: Unit, target: Target, lines: Sequence[Line], sealed: Sequence[bytes]) -> list[BadLine]:
    """Writes lines as coupons of the batch; answers those that cannot be taken, beside others or what is there. Of
    equal codes the first line that can be taken has it. Raises Discarded."""
    if batches.locked(unit, target.campaign, target.batch).discarded_at is not None:
        raise Discarded
    customers = _customers(unit, target, lines)
    bad: list[BadLine] = []
    rows: _Rows = {}
    others: list[tuple[bytes, Line]] = []
    for identity, line, code in zip(new_uuids(len(lines)), lines, sealed, strict=True):
        customer = customers.get(line.customer)
        if line.customer and customer is None:
            bad.append(BadLine(line.number, *rules.CUSTOMER_NOT_FOUND))
        elif code in rows:
            others.append((code, line))
        else:
            rows[code] = _Row(f"{identity:032x}", line, customer)
    landed = _write(unit, target, rows)
    if missing := {code: row for code, row in rows.items() if code not in landed}:
        freed = batches.free(unit, target.program, list(missing), (target.campaign, target.batch))
        landed |= _write(unit, target, {code: missing[code] for code in freed})
    others += [(code, row.line) for code, row in rows.items() if code not in landed]
    if others:
        bad += _duplicates(unit, target, others)
    batches.grow(unit, target.campaign, target.batch, len(landed))
    return bad


class _Row(NamedTuple):
    id: str
    line: Line
    customer: int | None


# By the sealed code.
_Rows = dict[bytes, _Row]


def _customers(unit: Unit, target: Target, lines: Sequence[Line]) -> dict[str, int]:
    named = list({line.customer for line in lines if line.customer})
    return dict(unit.connection.execute(_CUSTOMERS, (target.program, named)).fetchall()) if named else {}


def _write(unit: Unit, target: Target, rows: _Rows) -> set[bytes]:
    """Those whose codes the program did not have."""
    if not rows:
        return set()
    found = list(rows.values())
    parameters = {
        "campaign": target.campaign,
        "program": target.program,
        "batch": target.batch,
        "pooled": target.terms.code_source is CodeSource.POOL,
        "now": target.now,
        "ids": [row.id for row in found],
        "codes": list(rows),
        "last_four": [row.line.code.last_four for row in found],
        "customers": [row.customer for row in found],
        "ends": [row.line.expires_at for row in found],
        "balances": [row.line.balance_minor for row in found],
    }
    return {bytes(code) for (code,) in unit.connection.execute(_WRITE, parameters)}


def _duplicates(unit: Unit, target: Target, found: Sequence[tuple[bytes, Line]]) -> list[BadLine]:
    parameters = (target.program, [code for code, _ in found], target.campaign, target.batch)
    own = {bytes(code) for (code,) in unit.connection.execute(_OWN, parameters)}
    return [
        BadLine(line.number, *(rules.DUPLICATE_IN_FILE if code in own else rules.DUPLICATE_IN_BOOKS))
        for code, line in found
    ]


# They stay what they are until the piece is written: who closes or merges them then finds their coupons.
_CUSTOMERS = """
SELECT customer_id, id FROM customer
WHERE program = %s AND customer_id = ANY(%s) AND state NOT IN ('CLOSED', 'MERGED')
ORDER BY id FOR SHARE
"""

# In the order of the codes: two files that have the same in another order wait for each other's only one way.
_WRITE = """
INSERT INTO coupon (
    campaign, id, program, code, last_four, origin, batch, pooled, customer, added_at, expires_at, initial_minor,
    balance_minor
)
SELECT %(campaign)s, id, %(program)s, code, last_four, 'IMPORTED', %(batch)s, %(pooled)s AND customer IS NULL, customer,
       %(now)s, ends, balance, balance
FROM unnest(
    %(ids)s::uuid[], %(codes)s::bytea[], %(last_four)s::text[], %(customers)s::bigint[], %(ends)s::timestamptz[],
    %(balances)s::bigint[]
) AS w (id, code, last_four, customer, ends, balance)
ORDER BY code
ON CONFLICT DO NOTHING RETURNING code
"""

_OWN = "SELECT code FROM coupon WHERE program = %s AND code = ANY(%s) AND campaign = %s AND batch = %s"
