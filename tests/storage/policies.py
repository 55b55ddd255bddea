"""A program with a card for each policy, and what is kept of its customers, to be compared with another's."""

from dataclasses import replace

from rules.cards import CardKind, ExpiryMode, RefundPolicy
from rules.programs import Card, EarnRate, EventType, ExpiryPolicy, PendingMode, PendingPolicy, Settings
from storage.engine.database import Database
from storage.rewards.claims import ClaimRead
from tests.storage.scene import PLAIN, SLOW, Scene

RATE = EarnRate(1, 1, "EUR")
# To the end of the local day a month after activation; pending until somebody says so, or it is delivered; as long as
# the customer comes back once a month; never pending, with each way to refund; ten stamps a reward.
MONTHLY = Card("monthly", "Monthly", 0, RATE, expiry_policy=ExpiryPolicy(1))
BY_HAND = replace(MONTHLY, card_id="by-hand", pending=PendingPolicy(PendingMode.BY_HAND))
DELIVERED = replace(
    MONTHLY, card_id="delivered", pending=PendingPolicy(PendingMode.EVENT, event_type="order.delivered")
)
TESTED = replace(MONTHLY, card_id="tested", pending=PendingPolicy(PendingMode.EVENT, 14, event_type="order.delivered"))
VISITS = ExpiryPolicy(1, mode=ExpiryMode.SLIDING, activity_types=("transaction.recorded", "points.spent", "visited"))
SLIDING = Card("sliding", "Sliding", 0, RATE, expiry_policy=VISITS)
OWING = replace(MONTHLY, card_id="owing", refund_policy=RefundPolicy.UNLIMITED)
LENIENT = replace(MONTHLY, card_id="lenient", refund_policy=RefundPolicy.ONLY_PENDING)
CAPPED = replace(
    MONTHLY, card_id="capped", rollback_days=30, hold_ttl_max_s=600, transfer_daily_points=100, transfer_daily_count=2
)
STAMPS = Card("stamps", "Stamps", 0, RATE, kind=CardKind.STAMPS, stamps_per_reward=10)
CARDS = (PLAIN, SLOW, MONTHLY, BY_HAND, DELIVERED, TESTED, SLIDING, OWING, LENIENT, CAPPED, STAMPS)
EVENTS = (
    EventType("order.delivered", "Delivered"),
    EventType("visited", "Visited"),
    EventType("reviewed", "Reviewed", 25, "plain"),
)
SETTINGS = Settings("Coffee club", "Europe/Prague", CARDS, EVENTS)


class Policies(Scene):
    """The scene with all these cards, and two customers unless others are named; `claimed` and `redeemed` may be taken
    back."""

    claimed: ClaimRead
    redeemed = ""

    def __init__(self, database: Database, *names: str, program: str = "coffee", settings: Settings = SETTINGS) -> None:
        super().__init__(database, *(names or ("ada", "ben")), program=program, settings=settings)

    def suspend(self, name: str = "ada", state: str = "SUSPENDED") -> None:
        """What the customers' own commands do to accounts."""
        self.execute("UPDATE customer SET state = %s WHERE customer_id = %s", [state, name])
        self.execute(
            "UPDATE account SET state = %s FROM customer c WHERE c.id = customer AND customer_id = %s", [state, name]
        )

    def figures(self, name: str = "ada", card: str = "plain") -> tuple[int, int, int, int, int]:
        """Pending, active, held, owed and spendable."""
        found = self.balance(name, card)
        return (found.pending, found.active, found.held, found.debt, found.spendable)

    def history(self, name: str = "ada", card: str = "plain") -> list[tuple[str, int]]:
        """The points history, oldest first: kinds and amounts."""
        return [(entry.entry.kind.value, entry.entry.amount) for entry in reversed(self.entries(name, card))]


# What is kept of each table but internal ids, and the instants and records of writing.
_KEPT = {
    "lot": "number, state, points, remaining, held, cancelled, activates_at, expires_at, slides, awaits,"
    " settings_version, issued_at, transaction_id, origin",
    "entry": "seq, kind, amount, active_after, held_after, debt_after, occurred_at, transaction_id, hold, reverses",
    "allocation": "seq, lot, ordinal, amount",
    "hold": "number, state, points, captured, expires_at, created_at, ended_at, entry, reference, transaction_id",
    "pin": "hold, lot, ordinal, points",
    "shortfall": "number, kind, points, remaining, written_off, created_at, ended_at, transaction_id",
    "spending": "seq, points, rolled_back, restored, spent_at, transaction_id, reference",
    "sliding_expiry": "settings_version, expires_at",
    "transaction": "transaction_id, amount_minor, points, lot, settings_version, occurred_at, decided, accepts_at,"
    " refunds, refunded_minor, refunded_points, refunded_lines",
    "refund": "transaction_id, number, amount_minor, points, pending, own_lot, other_lots, debt, shortfall, restored,"
    " policy, occurred_at",
}
_FIGURES = (
    "pending, active, held, debt, earned, spent, expired, revoked, moved, version, lots, entries, holds, shortfalls,"
    " sliding_expiries, state"
)


def lives(scene: Scene) -> dict[str, list[tuple[object, ...]]]:
    """All that is kept of a program's accounts, by customer and card, and what time is said to have done."""
    owner = "JOIN customer c ON c.id = a.customer WHERE a.program = %s"
    program = [scene.program.id]
    found = {
        "account": scene.rows(
            f"SELECT c.customer_id, a.card_id, {_prefixed('a', _FIGURES)} FROM account a {owner}"
            " AND a.version > 0 ORDER BY 1, 2",
            program,
        )
    }
    for table, columns in _KEPT.items():
        found[table] = scene.rows(
            f"SELECT c.customer_id, a.card_id, {_prefixed('x', columns)}"
            f" FROM {table} x JOIN account a ON a.id = x.account {owner} ORDER BY 1, 2, 3, 4",
            program,
        )
    found["activity"] = scene.rows(
        "SELECT c.customer_id, x.action, x.occurred_at, x.points, count(*) FROM activity x"
        " JOIN customer c ON c.id = x.customer"
        " WHERE x.program = %s AND x.actor_type = 'SYSTEM' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        program,
    )
    return found


def _prefixed(alias: str, columns: str) -> str:
    return ", ".join(f"{alias}.{column.strip()}" for column in columns.split(","))
