"""Campaigns, coupons and redemptions as acts leave them in the books, put there by hand: every figure agrees."""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from psycopg.types.json import Jsonb

from rules.coupons.coupons import RedemptionState
from storage.engine.database import connection
from storage.stock import commands as stocks
from storage.stock.commands import taken
from tests.storage.scene import START, Scene

# When reservations end unless a test says otherwise.
SOON = START + timedelta(hours=1)


class Planted(NamedTuple):
    """A coupon: the numbers of its campaign and stocks, and its id."""

    campaign: int
    id: str
    stocks: tuple[int, ...]


def campaign(scene: Scene, campaign_id: str = "spring", capacity: int | None = None, **terms: Any) -> int:
    """A campaign of these terms, AMOUNT_OFF of 5 euros without bounds otherwise; its internal id."""
    stock = _stock(scene, capacity)
    terms = {"benefit": "AMOUNT_OFF", "amount_minor": 500, "currency_code": "EUR", "uses_per_code": 0, **terms}
    [[made]] = _made(
        scene,
        """INSERT INTO coupon_campaign
           (program, campaign_id, version, display_name, terms, stock, created_at, updated_at, activity)
           VALUES (%(program)s, %(campaign_id)s, 1, '', %(terms)s, %(stock)s, %(at)s, %(at)s, %(activity)s)
           RETURNING id""",
        campaign_id=campaign_id,
        terms=Jsonb(terms),
        stock=stock,
    )
    scene.execute(
        "INSERT INTO coupon_campaign_version SELECT id, version, display_name, terms, now(), activity"
        " FROM coupon_campaign WHERE id = %s",
        [made],
    )
    return int(made)


def coupon(scene: Scene, campaign: int, name: str = "", **columns: Any) -> Planted:
    """A coupon of a campaign, of a customer or nobody; shared where a `capacity` is given, which may be None."""
    shared = "capacity" in columns
    stock = _stock(scene, columns.pop("capacity", None)) if shared else None
    id_ = str(uuid4())
    row = {
        "campaign": campaign,
        "id": id_,
        "program": scene.program.id,
        "code": uuid4().bytes,
        "last_four": "7F3K",
        "origin": "SHARED" if shared else "GENERATED",
        "stock": stock,
        "customer": _customer(scene, name) if name else None,
        "added_at": START,
        **columns,
    }
    scene.execute(f"INSERT INTO coupon ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))
    [[of_campaign]] = scene.rows("SELECT stock FROM coupon_campaign WHERE id = %s", [campaign])
    return Planted(campaign, id_, (of_campaign, *([stock] if stock is not None else [])))


def redemption(scene: Scene, of: Planted, name: str = "ada", state: str = "REDEEMED", **columns: Any) -> str:
    """A use of a coupon, in that state, counted where uses are counted; its id."""
    id_ = str(uuid4())
    row = {
        "customer": _customer(scene, name),
        "id": id_,
        "program": scene.program.id,
        "campaign": of.campaign,
        "coupon": of.id,
        "order_id": f"order-{id_[:8]}",
        "state": state,
        "version": 1,
        "created_at": START,
        "expires_at": SOON if state == "RESERVED" else None,
        "redeemed_at": START if state in ("REDEEMED", "ROLLED_BACK") else None,
        "ended_at": None if state in ("RESERVED", "REDEEMED") else START,
        "activity": _activity(scene),
        **columns,
    }
    scene.execute(
        f"INSERT INTO redemption ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values())
    )
    _count(scene, of, state, 1, columns.get("discount_minor") or 0)
    return id_


def become(scene: Scene, of: Planted, redemption: str, state: str) -> None:
    """What was reserved or redeemed comes into another state."""
    [[was, discount]] = scene.rows(
        "SELECT state, coalesce(discount_minor, 0) FROM redemption WHERE id = %s", [redemption]
    )
    scene.execute(
        "UPDATE redemption SET state = %(to)s,"
        " redeemed_at = CASE %(to)s WHEN 'REDEEMED' THEN %(at)s ELSE redeemed_at END,"
        " ended_at = CASE %(to)s WHEN 'REDEEMED' THEN NULL ELSE %(at)s END WHERE id = %(id)s",
        {"to": state, "at": START, "id": redemption},
    )
    _count(scene, of, was, -1, discount)
    _count(scene, of, state, 1, discount)


def coupons_of(scene: Scene, name: str) -> set[str]:
    """The ids of a customer's coupons."""
    return {id_ for (id_,) in scene.rows("SELECT id::text FROM coupon WHERE customer = %s", [_customer(scene, name)])}


def redemptions_of(scene: Scene, name: str) -> dict[str, str]:
    """The states of a customer's redemptions, by id."""
    found = scene.rows("SELECT id::text, state FROM redemption WHERE customer = %s", [_customer(scene, name)])
    return dict(found)


def figures(scene: Scene, of: Planted) -> tuple[int, int, int | None, bool, list[int]]:
    """Uses, what is reserved, what is left of the balance, whether it is void, and what is taken of its stocks."""
    [[uses, reserved, balance, void]] = scene.rows(
        "SELECT uses, reserved, balance_minor, voided_at IS NOT NULL FROM coupon WHERE id = %s", [of.id]
    )
    with connection(scene.database) as books:
        return uses, reserved, balance, void, [taken(books, stock) for stock in of.stocks]


def _count(scene: Scene, of: Planted, state: str, by: int, discount: int) -> None:
    if RedemptionState(state) not in (RedemptionState.RESERVED, RedemptionState.REDEEMED):
        return
    column = "uses" if state == "REDEEMED" else "reserved"
    scene.execute(
        f"UPDATE coupon SET {column} = {column} + %s, balance_minor = balance_minor - %s"
        " WHERE id = %s AND stock IS NULL",
        [by, by * discount, of.id],
    )
    for stock in of.stocks:
        scene.execute(
            "UPDATE stock_slot SET taken = taken + %(by)s WHERE (stock, slot) = (SELECT stock, slot FROM stock_slot"
            " WHERE stock = %(stock)s AND (capacity IS NULL OR taken + %(by)s <= capacity) ORDER BY slot LIMIT 1)",
            {"by": by, "stock": stock},
        )


def _made(scene: Scene, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    filled = {**values, "program": scene.program.id, "at": START, "activity": _activity(scene)}
    with scene.another_connection() as books:
        return books.execute(statement.encode(), filled).fetchall()


def _stock(scene: Scene, capacity: int | None) -> int:
    with connection(scene.database) as books:
        return stocks.create(books, scene.program.id, capacity)


def _customer(scene: Scene, name: str) -> int:
    query = "SELECT id FROM customer WHERE customer_id = %s AND program = %s"
    return int(scene.rows(query, [name, scene.program.id])[0][0])


def _activity(scene: Scene) -> str:
    return str(scene.rows("SELECT id::text FROM activity ORDER BY id LIMIT 1")[0][0])
