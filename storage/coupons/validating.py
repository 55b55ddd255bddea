"""Whether coupons could be redeemed for an order: what a redemption loads and decides with, without locks or changes.

Those that arrive together are loaded by one statement, the same functions that load a group of redemptions. What others
have in hand is as they will leave it, or as it was: an answer promises nothing.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from rules.coupons.availability import HIDDEN
from rules.coupons.campaigns import window
from rules.coupons.coupons import state_of
from rules.coupons.judging import check_order
from rules.coupons.orders import Order, Verdict, check_named_once
from rules.programs import time_zone
from rules.refusals import Refusal
from rules.states import Act
from storage.coupons.acts import customers, using
from storage.coupons.acts.coupons import InHand
from storage.coupons.acts.customers import Holder
from storage.coupons.acts.using import Wanted
from storage.coupons.nouns import OWNERS
from storage.coupons.reading.coupons import CouponRead, CouponTerms
from storage.engine import nouns
from storage.engine.session import Session
from storage.ledger.addresses import CustomerName
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import Reads
from storage.ledger.resolving import Resolved, Resolver
from storage.programs.queries import ProgramCache


class ValidateCoupons(NamedTuple):
    """Coupons for an order of a customer, each by its key or, where it has none, what is against it."""

    name: CustomerName
    order: Order
    wanted: tuple[Wanted | Refusal, ...]

    @property
    def known(self) -> list[Wanted]:
        """Those that have a key."""
        return [one for one in self.wanted if isinstance(one, Wanted)]


class Validated(NamedTuple):
    """The verdict on each, and the coupon where there is one."""

    verdicts: Sequence[tuple[Verdict, CouponRead | None]]


Answers: TypeAlias = Mapping[Any, Validated | Refusal]


class Validator:
    """Answers groups of such questions on a reading lane, with what that remembers."""

    def __init__(self, resolver: Resolver, programs: ProgramCache) -> None:
        self._resolver = resolver
        self._programs = programs

    async def run(self, session: Session, queries: Sequence[ValidateCoupons]) -> Answers:
        """An answer, or what is against the customer or the order, for each."""
        reads = Reads()
        for query in queries:
            customers.read(reads, query.name)
            using.read(reads, query.name, query.order, query.known)
        programs = await self._resolver.find_programs(session, reads.programs)
        asked: dict[Any, Any] = {self._programs.noun: self._programs.asked(programs)}
        asked |= {noun: list(keys) for noun, keys in reads.others.items()}
        workspace, _ = await nouns.load(session, asked)
        loaded = Loaded(workspace, self._programs, reads, Resolved({}, {}, {}), {})
        group = Group(session, loaded, {})
        return {query: await group.ask(partial(_validated, query)) for query in queries}


def _validated(query: ValidateCoupons, group: Group) -> Validated:
    """Raises why the customer cannot use coupons, OrderLinesDiffer; and CouponNamedTwice, but of what is hidden from
    some."""
    holder = customers.find(group, query.name, Act.SPEND)
    check_order(query.order)
    found: list[InHand] = []
    usable: list[Wanted] = []
    verdicts: list[tuple[Verdict, CouponRead | None]] = []
    places: list[int] = []
    for place, one in enumerate(query.wanted):
        verdicts.append((Verdict((one,)) if isinstance(one, Refusal) else Verdict(()), None))
        if isinstance(one, Wanted):
            try:
                found.append(using.find(group, holder, one, counts=False))
            except Refusal as refusal:
                verdicts[place] = Verdict((refusal,)), None
            else:
                usable.append(one)
                places.append(place)
    _, _, judged = using.judged(group, holder, query.order, found, usable, None, counts=False)
    named: list[str | None] = [None] * len(verdicts)
    for place, coupon, verdict in zip(places, found, judged, strict=True):
        verdicts[place] = verdict, _read(group, holder, coupon)
        if not any(type(refusal) in HIDDEN for refusal in verdict.refusals):
            named[place] = coupon.coupon.code
    check_named_once(named)
    return Validated(verdicts)


def _read(group: Group, holder: Holder, found: InHand) -> CouponRead:
    """A coupon as it is shown. Uses of one that is for many are not counted here."""
    coupon, terms = found.coupon, found.campaign.terms
    during = window(terms, time_zone(holder.program.settings.time_zone))
    owner = group.workspace.get(OWNERS, (coupon.customer,)) if coupon.customer is not None else None
    customer = CustomerName(found.program, owner.customer_id).name if owner is not None else ""
    of = CouponTerms(found.campaign_name, terms, during)
    state = state_of(coupon, terms, during, holder.program.now)
    return CouponRead(found.key[1], coupon, of, customer, coupon.activity or "", state)
