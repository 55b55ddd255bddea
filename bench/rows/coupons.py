"""Coupons: redeemed and validated, looked up among ten million, made by the million, and one that all want at once."""

from collections.abc import Iterable

from bench import coupons, prepare
from bench.copying import copied, emptied, filled, generated
from bench.load import Load
from bench.payload import Payload
from bench.requests import purchases
from bench.row import Row, clean, cost, median, p50, rate, speeds
from bench.rows.sharing import CONNECTIONS, CROWD
from bench.server import NOTHING, RECORD
from bench.stage import WARMUP_S, Stage, stage

REDEEM = "/fealty.v1.CouponService/RedeemCoupons"
VALIDATE = "/fealty.v1.CouponService/ValidateCoupons"
LOOKUP = "/fealty.v1.CouponService/LookupCoupon"

# Customers for each second of a measurement: as many as calls on a fast machine.
CUSTOMERS_PER_S = 10_000
# Codes that are validated and looked up, in turns.
ASKED = 5_000
# Codes that are made against a COPY of them; codes that are looked up among millions.
MADE = 1_000_000
SPREAD = 20_000
# A limit that no run reaches.
LIMIT = 100_000_000
SHARED_CODES = 500


def use(seconds: float, rounds: int) -> Iterable[Row]:
    """`redeem_vs_earn`, `redeem_spend_vs_earn`, `validate_vs_noop` and `shared_vs_spread`, on a stage of their own."""
    customers = round(CUSTOMERS_PER_S * (WARMUP_S + seconds))
    with stage(seconds, customers=customers) as here:
        spring = coupons.campaign(here, "spring")
        coupons.generate(here, spring, ASKED)
        earn = purchases(range(customers))
        prepare.points(here, customers)
        here.unary(RECORD, earn)
        for name, points, least, aim in (("redeem_vs_earn", 0, 0.6, 0.9), ("redeem_spend_vs_earn", 1, 0.5, 0.8)):
            before, done = _beside(here, rounds, earn, spring, customers, points)
            note = f"{rate(done)}, p50 {p50(done)}, against {rate(before)}; {cost(done)} a call against {cost(before)}"
            yield Row(name, speeds(done, before), least, aim, note)
        yield _validated(here, rounds, spring, customers)
        yield _shared(here, rounds, customers)


def made(here: Stage, rounds: int) -> Iterable[Row]:
    """`coupons_made_vs_copy`."""
    name = coupons.campaign(here, "made")
    ratios, notes = [], []
    for _ in range(rounds):
        done = generated(here, name, MADE)
        plain = copied(here, name)
        ratios.append(plain / done.seconds)
        notes.append(f"{MADE / done.seconds:.0f}/s against {MADE / plain:.0f}/s of COPY, {done.peak_mb} MB at most")
        emptied(here, name)
    yield Row("coupons_made_vs_copy", median(ratios), 0.4, 0.7, notes[-1])


def lookups(seconds: float, rounds: int, count: int) -> Iterable[Row]:
    """`coupon_lookup_grown`: among so many codes against a thousand."""
    with stage(seconds) as here:
        few = coupons.campaign(here, "few")
        coupons.generate(here, few, 1_000)
        asked = coupons.lookups(coupons.unused(here, few, 1_000))
        here.unary(LOOKUP, asked)
        before = [clean(here.unary(LOOKUP, asked)) for _ in range(rounds)]
        many = coupons.campaign(here, "many")
        asked = coupons.lookups(coupons.unused(here, many, SPREAD))
        filled(here, many, count)
        here.unary(LOOKUP, asked)
        after = [clean(here.unary(LOOKUP, asked)) for _ in range(rounds)]
    note = (
        f"{rate(after)} among {count:,} codes against {rate(before)} among 1,000; {cost(after)} against {cost(before)}"
    )
    yield Row("coupon_lookup_grown", speeds(after, before), 0.9, 1.0, note)


def _beside(
    here: Stage, rounds: int, earn: Payload, campaign: str, customers: int, points: int
) -> tuple[list[Load], list[Load]]:
    before, done = [], []
    for _ in range(rounds):
        before.append(clean(here.unary(RECORD, earn)))
        codes = coupons.unused(here, campaign, prepare.enough(here, before[-1].per_s / 2))
        done.append(clean(here.unary(REDEEM, coupons.redemptions(codes, customers, points))))
    return before, done


def _validated(here: Stage, rounds: int, campaign: str, customers: int) -> Row:
    asked = coupons.validations(coupons.unused(here, campaign, ASKED), customers)
    nothing, done = [], []
    here.unary(VALIDATE, asked)
    for _ in range(rounds):
        nothing.append(clean(here.unary(NOTHING, asked)))
        done.append(clean(here.unary(VALIDATE, asked)))
    note = f"{rate(done)} against {rate(nothing)}; {cost(done)} a call against {cost(nothing)}"
    return Row("validate_vs_noop", speeds(done, nothing), 0.4, 0.6, note)


def _shared(here: Stage, rounds: int, customers: int) -> Row:
    one = coupons.campaign(here, "one", LIMIT, shared=True)
    code = coupons.shared(here, one, "SUMMER2026")
    many = [
        coupons.shared(here, coupons.campaign(here, f"many-{n}", LIMIT, shared=True), f"SPREAD{n}")
        for n in range(SHARED_CODES)
    ]
    hot, cool = [], []
    same, spread = coupons.redemptions_of([code], customers), coupons.redemptions_of(many, customers)
    with here.served_by(2) as both:
        both.unary(REDEEM, spread, CROWD, CONNECTIONS)
        for _ in range(rounds):
            hot.append(clean(both.unary(REDEEM, same, CROWD, CONNECTIONS)))
            cool.append(clean(both.unary(REDEEM, spread, CROWD, CONNECTIONS)))
    note = (
        f"{rate(hot)} of one code with a limit against {rate(cool)} of {SHARED_CODES}, 2 processes, {CROWD} in flight"
    )
    return Row(
        "redeem_shared_vs_spread", speeds(hot, cool), 0.5, 0.8, f"{note}; {cost(hot)} a call against {cost(cool)}"
    )
