"""Points on their way out: spent, held, captured, refunded, each beside the earn calls that were done right before."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from bench import prepare
from bench.load import Load
from bench.payload import Once, Payload
from bench.requests import account, holds, purchases, spends
from bench.row import Row, clean, cost, p50, rate, speeds
from bench.server import RECORD
from bench.stage import WARMUP_S, stage

SPEND = "/fealty.v1.PointsService/SpendPoints"
HOLD = "/fealty.v1.HoldService/CreateHold"
CAPTURE = "/fealty.v1.HoldService/CaptureHold"
REFUND = "/fealty.v1.TransactionService/RefundTransaction"

# Customers for each second of a measurement: as many as calls on a fast machine, so that an account seldom has two
# open holds. Of one that has, a call looks at all.
CUSTOMERS_PER_S = 20_000


def points(seconds: float, rounds: int) -> Iterable[Row]:
    """`spend_vs_earn`, `hold_vs_earn`, `capture_vs_earn` and `refund_vs_earn`, on a stage with more customers."""
    customers = round(CUSTOMERS_PER_S * (WARMUP_S + seconds))
    accounts = [account(number) for number in range(customers)]
    earn, spend, hold = purchases(range(customers)), spends(accounts), holds(accounts)
    earned: defaultdict[str, list[Load]] = defaultdict(list)
    done: defaultdict[str, list[Load]] = defaultdict(list)
    with stage(seconds, customers=customers) as here:

        def beside(name: str, path: str, make: Callable[[int], Payload | Once]) -> None:
            before = clean(here.unary(RECORD, earn))
            earned[name].append(before)
            done[name].append(clean(here.unary(path, make(prepare.enough(here, before.per_s)))))

        prepare.points(here, customers)
        for _ in range(rounds):
            beside("spend", SPEND, lambda count: spend)
            beside("refund", REFUND, lambda count: prepare.refunds(here, count, customers))
            # While holds are open, an earn call has more to look at: none are when one is measured.
            beside("hold", HOLD, lambda count: hold)
            prepare.release(here)
            beside("capture", CAPTURE, lambda count: prepare.captures(here, count, customers))
            prepare.release(here)
    for name, loads in done.items():
        before = earned[name]
        note = f"{rate(loads)}, p50 {p50(loads)}, against {rate(before)}; {cost(loads)} a call against {cost(before)}"
        yield Row(f"{name}_vs_earn", speeds(loads, before), 0.7, 0.9, note)
