"""The books as the public endpoints see them: each kind of work in a lane of its own, and none waits for another."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter

from storage.coupons.sealing import CodeSeals
from storage.engine.database import Busy, Connection, Database
from storage.engine.lanes import Lane, LaneFull, LaneState
from storage.engine.slots import Slot
from storage.engine.threads import ThreadLane
from storage.engine.unit import Unit, run
from storage.passes import deliveries, devices, listing, opening
from storage.passes.contents import Card, contents
from storage.passes.deliveries import Note
from storage.passes.devices import Registered
from storage.passes.marking import note_ahead
from storage.passes.opening import FindCard, FindImage, FindLink
from wallet.web import limits
from wallet.web.gathering import Gathering

Result = TypeVar("Result")

LOST = Counter("fealty_passes_notes_lost", "What phones asked for or reported and could not be written down")

log = structlog.get_logger()


class Lanes:
    """One for each process; used on one event loop. Nothing is connected before it is needed. `codes` open the codes of
    coupons that cards show."""

    def __init__(self, database: Database, codes: CodeSeals) -> None:
        self._database = database
        self._codes = codes
        self._reader: Lane[opening.Question, opening.Answer] = Lane(database, limits.READER, opening.answer)
        self._lists: Lane[listing.Question, listing.Listed] = Lane(database, limits.LISTS, listing.list_changed)
        self._registrar: Lane[devices.Change, Registered] = Lane(
            database, limits.REGISTRAR, devices.change_registrations, passed_over=self._put_back
        )
        self._recorder: Lane[Note, None] = Lane(database, limits.RECORDER, deliveries.write_down)
        self._threads = ThreadLane(database, limits.CARDS)
        self._cards: Gathering[UUID, Card] = Gathering(
            self._threads, self._read, limits.CARDS_AT_ONCE_MAX, limits.CARDS.threads, limits.CARDS_WAITING_MAX
        )
        self._acts = ThreadLane(database, limits.ACTS)

    async def link(self, token_hash: bytes) -> opening.Card | None:
        """The pass that a link leads to, while it does."""
        found: opening.Card | None = await self._find(FindLink(token_hash))
        return found

    async def found(self, card: UUID) -> opening.Card | None:
        """A pass, and what phones were told of it last."""
        found: opening.Card | None = await self._find(FindCard(card))
        return found

    async def image(self, sha256: bytes) -> bytes | None:
        """A PNG."""
        found: bytes | None = await self._find(FindImage(sha256))
        return found

    async def card(self, card: UUID) -> Card | None:
        """A card as it is now. Those that are asked for at a time are read together."""
        return await self._cards.ask(card)

    async def updated(self, question: listing.Question) -> listing.Listed:
        """Which cards of a phone have changed."""
        [found] = await self._lists.submit([question])
        if isinstance(found, Exception):
            raise found
        return found

    async def change(self, change: devices.Change) -> Registered:
        """What became of a registration."""
        [outcome] = await self._registrar.submit([change])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def note(self, notes: Sequence[Note]) -> None:
        """Writes down in a moment; nobody waits for it."""
        try:
            self._recorder.submit(notes).add_done_callback(_noted)
        except LaneFull:
            LOST.inc(len(notes))

    def act(self, act: Callable[[Unit], Result]) -> "asyncio.Future[Result]":
        """Runs `act` in a transaction of its own."""
        return self._acts.run("", lambda _: run(self._database, act))

    @property
    def states(self) -> Sequence[LaneState]:
        """How all lanes stand."""
        hot = (self._reader, self._lists, self._registrar, self._recorder)
        return [*(lane.state for lane in hot), self._threads.state, self._acts.state]

    async def close(self) -> None:
        """Finishes what is in hand, within bounded time."""
        lanes: list[Any] = [self._reader, self._lists, self._registrar, self._threads, self._acts]
        await asyncio.gather(*(lane.close() for lane in lanes))
        # Last: what was answered just now is still to be written down.
        await self._recorder.close()

    def _put_back(self, slots: Sequence[Slot[devices.Change]]) -> None:
        """Registrations of passes that somebody else holds come again with the next group, for a while."""
        again = [slot for slot in slots if slot.passed_over < limits.PASSED_OVER_MAX]
        for slot in slots:
            if slot.passed_over >= limits.PASSED_OVER_MAX:
                slot.answer(Busy("somebody else holds its rows"))
        self._registrar.put_back(again)

    async def _find(self, question: opening.Question) -> Any:
        [found] = await self._reader.submit([question])
        if isinstance(found, Exception):
            raise found
        return found

    def _read(self, books: Connection, cards: Sequence[UUID]) -> dict[UUID, Card]:
        found = contents(books, cards, self._codes)
        ahead = [card for card in cards if card in found and found[card].is_ahead]
        if ahead:
            # Before anybody is answered: what it says now could be taken back before a refresh looks.
            note_ahead(books, ahead)
        return found


def _noted(noting: "asyncio.Future[Sequence[Exception | None]]") -> None:
    lost = [one for one in noting.result() if isinstance(one, Exception)] if not noting.cancelled() else []
    if lost:
        LOST.inc(len(lost))
        log.warning("deliveries not written down", lost=len(lost), error=type(lost[0]).__name__)
