"""Reads programs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from rules.access import Caller
from rules.draft import Sliding
from rules.programs import Settings
from rules.refusals import ProgramNotFound
from storage.engine.database import Connection
from storage.programs.tables import ProgramRow

SETTINGS = TypeAdapter(Settings)

# Earlier versions of settings that a thread keeps: some kilobytes each.
VERSIONS_REMEMBERED_MAX = 1_000


class Program(NamedTuple):
    """A program as it stands; `id` is internal, `program_id` public."""

    id: int
    program_id: str
    version: int
    settings: Settings
    test_clock_at: datetime | None
    created_at: datetime
    updated_at: datetime

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
    found = (query.for_update() if for_update else query).first() if caller.sees(program_id) else None
    if found is None:
        raise ProgramNotFound(program=program_id)
    return from_row(found)


def page(caller: Caller, after: str, size: int) -> list[Program]:
    """Up to `size` programs that the caller may see, by public id, from the first after `after`."""
    query = ProgramRow.select().where(ProgramRow.program_id > after)
    if caller.program is not None:
        query = query.where(ProgramRow.program_id == caller.program)
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
    )


class Clock(NamedTuple):
    """What the write path must know of a program: who it is, its settings, and what its clock shows."""

    program: int
    version: int
    settings: Settings
    now: datetime


class Clocks:
    """The clocks of programs, read from the database each time; their settings only where the version is new."""

    def __init__(self) -> None:
        self._settings: dict[int, tuple[int, Settings]] = {}
        self._versions: dict[tuple[int, int], Settings] = {}

    def version(self, connection: Connection, program: int, version: int) -> Settings:
        """The settings of one version, which never change."""
        known = self._settings.get(program)
        if known is not None and known[0] == version:
            return known[1]
        if (program, version) not in self._versions:
            row = connection.execute(_VERSION, (program, version), prepare=True).fetchone()
            assert row is not None
            if len(self._versions) >= VERSIONS_REMEMBERED_MAX:
                self._versions.clear()
            self._versions[program, version] = SETTINGS.validate_python(row[0])
        return self._versions[program, version]

    def sliding(self, connection: Connection, program: int, card_id: str) -> Sliding:
        """To where activities slide the expiry of a card's points, by the version of the settings they belong to."""

        def slides_to(version: int, activity_type: str, at: datetime) -> datetime | None:
            settings = self.version(connection, program, version)
            return settings.slides_to(settings.card(card_id, str(program)), activity_type, at)

        return slides_to

    def wanted(self, programs: Iterable[int]) -> list[tuple[int, int]]:
        """What to ask the database for: (internal id, the version whose settings are known here)."""
        return [(program, self._settings.get(program, (0,))[0]) for program in programs]

    def read(self, rows: Iterable[Sequence[Any]], now: datetime) -> dict[int, Clock]:
        """The clocks, by internal id, out of (id, version, test clock, settings where the version is new)."""
        clocks = {}
        for program, version, test_clock_at, settings in rows:
            if settings is not None:
                self._settings[program] = (version, SETTINGS.validate_python(settings))
            at = datetime.fromisoformat(test_clock_at) if test_clock_at else now
            clocks[program] = Clock(program, version, self._settings[program][1], at)
        return clocks


_VERSION = "SELECT settings FROM program_version WHERE program = %s AND version = %s"
