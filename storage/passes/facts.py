"""What of the books cards are made of, for many passes in a few statements, at the clocks of their programs.

The first statement reads what phones were told (pass_content); all that a card says is read by it or by later ones. So
nobody hands out what was before a revision as that revision.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from rules.claims import ClaimState
from rules.coupons.coupons import CouponState, end_of
from rules.coupons.terms import Benefit
from rules.passes.designs import Design, Source
from rules.passes.filling import CouponShown, Facts, Member, RewardShown
from rules.states import CustomerState
from storage.coupons.reading import coupons
from storage.coupons.reading.coupons import COLUMNS, COUNTED, CouponRead
from storage.engine import nouns
from storage.engine.database import Connection
from storage.engine.ids import typeid
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.passes import balances
from storage.passes.balances import BalanceWanted
from storage.programs.queries import PROGRAM_STATES, BlockingProgramCache, ProgramState

# Of one card: each is in what it says, and in what Google is sent. Who has more finds the newest.
LINKED_MAX = 20


class Told(NamedTuple):
    """What phones were told of a pass: Apple's Last-Modified, and the digest of what it said."""

    revision: int
    modified_at: datetime
    digest: bytes


class PassFacts(NamedTuple):
    """A pass, with all that it says. `program`, `customer` and `template` are internal ids. In `facts` the code of a
    coupon is sealed, in hexadecimal; `told` is None before the first refresh."""

    id: UUID
    program: int
    program_id: str
    customer: int
    template: int
    template_id: str
    version: int
    design: Design
    created_at: datetime
    facts: Facts
    told: Told | None

    @property
    def serial(self) -> str:
        """Its public id, by which wallets know it."""
        return typeid("pass", self.id.int)

    @property
    def template_name(self) -> str:
        """The resource name of its template."""
        return f"programs/{self.program_id}/passTemplates/{self.template_id}"


class _Row(NamedTuple):
    id: UUID
    program: int
    program_id: str
    customer: int
    template: int
    template_id: str
    version: int
    design: object
    created_at: datetime
    voided: bool
    erased: bool
    campaign: int | None
    coupon: UUID | None
    claim: UUID | None
    customer_id: str
    display_name: str
    language_code: str
    state: str
    revision: int | None
    modified_at: datetime | None
    digest: bytes | None


def read(connection: Connection, ids: Collection[UUID]) -> dict[UUID, PassFacts]:
    """The passes of those ids that there are. Raises Busy."""
    rows = [_Row(*row) for row in connection.execute(_PASSES, (list(ids),), prepare=True)]
    if not rows:
        return {}
    designs = _designs(rows)
    programs = _programs(connection, {row.program for row in rows})
    wanted = {row.id: one for row in rows if (one := _wanted(row, designs[row.template]))}
    points = balances.read(connection, programs, set(wanted.values()))
    shown = _coupons(connection, programs, rows)
    rewards = _rewards(connection, rows)
    linked = _linked(connection, {row.customer for row in rows if row.coupon is None})
    found = {}
    for row in rows:
        facts = Facts(
            Member(row.customer_id, row.display_name, row.language_code, CustomerState(row.state)),
            points[wanted[row.id]] if row.id in wanted else None,
            shown.get(row.id),
            rewards.get(row.id),
            tuple(linked[row.customer]) if row.coupon is None else (),
            row.voided,
            row.erased,
        )
        told = None
        if row.revision is not None and row.modified_at is not None and row.digest is not None:
            told = Told(row.revision, row.modified_at, row.digest)
        found[row.id] = PassFacts(*row[:7], designs[row.template], row.created_at, facts, told)
    return found


def _designs(rows: Iterable[_Row]) -> dict[int, Design]:
    by_template = {row.template: row.design for row in rows}
    return {template: msgspec.convert(design, Design) for template, design in by_template.items()}


def _programs(connection: Connection, wanted: Collection[int]) -> dict[int, ProgramState]:
    """Programs with what their clocks show, all at one instant."""
    books = session(connection)
    cache = BlockingProgramCache(books)
    workspace, _ = blocking(nouns.load(books, {cache.noun: cache.asked(sorted(wanted))}))
    return dict(workspace.within(PROGRAM_STATES, ()))


def _wanted(row: _Row, design: Design) -> BalanceWanted | None:
    if not design.card_id:
        return None
    sources = {field.source for field in design.fields}
    return BalanceWanted(
        row.program,
        row.customer,
        design.card_id,
        not sources.isdisjoint((Source.EXPIRING, Source.EXPIRES_AT)),
        not sources.isdisjoint((Source.NEXT_REWARD, Source.NEXT_REWARD_MISSING)),
    )


def _coupons(
    connection: Connection, programs: Mapping[int, ProgramState], rows: Iterable[_Row]
) -> dict[UUID, CouponShown]:
    """What passes of coupons show of them, as the contract reads coupons."""
    of_program: defaultdict[tuple[int, str], list[_Row]] = defaultdict(list)
    for row in rows:
        if row.coupon is not None:
            of_program[row.program, row.program_id].append(row)
    found = {}
    for (program, program_id), shown in of_program.items():
        asked = {"campaigns": [row.campaign for row in shown], "ids": [row.coupon for row in shown]}
        reads = coupons.read(connection, program_id, programs[program], _COUPONS, asked)
        by_id = {UUID(one.id): one for one in reads}
        names = dict(connection.execute(_CAMPAIGNS, (asked["campaigns"],)).fetchall())
        for row in shown:
            if row.coupon in by_id:
                found[row.id] = _shown(by_id[row.coupon], names[row.campaign], programs[program])
    return found


def _shown(read: CouponRead, name: str, program: ProgramState) -> CouponShown:
    terms, coupon = read.of.terms, read.coupon
    decimals = program.settings.card(terms.card_id, "").decimals if terms.benefit is Benefit.POINTS else 0
    ends_at = end_of(coupon, read.of.window)
    state = read.state
    if coupon.is_shared and state is CouponState.USED_UP:
        # It is used up by others, of which no record of this customer tells.
        state = CouponState.ASSIGNED
    return CouponShown(name, terms, state, ends_at, coupon.code, coupon.balance_minor, decimals)


def _rewards(connection: Connection, rows: Iterable[_Row]) -> dict[UUID, RewardShown]:
    """Of passes that were issued with a claim what was claimed, by the name that it had then."""
    claimed = [(row.customer, row.claim, row.id) for row in rows if row.claim is not None]
    if not claimed:
        return {}
    asked = [list(column) for column in zip(*claimed, strict=True)]
    return {
        id: RewardShown(name, state == ClaimState.CANCELLED) for id, name, state in connection.execute(_CLAIMS, asked)
    }


def _linked(connection: Connection, customers: Collection[int]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    if customers:
        for customer, id in connection.execute(_LINKED, (list(customers), LINKED_MAX), prepare=True):
            found[customer].append(typeid("pass", id.int))
    return found


_PASSES = """
SELECT p.id, p.program, g.program_id, p.customer, p.template, t.template_id, t.version, t.design, p.created_at,
    p.voided_at IS NOT NULL, p.erased_at IS NOT NULL, p.campaign, p.coupon, p.claim,
    c.customer_id, c.display_name, c.language_code, c.state, k.revision, k.modified_at, k.digest
FROM unnest(%s::uuid[]) AS w (id) JOIN pass AS p USING (id)
JOIN program AS g ON g.id = p.program JOIN customer AS c ON c.id = p.customer
JOIN pass_template AS t ON t.id = p.template LEFT JOIN pass_content AS k ON k.pass = p.id
"""

_COUPONS = f"""
SELECT {COLUMNS}
FROM unnest(%(campaigns)s::integer[], %(ids)s::uuid[]) AS n (campaign, id)
JOIN coupon AS c ON c.campaign = n.campaign AND c.id = n.id {COUNTED}
""".encode()  # noqa: S608 - our own words

_CAMPAIGNS = "SELECT id, display_name FROM coupon_campaign WHERE id = ANY(%s)"

_CLAIMS = """
SELECT w.pass, v.display_name, c.state
FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[]) AS w (customer, claim, pass)
JOIN claim AS c ON c.customer = w.customer AND c.id = w.claim
JOIN reward_version AS v ON v.reward = c.reward AND v.version = c.version
"""

# Ids grow with time.
_LINKED = """
SELECT w.customer, p.id FROM unnest(%s::bigint[]) AS w (customer) CROSS JOIN LATERAL (
    SELECT p.id FROM pass AS p JOIN coupon AS c ON c.campaign = p.campaign AND c.id = p.coupon
    WHERE p.customer = w.customer AND p.voided_at IS NULL AND p.erased_at IS NULL AND c.voided_at IS NULL
    ORDER BY p.id DESC LIMIT %s
) AS p ORDER BY w.customer, p.id
"""
