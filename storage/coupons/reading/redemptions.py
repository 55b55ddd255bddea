"""Redemptions: one, those of a customer, those of a coupon; a reservation whose time has passed has expired."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.coupons.coupons import Redemption
from rules.coupons.refusals import CouponNotFound, RedemptionNotFound
from storage.coupons.queries import campaign_name, coupon_name
from storage.coupons.reading.coupons import CouponName, program_of
from storage.coupons.reading.pages import LOOKED_MAX
from storage.coupons.records import REDEMPTIONS
from storage.engine.database import Connection
from storage.engine.ids import typeid
from storage.ledger.addresses import CustomerName
from storage.ledger.reading import accounts
from storage.programs.queries import ProgramState


class RedemptionRead(NamedTuple):
    """A redemption, as time has made it. `id` is a UUID's text; `customer` and `campaign` are resource names, `account`
    is one or empty."""

    id: str
    redemption: Redemption
    customer: str
    campaign: str
    account: str = ""

    @property
    def name(self) -> str:
        """Its resource name."""
        return redemption_name(self.customer, self.id)

    @property
    def coupon(self) -> str:
        """The resource name of its coupon."""
        return coupon_name(self.campaign, UUID(self.redemption.coupon).int)


class RedemptionName(NamedTuple):
    """A redemption in the words of the contract; `id` is a UUID's text."""

    program: str
    customer: str
    id: str


class RedemptionFilter(NamedTuple):
    """Which redemptions: in a state, for an order; of what is empty, any."""

    state: str = ""
    order_id: str = ""


class RedemptionPage(NamedTuple):
    """Redemptions, and the id behind which the next page goes on, None: this is the last. A page that is not the last
    may have fewer than were asked for, or none."""

    redemptions: list[RedemptionRead]
    following: str | None


def redemption_name(customer: str, identity: str) -> str:
    """The resource name of a redemption: of the name of its customer and the text of its id."""
    return f"{customer}/redemptions/{typeid('redemption', UUID(identity).int)}"


def get(books: Connection, name: RedemptionName) -> RedemptionRead:
    """One redemption. Raises ProgramNotFound, RedemptionNotFound."""
    with accounts.snapshot(books):
        program = program_of(books, name.program)
        asked = {"program": program.id, "customer": name.customer, "id": name.id}
        for found in _read(books, name.program, program, _GET, asked):
            return found
    raise RedemptionNotFound


def page_of_customer(
    books: Connection, name: CustomerName, wanted: RedemptionFilter, after: str | None, size: int
) -> RedemptionPage:
    """Up to `size` redemptions of a customer, the newest first, from the first behind the one of id `after`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged.
    """
    with accounts.snapshot(books):
        holder = accounts.holder(books, name)
        program = accounts.program_state(books, holder.program)
        asked = {"customer": holder.customer, "after": after}
        return _page(books, name.program, program, _OF_CUSTOMER, wanted, asked, size)


def page_of_coupon(
    books: Connection, name: CouponName, wanted: RedemptionFilter, after: str | None, size: int
) -> RedemptionPage:
    """The same of a coupon. Raises ProgramNotFound, CouponNotFound."""
    with accounts.snapshot(books):
        program = program_of(books, name.program)
        row = books.execute(_COUPON, (program.id, name.campaign, name.id), prepare=True).fetchone()
        if row is None:
            raise CouponNotFound(program=name.program)
        asked = {"campaign": row[0], "coupon": name.id, "after": after}
        return _page(books, name.program, program, _OF_COUPON, wanted, asked, size)


def _page(
    books: Connection,
    program_id: str,
    program: ProgramState,
    of: "_Scope",
    wanted: RedemptionFilter,
    asked: Mapping[str, Any],
    size: int,
) -> RedemptionPage:
    asked = {**asked, "program": program.id, "state": wanted.state, "order_id": wanted.order_id, "size": size + 1}
    if wanted.order_id:
        found = _read(books, program_id, program, of.of_order, asked)
        return RedemptionPage(found[:size], found[size - 1].id if len(found) > size else None)
    found = _read(books, program_id, program, of.page, {**asked, "looked": LOOKED_MAX})
    if len(found) > size:
        return RedemptionPage(found[:size], found[size - 1].id)
    cut_at = books.execute(of.cut, {**asked, "looked": LOOKED_MAX - 1}, prepare=True).fetchone()
    return RedemptionPage(found, None if cut_at is None else cut_at[0])


def _read(
    books: Connection, program_id: str, program: ProgramState, statement: bytes, asked: Mapping[str, Any]
) -> list[RedemptionRead]:
    rows = books.execute(statement, {**asked, "now": program.now}, prepare=True)
    return [_of_row(program_id, program.now, *row) for row in rows]


def _of_row(
    program_id: str, now: datetime, identity: str, customer: str, campaign: str, owner: str, card: str, columns: str
) -> RedemptionRead:
    redemption: Redemption = REDEMPTIONS.read(columns)
    account = f"programs/{program_id}/customers/{owner}/accounts/{card}" if card else ""
    name = f"programs/{program_id}/customers/{customer}"
    return RedemptionRead(identity, redemption.at(now), name, campaign_name(program_id, campaign), account)


_COUPON = """
SELECT c.campaign FROM coupon_campaign AS k JOIN coupon AS c ON c.campaign = k.id
LEFT JOIN coupon_batch AS b ON b.campaign = c.campaign AND b.number = c.batch
WHERE k.program = %s AND k.campaign_id = %s AND c.id = %s AND (c.batch IS NULL OR b.published_at IS NOT NULL)
"""

# Points may have gone to a customer who was merged since: the account says whose it is.
_COLUMNS = f"""
r.id::text, (SELECT customer_id FROM customer WHERE id = r.customer),
(SELECT campaign_id FROM coupon_campaign WHERE id = r.campaign), a.customer_id, a.card_id, {REDEMPTIONS.as_json("r")}
"""  # noqa: S608
_ACCOUNT = """
LEFT JOIN LATERAL (
    SELECT h.customer_id, o.card_id FROM account AS o JOIN customer AS h ON h.id = o.customer
    WHERE o.id = r.account OFFSET 0
) AS a ON true
"""

_GET = f"""
SELECT {_COLUMNS} FROM customer AS c JOIN redemption AS r ON r.customer = c.id {_ACCOUNT}
WHERE c.program = %(program)s AND c.customer_id = %(customer)s AND r.id = %(id)s
""".encode()  # noqa: S608

_STATE = """
CASE WHEN r.state = 'RESERVED' AND r.expires_at <= %(now)s::timestamptz THEN 'EXPIRED' ELSE r.state END
"""

_LOOKED = """
(
    SELECT * FROM redemption
    WHERE {scope} AND id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY id DESC LIMIT %(looked)s
)
"""

_PAGE = f"""
SELECT {_COLUMNS} FROM {{source}} AS r {_ACCOUNT}
WHERE {{scope}} AND r.id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND (%(state)s::text = '' OR {_STATE} = %(state)s::text)
ORDER BY r.id DESC LIMIT %(size)s
"""  # noqa: S608

_CUT = """
SELECT id::text FROM redemption
WHERE {scope} AND id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ORDER BY id DESC LIMIT 1 OFFSET %(looked)s
"""


class _Scope:
    """Statements about those of one customer or coupon: a page of all, of those of an order, which are few, and where
    a page of all has looked at enough."""

    def __init__(self, scope: str) -> None:
        self.page = _PAGE.format(source=_LOOKED.format(scope=scope), scope="true").encode()
        of_order = f"r.program = %(program)s AND r.order_id = %(order_id)s AND {scope}"
        self.of_order = _PAGE.format(source="redemption", scope=of_order).encode()
        self.cut = _CUT.format(scope=scope).encode()


_OF_CUSTOMER = _Scope("customer = %(customer)s")
_OF_COUPON = _Scope("campaign = %(campaign)s AND coupon = %(coupon)s")
