"""Passes of a scene's customers, made as the books have them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from rules.passes.designs import Design, Field, PassKind, Slot, Source
from storage.activity import positions
from storage.engine.database import connection
from storage.engine.ids import new_uuid
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.engine.unit import run
from storage.passes import marking, refreshing
from storage.passes.contents import Card, contents
from storage.passes.listing import Listed, Question, list_changed
from storage.passes.refreshing import Refreshed
from tests.storage.scene import Scene

EN = (("en", "Club"),)
SHOWN = (
    Field("points", Slot.HEADER, Source.BALANCE, EN, change_message=(("en", "Now %@"),)),
    Field("pending", Slot.SECONDARY, Source.PENDING, EN),
    Field("name", Slot.BACK, Source.MEMBER_NAME, EN),
)
LOYALTY = Design(PassKind.LOYALTY, "Coffee club", EN, card_id="plain", fields=SHOWN)
COUPON = Design(PassKind.COUPON, "Coffee club", EN, fields=(Field("code", Slot.BACK, Source.COUPON_CODE),))


def template(scene: Scene, design: Design = LOYALTY, template_id: str = "card") -> int:
    """Makes a template; its internal id."""
    query = """
    INSERT INTO pass_template (program, template_id, version, display_name, design, created_at, updated_at, activity)
    VALUES (%s, %s, 1, %s, %s, now(), now(), (SELECT activity FROM program WHERE id = %s)) RETURNING id
    """
    text = msgspec.json.encode(design).decode()
    [(made,)] = scene.rows(query, [scene.program.id, template_id, template_id, text, scene.program.id])
    return int(made)


def redesign(scene: Scene, template: int, design: Design) -> None:
    """Changes its design."""
    query = "UPDATE pass_template SET version = version + 1, design = %s WHERE id = %s RETURNING id"
    scene.rows(query, [msgspec.json.encode(design).decode(), template])


def issue(scene: Scene, template: int, name: str = "ada", **more: Any) -> UUID:
    """Gives a customer a pass; `more` are columns of it."""
    made = {
        "id": new_uuid(),
        "program": scene.program.id,
        "customer": scene.rows("SELECT id FROM customer WHERE customer_id = %s", [name])[0][0],
        "template": template,
        "activity": scene.rows("SELECT activity FROM program WHERE id = %s", [scene.program.id])[0][0],
        **more,
    }
    places = ", ".join(f"%({column})s" for column in made)
    query = f"INSERT INTO pass ({', '.join(made)}, created_at) VALUES ({places}, now() - %(age)s) RETURNING id"
    return scene.rows(query, {**made, "age": timedelta(minutes=1)})[0][0]  # type: ignore[no-any-return]


def card(scene: Scene, pass_id: UUID, seals: Any = None) -> Card:
    """What it says now."""
    with connection(scene.database) as books:
        return contents(books, [pass_id], seals)[pass_id]


def values(card: Card) -> dict[str, Any]:
    """What its fields say."""
    return {field.key: field.value for field in card.content.fields}


def follow(scene: Scene, window: timedelta = timedelta(0)) -> None:
    """What a clock does: gives positions, and marks."""
    run(scene.database, lambda unit: positions.settle(unit.connection, 10_000))
    run(scene.database, lambda unit: marking.advance(unit.connection, 10_000, window))


def marked(scene: Scene) -> set[UUID]:
    """The passes that may have changed."""
    return {found for (found,) in scene.rows("SELECT pass FROM pass_mark")}


def refresh(scene: Scene, limit: int = 100) -> Refreshed:
    """What a worker does, once."""
    return run(scene.database, lambda unit: refreshing.refresh(unit, limit))


def update(scene: Scene) -> Refreshed:
    """Both: what was done until now is told to phones."""
    follow(scene)
    return refresh(scene)


def pushes(scene: Scene, actor: str = "push_apple") -> list[UUID]:
    """The passes of which pushes were planned, in order."""
    query = "SELECT args ->> 'pass' FROM task WHERE actor = %s ORDER BY id"
    return [UUID(found) for (found,) in scene.rows(query, [actor])]


def phone(scene: Scene, *passes: UUID, name: str = "phone") -> bytes:
    """Registers a phone for passes; its hash."""
    device = name.encode().ljust(32, b".")
    query = "INSERT INTO pass_device (library_hash, push_token, token_at, created_at) VALUES (%s, '', now(), now())"
    [(made,)] = scene.rows(f"{query} ON CONFLICT (library_hash) DO UPDATE SET token_at = now() RETURNING id", [device])
    for one in passes:
        scene.rows("INSERT INTO pass_registration VALUES (%s, %s, now()) RETURNING pass", [one, made])
    return device


def listed(scene: Scene, device: bytes, tag: str = "", pass_types: tuple[str, ...] | None = None) -> Listed:
    """What a phone is told has changed."""
    with connection(scene.database) as books:
        [found] = blocking(list_changed(session(books), [Question(device, pass_types, tag)]))
    return found


def fetched(scene: Scene, pass_id: UUID, device: bytes) -> None:
    """A phone has fetched the newest that the pass says."""
    scene.execute(
        "INSERT INTO pass_delivery (pass, device, revision, changed_at, fetched_at)"
        " SELECT k.pass, d.id, k.revision, k.changed_at, now() FROM pass_content k, pass_device d"
        " WHERE k.pass = %s AND d.library_hash = %s",
        [pass_id, device],
    )


def standing(scene: Scene) -> dict[UUID, tuple[str, bool, bool, bool]]:
    """Of each pass whose it is, and whether it is voided, erased, forgotten."""
    query = """SELECT p.id, customer_id, voided_at IS NOT NULL, p.erased_at IS NOT NULL, forgotten_at IS NOT NULL
        FROM pass p JOIN customer c ON c.id = p.customer"""
    return {identity: (whose, *became) for identity, whose, *became in scene.rows(query)}
