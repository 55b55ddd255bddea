"""Accounts that are deep: what a spending costs where ten thousand lots are open, not ten."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bench import prepare
from bench.requests import account, purchase, spends
from bench.row import Row, clean, cost, p50, waits
from bench.rows.points import SPEND
from bench.stage import DEEP_CARD, Stage
from fealty.v1 import ingest_pb2
from storage.engine.database import connection

DEEP, SHALLOW = 10_000, 10
# Of each kind: enough that no account's rows are the only ones in the caches.
ACCOUNTS = 10
# A spending takes so few of a lot of LOT_MINOR cents that the lots last.
SPENT, LOT_MINOR = 3, 100_000_00
# Without a common divisor with DEEP: lots come into the books in another order than they expire in.
_STEP = 7_919


def depth(here: Stage, rounds: int) -> Iterable[Row]:
    """`spend_10k_lots`."""
    deep = [account(number, DEEP_CARD) for number in range(ACCOUNTS)]
    shallow = [account(number, DEEP_CARD) for number in range(ACCOUNTS, 2 * ACCOUNTS)]
    prepare.ingest(here, _purchases(deep, DEEP))
    prepare.ingest(here, _purchases(shallow, SHALLOW))
    _check(here)
    from_deep, from_shallow = spends(deep, SPENT), spends(shallow, SPENT)
    slow, quick = [], []
    for _ in range(rounds):
        slow.append(clean(here.unary(SPEND, from_deep, 1)))
        quick.append(clean(here.unary(SPEND, from_shallow, 1)))
    note = f"p50 {p50(slow)} with {DEEP} open lots against {p50(quick)} with {SHALLOW}, 1 in flight; "
    note += f"{cost(slow)} a call against {cost(quick)}"
    yield Row("spend_10k_lots", waits(slow, quick), 3, 1.5, note, lower=True)


def _purchases(accounts: Iterable[str], lots: int) -> Iterable[ingest_pb2.Item]:
    """One lot each; every lot of an account expires on a day of its own."""
    # Noon: near midnight, days of summer and winter time would share an expiry.
    yesterday = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for name in accounts:
        for number in range(lots):
            request = purchase(name, LOT_MINOR)
            request.occur_time.FromDatetime(yesterday - timedelta(days=number * _STEP % lots))
            yield ingest_pb2.Item(record=request)


def _check(here: Stage) -> None:
    """What the row says of the accounts is so."""
    with connection(here.database) as books:
        books.execute("VACUUM ANALYZE lot")
        found = books.execute(_OPEN_LOTS, (DEEP_CARD,)).fetchall()
    if sorted(found) != sorted([(SHALLOW, SHALLOW)] * ACCOUNTS + [(DEEP, DEEP)] * ACCOUNTS):
        raise RuntimeError(f"the accounts are not as deep as they should be: {found}")


_OPEN_LOTS = """
SELECT count(*), count(DISTINCT l.expires_at) FROM lot l JOIN account a ON a.id = l.account
WHERE a.card_id = %s AND l.state = 'ACTIVE' GROUP BY a.id
"""
