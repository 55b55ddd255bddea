"""Codes of a batch in the clear, as a file for whoever prints or mails them: noted before the first is read."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rules.access import Caller
from rules.activity import CODES_EXPORT_STARTED, Origin
from rules.coupons.codes import DEFAULT_PATTERN, Code, Pattern
from rules.coupons.coupons import end_of
from rules.coupons.refusals import BatchExported
from storage.activity.commands import Scope, record
from storage.coupons import batches, queries
from storage.coupons.batches import Batch
from storage.coupons.reading.coupons import COLUMNS, COUNTED, CouponRead, program_of, read, terms_of
from storage.coupons.sealing import CodeSeals
from storage.engine.commands import Reason
from storage.engine.database import Connection, Database
from storage.engine.unit import Unit, run
from storage.ledger.reading import accounts
from storage.programs import queries as programs

HEADER = b"code,state,customer,expire_time,balance_minor,currency_code\n"


class BatchName(NamedTuple):
    """A batch by the public ids of program and campaign, and its number."""

    program: str
    campaign: str
    number: int


class Export(NamedTuple):
    """A batch that is taken away, by internal ids. It may only be read now that this stands in the log."""

    name: BatchName
    campaign: int
    batch: Batch

    @property
    def first(self) -> str:
        """Where to begin to read: behind no coupon of it."""
        return str(self.batch.first_id)


class Page(NamedTuple):
    """Lines of the file: so many coupons, the last by its id."""

    data: bytes
    coupons: int
    last: str


def begin(
    database: Database, caller: Caller, name: BatchName, origin: Origin, reason: Reason, request_id: str
) -> Export:
    """Notes that the codes of a batch are taken away, and by whom. Once they are, whoever does so again says why.

    Raises ProgramNotFound, CampaignNotFound, BatchNotFound, BatchExported.
    """

    def change(unit: Unit) -> Export:
        program = programs.get(name.program, caller)
        campaign = queries.get(program, name.campaign)
        batch = batches.get(unit.connection, campaign.id, name.number, for_update=True)
        if batch.exported_at is not None and not reason.code:
            raise BatchExported(export_time=batch.exported_at.isoformat())
        details = reason.added_to({"again": batch.exported_at is not None, "coupons": batch.coupons})
        batches.note_exported(unit, campaign.id, batch.number)
        record(
            unit,
            origin._replace(kind=CODES_EXPORT_STARTED),
            batches.name(campaign.name, batch.number),
            Scope(program.id),
            program.now(unit.now),
            details=details,
            request_id=request_id,
            note=reason.note,
        )
        return Export(name, campaign.id, batch)

    return run(database, change)


def page(books: Connection, export: Export, seals: CodeSeals, after: str, limit: int) -> Page:
    """The next lines, of up to `limit` coupons behind the one with that id."""
    program_id = export.name.program
    with accounts.snapshot(books):
        program = program_of(books, program_id)
        terms = terms_of(books, program, program_id, [export.campaign])
        asked = {"campaign": export.campaign, "batch": export.batch.number, "after": UUID(after), "limit": limit}
        found = read(books, program_id, program, _PAGE, asked, terms)
    pattern = Pattern(export.batch.pattern or DEFAULT_PATTERN)
    lines = [_line(one, pattern, seals.unseal(program_id, bytes.fromhex(one.coupon.code))) for one in found]
    return Page("".join(lines).encode(), len(found), found[-1].id if found else after)


def _line(found: CouponRead, pattern: Pattern, code: str) -> str:
    """No field of it can hold a comma or a quote, or begin like a formula."""
    coupon = found.coupon
    ends_at = end_of(coupon, found.of.window)
    balance = coupon.balance_minor
    fields = (
        pattern.shown(Code(code)),
        found.state,
        found.customer.rpartition("/")[2],
        "" if ends_at is None else _written(ends_at),
        "" if balance is None else str(balance),
        "" if balance is None else found.of.terms.currency_code,
    )
    return ",".join(fields) + "\n"


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


_PAGE = f"""
SELECT {COLUMNS} FROM coupon AS c {COUNTED}
WHERE c.campaign = %(campaign)s AND c.id > %(after)s AND c.batch = %(batch)s
ORDER BY c.id LIMIT %(limit)s
""".encode()  # noqa: S608
