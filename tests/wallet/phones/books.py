"""Our design as it is: PostgreSQL, and the product's own statements for marks, revisions, lists and cards. Time passes
in the database as it does; that a run's passes faster puts all its changes into a few seconds, which is the harder
case."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast
from uuid import UUID

from psycopg.errors import LockNotAvailable

from rules.passes.designs import Design, Field, PassKind, Slot, Source, Text
from rules.passes.updates import http_date, is_unmodified
from storage.activity.commands import Scope, record
from storage.engine.database import ANSWER_LIMIT_S, Connection, dial
from storage.engine.session import forget
from storage.engine.unit import Unit
from storage.passes import marking, refreshing
from storage.passes.contents import Card, contents
from tests.storage.asking import ORIGIN
from tests.storage.passes.carrying import follow, issue, listed, phone, template
from tests.storage.scene import Scene
from tests.wallet.phones.world import CARDS, Got

DESIGN = Design(PassKind.GENERIC, "Club", (("en", "Card"),), fields=(Field("name", Slot.BACK, Source.MEMBER_NAME),))


class Change(NamedTuple):
    """A writer's open transaction."""

    card: int
    connection: Connection


class Books:
    """A phone has the cards of five customers: one act at a time changes what one of them says."""

    def __init__(self, scene: Scene, run: int, notes: bool = True) -> None:
        self._scene = scene
        # Without, what is handed out ahead is not noted: a fault, which must be found.
        self._notes = notes
        self._phone = f"phone{run}"
        made = template(scene, DESIGN, f"card{run}")
        self._passes = [issue(scene, made, f"c{card}") for card in range(CARDS)]
        self._customers = [scene.rows("SELECT customer FROM pass WHERE id = %s", [one])[0][0] for one in self._passes]
        self._device = phone(scene, name=self._phone)
        self._idle: list[Connection] = []
        self._changing: set[int] = set()
        scene.rows("UPDATE customer SET display_name = '0' RETURNING id")
        self._beside(lambda books: marking.note_ahead(books, self._passes))

    def begin(self, card: int, value: int, now: float) -> Change | None:
        """A command that changes a customer's name, as far as it goes before its commit."""
        if card in self._changing:
            return None
        self._changing.add(card)
        books, unit = self._open()
        customer = self._customers[card]
        books.execute("UPDATE customer SET display_name = %s WHERE id = %s", (str(value), customer))
        record(unit, ORIGIN, "", Scope(self._scene.program.id, customer))
        unit.write()
        return Change(card, books)

    def commit(self, change: Change, now: float) -> bool:
        """The writer does nothing more."""
        self._close(change.connection, "COMMIT")
        self._changing.remove(change.card)
        return False

    def look(self, now: float) -> None:
        """The clock's duties."""
        follow(self._scene)

    def refresh(self, now: float) -> tuple[Connection, int] | None:
        """The actor's step, before its commit."""
        books, unit = self._open()
        refreshed = refreshing.refresh(unit, 100)
        if not refreshed.looked_at:
            self._close(books, "ROLLBACK")
            return None
        unit.write()
        return books, refreshed.changed

    def end(self, refresh: tuple[Connection, int], killed: bool, now: float) -> bool:
        """Whether it planned a push."""
        books, _ = refresh
        self._close(books, "ROLLBACK" if killed else "COMMIT")
        planned = self._scene.rows("SELECT id FROM task WHERE actor = 'push_apple' AND state = 'READY'")
        self._scene.rows("UPDATE task SET state = 'DONE' WHERE actor = 'push_apple' RETURNING id")
        return bool(planned)

    def register(self, card: int, now: float) -> bool:
        """With the mark, in one transaction."""
        query = "INSERT INTO pass_registration SELECT %s, id, now() FROM pass_device WHERE library_hash = %s"
        passed = self._passes[card]

        def both(books: Connection) -> None:
            books.execute(f"{query} ON CONFLICT DO NOTHING", (passed, self._device))
            if self._notes:
                marking.note_ahead(books, [passed])

        return self._beside(both)

    def changed(self, tag: str, now: float) -> tuple[Sequence[int], str]:
        """The list call's statement."""
        found = listed(self._scene, self._device, tag)
        return [self._passes.index(one) for one in found.passes], found.tag

    def get(self, card: int, if_modified_since: str, now: float) -> Got:
        """As wallet/web/passkit.py has it."""
        passed = self._passes[card]
        found = self._read(passed)
        ahead = found.is_ahead and self._notes
        if is_unmodified(if_modified_since, found.modified_at):
            return Got(304)
        if ahead and not self._beside(lambda books: marking.note_ahead(books, [passed])):
            return Got(503)
        [field] = found.content.fields
        [(_, name)] = cast(Text, field.value)
        return Got(200, int(name), http_date(found.modified_at))

    def truth(self, card: int) -> int:
        """The customer's name."""
        return int(self._scene.rows("SELECT display_name FROM customer WHERE id = %s", [self._customers[card]])[0][0])

    def close(self) -> None:
        """Hangs up."""
        for books in self._idle:
            books.close()

    def _read(self, passed: UUID) -> Card:
        books, _ = self._open()
        found = contents(books, [passed], None)[passed]
        self._close(books, "COMMIT")
        return found

    def _open(self) -> tuple[Connection, Unit]:
        """A transaction on a connection of its own."""
        books = self._idle.pop() if self._idle else dial(self._scene.database, {}, ANSWER_LIMIT_S)
        books.execute("BEGIN")
        [now] = books.execute("SELECT clock_timestamp()").fetchone() or (None,)
        return books, Unit(books, now)

    def _close(self, books: Connection, how: str) -> None:
        books.execute(how)
        if how == "ROLLBACK":
            # psycopg has dropped what it had prepared.
            forget(books)
        self._idle.append(books)

    def _beside(self, act: Callable[[Connection], None]) -> bool:
        """A transaction that waits for nobody: whom it would wait for stands still in this thread."""
        books, _ = self._open()
        books.execute("SET LOCAL lock_timeout = '1ms'")
        try:
            act(books)
        except LockNotAvailable:
            self._close(books, "ROLLBACK")
            return False
        self._close(books, "COMMIT")
        return True
