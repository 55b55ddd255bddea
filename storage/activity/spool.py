"""Records that the books could not take, kept in files beside them until they can: lines, synced, bounded.

Each process appends to a file of its own, under a lock that ends with the process. Whoever finds a file that nobody has
locked takes it in. Each line has the id of its activity, so that one that was taken in twice is there once.
"""

import fcntl
import os
import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import DecodeError, json

from storage.activity.recorder import Act

# All files together: some 100,000 records. A flood is folded long before (server/interceptors/floods.py).
BYTES_MAX = 64 << 20

_SUFFIX = ".ndjson"


class SpoolFull(OSError):
    """The files hold as much as they may."""


class Spool:
    """The files of one folder, of which this process writes one."""

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._file: int | None = None

    def append(self, acts: Sequence[Act]) -> None:
        """Writes them down; they are on disk when it returns. Raises OSError, SpoolFull among them."""
        lines = b"".join(json.encode(act) + b"\n" for act in acts)
        if self.size + len(lines) > self._bytes_max:
            raise SpoolFull(f"{self._folder} holds {self.size} bytes")
        if self._file is None:
            self._file = self._begin()
        before = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, lines)
            if written < len(lines):
                raise OSError(f"only {written} of {len(lines)} bytes could be written")
            os.fsync(self._file)
        except OSError:
            # What comes next must not stand on the line that was cut.
            os.ftruncate(self._file, before)
            raise

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(path.stat().st_size for path in self._paths())

    def close(self) -> None:
        """Leaves the file to whoever takes it in."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def waiting(self) -> Generator[Sequence[Act], None, None]:
        """The records of each file that nobody writes; a file is removed once the caller comes back for the next. Its
        own file it has to close before."""
        for path in self._paths():
            with _locked(path) as content:
                if content is not None:
                    if acts := [act for line in content.splitlines() if (act := _act(line)) is not None]:
                        yield acts
                    path.unlink()

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}")) if self._folder.is_dir() else []

    def _begin(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        # Somebody may have taken it for an old one, before it was locked.
        if not path.exists():
            os.close(file)
            return self._begin()
        return file


@contextmanager
def _locked(path: Path) -> Iterator[bytes | None]:
    """What stands in a file, with its lock; None where a process has it, or it is gone."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file.read() if path.exists() else None
    except (BlockingIOError, FileNotFoundError):
        yield None


def _act(line: bytes) -> Act | None:
    try:
        return json.decode(line, type=Act)
    except DecodeError:
        # The last line of a process that died while it wrote it. Nobody was answered on its strength.
        return None
