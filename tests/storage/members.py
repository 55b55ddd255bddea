"""What is done to members of a scene's program as persons: suspended, blocked, closed, merged, parted; and what they
hold then."""

from collections.abc import Mapping, Sequence
from typing import Any

from rules.cards import Card, ExpiryMode, ExpiryPolicy, RefundPolicy
from rules.programs import EarnRate, PendingMode, PendingPolicy
from storage.customers import queries as customers
from storage.customers.closing import BlockCustomer, Clearing, CloseCustomer
from storage.customers.erasing import EraseCustomer
from storage.customers.merging import Merge, MergeCustomers
from storage.customers.queries import Customer
from storage.customers.states import ReactivateCustomer, SuspendCustomer
from storage.customers.unmerging import UnmergeCustomers
from storage.engine.commands import CommandContext, Reason
from storage.engine.database import connection
from storage.engine.requests import Answer
from storage.programs import queries as programs_queries
from tests.storage.scene import CALLER, SETTINGS, Scene, asked

WHY = Reason("SAME_PERSON", "Ada called: both are hers", "agent_7")
# Points that expire with their account's last purchase, and purchases that leave a debt or a shortfall behind.
SLIDING = Card(
    "sliding",
    "Sliding",
    0,
    EarnRate(1, 1, "EUR"),
    expiry_policy=ExpiryPolicy(months=1, mode=ExpiryMode.SLIDING, activity_types=("transaction.recorded",)),
)
OWING = Card("owing", "Owing", 0, EarnRate(1, 1, "EUR"), refund_policy=RefundPolicy.UNLIMITED)
LENIENT = Card("lenient", "Lenient", 0, EarnRate(1, 1, "EUR"), refund_policy=RefundPolicy.WITHIN_BALANCE)
BY_HAND = Card("by_hand", "By hand", 0, EarnRate(1, 1, "EUR"), PendingPolicy(PendingMode.BY_HAND))
CARDS = (*SETTINGS.cards, SLIDING, OWING, LENIENT, BY_HAND)


def more_cards(scene: Scene) -> None:
    """The scene's program with every kind of card that matters here."""
    scene.change(cards=CARDS)


def suspend(scene: Scene, name: str = "ada", **how: Any) -> Answer[Customer]:
    """Suspends a customer."""
    who = (scene.program_id, name)
    return scene.carry_out(SuspendCustomer(*who, _asked("customer.suspended", who, how)))


def reactivate(scene: Scene, name: str = "ada", **how: Any) -> Answer[Customer]:
    """Ends it."""
    who = (scene.program_id, name)
    return scene.carry_out(ReactivateCustomer(*who, _asked("customer.reactivated", who, how)))


def block(scene: Scene, name: str = "ada", **how: Any) -> Answer[Clearing]:
    """Bans a customer."""
    who = (scene.program_id, name)
    return scene.carry_out(BlockCustomer(*who, _asked("customer.blocked", who, how)))


def close(scene: Scene, name: str = "ada", **how: Any) -> Answer[Clearing]:
    """Ends a customer."""
    who = (scene.program_id, name)
    return scene.carry_out(CloseCustomer(*who, _asked("customer.closed", who, how)))


def erase(scene: Scene, name: str = "ada", **how: Any) -> Answer[Clearing]:
    """Forgets a person."""
    who = (scene.program_id, name)
    return scene.carry_out(EraseCustomer(*who, _asked("customer.erased", who, how)))


def merge(scene: Scene, source: str = "ada", into: str = "ben", **how: Any) -> Answer[Merge]:
    """Merges a customer into another."""
    both = (scene.program_id, source, how.pop("into_program", scene.program_id), into)
    return scene.carry_out(MergeCustomers(*both, _asked("customer.merged", both, how)))


def unmerge(scene: Scene, source: str = "ada", **how: Any) -> Answer[Merge]:
    """Undoes it."""
    who = (scene.program_id, source)
    return scene.carry_out(UnmergeCustomers(*who, _asked("customer.unmerged", who, how)))


def customer(scene: Scene, name: str) -> Customer:
    """A customer as it stands."""
    with connection(scene.database):
        return customers.get(programs_queries.get(scene.program_id, CALLER), name)


def hold(scene: Scene, points: int, name: str = "ada", card: str = "plain", ttl_s: int = 3600) -> int:
    """Sets points aside; the number of the hold."""
    return int(scene.do(scene.hold(points, name, card, ttl_s, "basket")).value.hold.number)


def capture(scene: Scene, number: int, name: str, card: str = "plain", points: int = 0) -> Answer[Any]:
    """Spends what was set aside."""
    return scene.do(scene.capture(number, points, name, card))


def release(scene: Scene, number: int, name: str, card: str = "plain") -> Answer[Any]:
    """Lets it go."""
    return scene.do(scene.release(number, name, card))


def refund(scene: Scene, transaction_id: str, name: str, amount: int | None = None) -> Answer[Any]:
    """Gives back a purchase."""
    return scene.do(scene.refund(transaction_id, amount, name))


def roll_back(scene: Scene, entry: int, name: str, card: str = "plain", points: int = 0) -> Answer[Any]:
    """Gives back what was spent."""
    return scene.do(scene.rollback(entry, points, name, card))


def transfer(scene: Scene, points: int, name: str, to: str, card: str = "plain") -> Answer[Any]:
    """Gives points away."""
    return scene.do(scene.transfer(points, name, to, card))


def write_off(scene: Scene, number: int, name: str, card: str, points: int = 0) -> Answer[Any]:
    """Gives up what a refund left open."""
    return scene.do(scene.write_off(number, points, name, card))


def figures(scene: Scene, name: str, card: str = "plain") -> dict[str, Any]:
    """All that an account says of itself, but for what counts acts; nothing where there is none."""
    rows = scene.rows(f"SELECT to_jsonb(a) - '{{version,entries}}'::text[] FROM account a {_OF}", [name, card])
    return dict(rows[0][0]) if rows else {}


def lots(scene: Scene, name: str, card: str = "plain") -> list[dict[str, Any]]:
    """All lots of an account, open or not."""
    query = f"SELECT to_jsonb(lot) FROM lot JOIN account a ON a.id = lot.account {_OF} ORDER BY number"
    return [row for (row,) in scene.rows(query, [name, card])]


def open_lots(scene: Scene, name: str, card: str = "plain") -> list[tuple[str, int, int, Any, Any, str]]:
    """What its open lots are, wherever they were made: state, left, held, dates, purchase."""
    fields = ("state", "remaining", "held", "activates_at", "expires_at", "transaction_id")
    return [tuple(lot[f] for f in fields) for lot in lots(scene, name, card) if lot["state"] in ("PENDING", "ACTIVE")]


def holds(scene: Scene, name: str, card: str = "plain") -> list[dict[str, Any]]:
    """All holds of an account."""
    query = f"SELECT to_jsonb(hold) FROM hold JOIN account a ON a.id = hold.account {_OF} ORDER BY number"
    return [row for (row,) in scene.rows(query, [name, card])]


def shortfalls(scene: Scene, name: str, card: str) -> list[dict[str, Any]]:
    """All shortfalls of an account."""
    query = f"SELECT to_jsonb(s) FROM shortfall s JOIN account a ON a.id = s.account {_OF} ORDER BY number"
    return [row for (row,) in scene.rows(query, [name, card])]


def purchases(scene: Scene, name: str) -> list[str]:
    """The ids of the purchases that a customer has now."""
    query = """SELECT transaction_id FROM transaction t JOIN account a ON a.id = t.account
        JOIN customer c ON c.id = a.customer WHERE c.customer_id = %s ORDER BY 1"""
    return [one for (one,) in scene.rows(query, [name])]


def spend_entry(scene: Scene, points: int, name: str = "ada", card: str = "plain") -> int:
    """Spends; the number of the entry."""
    return int(scene.do(scene.spending(points, name, card)).value.entry.seq)


def assert_conserved(scene: Scene) -> None:
    """The books' own check, and what merging could break, said once more in other words."""
    for claim, query in _CLAIMS.items():
        assert scene.rows(query) == [], claim
    scene.assert_conserved()


def _asked(action: str, content: object, how: Mapping[str, Any]) -> CommandContext:
    return asked((action, content), action=action, reason=WHY, **how)


def sums(scene: Scene, names: Sequence[str], card: str = "plain") -> tuple[int, ...]:
    """What some customers have together: pending, active, held, debt."""
    each = [figures(scene, name, card) for name in names]
    return tuple(sum(one[figure] for one in each) for figure in ("pending", "active", "held", "debt"))


_OF = "JOIN customer c ON c.id = a.customer WHERE c.customer_id = %s AND a.card_id = %s"

_CLAIMS = {
    "an account has what its lots have": """
        SELECT a.id, a.active, a.pending, a.held, l.* FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(remaining) FILTER (WHERE state = 'ACTIVE'), 0) AS active,
                   coalesce(sum(remaining) FILTER (WHERE state = 'PENDING'), 0) AS pending,
                   coalesce(sum(held), 0) AS held
            FROM lot WHERE lot.account = a.id
        ) AS l WHERE (a.active, a.pending, a.held) <> (l.active, l.pending, l.held)""",
    "an account has what its entries gave it, and its figures are their sums": """
        SELECT a.id FROM account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS active,
                   coalesce(sum(amount) FILTER (WHERE kind LIKE 'TRANSFER%%' OR kind LIKE 'MERGE%%'), 0) AS moved,
                   coalesce(-sum(amount) FILTER (WHERE kind = 'EXPIRY'), 0) AS expired
            FROM entry WHERE entry.account = a.id
        ) AS e WHERE (a.active, a.moved, a.expired) <> (e.active, e.moved, e.expired)""",
    "a lot has left what its entries gave it; one that is or went pending never had any": """
        SELECT l.account, l.number FROM lot l LEFT JOIN (
            SELECT account, lot, sum(amount) AS amount FROM allocation GROUP BY account, lot
        ) AS a ON a.account = l.account AND a.lot = l.number
        WHERE coalesce(a.amount, 0) <> CASE WHEN state = 'PENDING' THEN 0 ELSE remaining END
           OR (state IN ('PENDING', 'ACTIVE')) <> (remaining > 0)""",
    "merges take from nobody: what went out came in": """
        SELECT sum(amount) FROM entry WHERE kind LIKE 'MERGE%%' HAVING sum(amount) <> 0""",
    "what is held is held by open holds": """
        SELECT l.account, l.number FROM lot l WHERE l.held <> (
            SELECT coalesce(sum(pin.points), 0) FROM pin JOIN hold h ON h.account = pin.account AND h.number = pin.hold
            WHERE pin.account = l.account AND pin.lot = l.number AND h.state = 'ACTIVE')""",
    "a debt is what its shortfalls have left": """
        SELECT a.id FROM account a WHERE a.debt <> (
            SELECT coalesce(sum(remaining), 0) FROM shortfall s WHERE s.account = a.id AND s.kind = 'DEBT')""",
    "what was not repaid, written off or moved of a shortfall is left": """
        SELECT s.account FROM shortfall s GROUP BY s.account
        HAVING sum(points - remaining - written_off - moved) <> -(
            SELECT coalesce(sum(amount), 0) FROM entry e WHERE e.account = s.account AND e.kind = 'REPAYMENT')""",
    "an account is as its customer is": """
        SELECT a.id FROM account a JOIN customer c ON c.id = a.customer
        WHERE a.state <> replace(c.state, 'ACTIVE', 'OPEN') OR (c.state = 'MERGED') <> (c.merged_into IS NOT NULL)""",
}
