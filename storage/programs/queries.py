"""Reads programs."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from msgspec import Raw, json
from pydantic import TypeAdapter

from rules.access import Caller
from rules.draft import Sliding
from rules.programs import Settings
from rules.refusals import ProgramNotFound
from storage.access.records import PartnerRow
from storage.engine.database import NO_KEY_UPDATE
from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Kind
from storage.engine.session import Session, Statement
from storage.engine.sockets import blocking
from storage.engine.stands import STANDS, Stand
from storage.engine.workspace import Workspace
from storage.programs.records import ProgramRow

SETTINGS = TypeAdapter(Settings)
FUNCTIONS = Functions(Path(__file__).parent / "load.sql")

# Settings that a lane keeps, those in force and earlier versions: some kilobytes each.
VERSIONS_REMEMBERED_MAX = 1_000


Decided = TypeVar("Decided")


class Program(NamedTuple):
    """A program as it stands; `id` is internal, `program_id` public; so is `partner`, whose it is (empty: nobody's)."""

    id: int
    program_id: str
    version: int
    settings: Settings
    test_clock_at: datetime | None
    created_at: datetime
    updated_at: datetime
    partner: str = ""

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program_id}"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}-{int(self.updated_at.timestamp() * 1_000_000):x}"'

    def now(self, database_now: datetime) -> datetime:
        """What the program's clock shows."""
        return self.test_clock_at or database_now


def get(program_id: str, caller: Caller, for_update: bool = False) -> Program:
    """The program of that public id. Raises ProgramNotFound, also where the caller may not know of it."""
    query = ProgramRow.select().where(ProgramRow.program_id == program_id)
    found = (query.for_update(NO_KEY_UPDATE) if for_update else query).first() if caller.sees(program_id) else None
    if found is None:
        raise ProgramNotFound(program=program_id)
    return from_row(found)


def page(caller: Caller, after: str, size: int) -> list[Program]:
    """Up to `size` programs that the caller may see, by public id, from the first after `after`."""
    query = ProgramRow.select().where(ProgramRow.program_id > after)
    if (seen := caller.programs()) is not None:
        query = query.where(ProgramRow.program_id.in_(sorted(seen)))
    return [from_row(row) for row in query.order_by(ProgramRow.program_id).limit(size)]


def from_row(row: Any) -> Program:
    """A program out of its row."""
    return Program(
        row.id,
        row.program_id,
        row.version,
        SETTINGS.validate_python(row.settings),
        row.test_clock_at,
        row.created_at,
        row.updated_at,
        PartnerRow.get_by_id(row.partner).partner_id if row.partner is not None else "",
    )


class ProgramState(NamedTuple):
    """What the write path must know of a program: who it is, its settings, and what its clock shows."""

    id: int
    version: int
    settings: Settings
    now: datetime


class SettingsUnread(Exception):
    """The settings of an earlier version are needed, and were not read yet: `ProgramCache.learn` reads them."""

    def __init__(self, program: int, version: int) -> None:
        super().__init__(program, version)
        self.program = program
        self.version = version


# What is in hand of the programs that a transaction is about, by their internal ids.
PROGRAM_STATES: Kind[ProgramState] = Kind("program_state")


class ProgramCache:
    """Programs with what their clocks show, read from the database each time; their settings only where the version
    is new. One for each lane: what it remembers is not shared."""

    def __init__(self) -> None:
        self.noun = Noun("program", FUNCTIONS["load_program"], self._put)
        self._settings: dict[int, tuple[int, Settings]] = {}
        self._versions: dict[tuple[int, int], Settings] = {}

    def version(self, program: int, version: int) -> Settings:
        """The settings of one version, which never change. Raises SettingsUnread."""
        known = self._settings.get(program)
        if known is not None and known[0] == version:
            return known[1]
        try:
            return self._versions[program, version]
        except KeyError:
            raise SettingsUnread(program, version) from None

    async def learn(self, session: Session, unread: SettingsUnread) -> None:
        """Reads the settings of a version."""
        if len(self._versions) >= VERSIONS_REMEMBERED_MAX:
            self._versions.clear()
        key = (unread.program, unread.version)
        text = await session.run(_VERSION, [b"%d" % number for number in key])
        assert text is not None, "settings of every version are kept"
        self._versions[key] = SETTINGS.validate_json(text)

    def sliding(self, program: int, card_id: str) -> Sliding:
        """To where activities slide the expiry of a card's points, by the version of the settings they belong to.

        What it answers raises SettingsUnread.
        """

        def sliding_expiry_at(version: int, activity_type: str, at: datetime) -> datetime | None:
            settings = self.version(program, version)
            return settings.sliding_expiry_at(settings.card(card_id, str(program)), activity_type, at)

        return sliding_expiry_at

    def asked(self, programs: Iterable[int]) -> list[tuple[int, int]]:
        """What to ask of `noun`: (internal id, the version whose settings are known here)."""
        if len(self._settings) >= VERSIONS_REMEMBERED_MAX:
            self._settings.clear()
        return [(program, self._settings.get(program, (0,))[0]) for program in programs]

    def _put(self, workspace: Workspace, rows: Raw) -> None:
        for program, version, test_clock_at, settings, stand in json.decode(rows) or ():
            if settings is not None:
                self._settings[program] = (version, SETTINGS.validate_python(settings))
            now = datetime.fromisoformat(test_clock_at) if test_clock_at else workspace.now
            state = ProgramState(program, version, self._settings[program][1], now)
            workspace.load(PROGRAM_STATES, (program,), state)
            if stand is not None:
                program_id, stands_version, methods = stand
                workspace.load(STANDS, (program_id,), Stand(stands_version, tuple(methods)))


class BlockingProgramCache(ProgramCache):
    """ProgramCache that read earlier settings on the spot, over a blocking session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def version(self, program: int, version: int) -> Settings:
        """The settings of one version."""
        try:
            return super().version(program, version)
        except SettingsUnread as unread:
            blocking(self.learn(self._session, unread))
            return super().version(program, version)


async def knowing(session: Session, programs: ProgramCache, decide: Callable[[], Decided]) -> Decided:
    """What `decide` answers; it is asked again where it first needs earlier settings to be read."""
    while True:
        try:
            return decide()
        except SettingsUnread as unread:
            await programs.learn(session, unread)


_VERSION = Statement("SELECT settings FROM program_version WHERE program = $1 AND version = $2", ["integer", "integer"])
