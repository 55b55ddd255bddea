"""Files that grow step by step, by whichever worker has the step, and get their name once they are whole.

How long a file is, is said by who asks (the books know it): what lies beyond was written by a worker that was killed
before anybody knew, and is cut off.
"""

import hashlib
import os
import threading
from pathlib import Path
from typing import Any

# Bytes read at a time, to compute a digest.
_BLOCK_BYTES = 1 << 20
# Nobody but the operator's own user: the log is in it.
_MODE = 0o600


class File:
    """One file of a folder. Of what the books know of it the digest is remembered; another process computes it anew."""

    def __init__(self, folder: Path, name: str) -> None:
        self._whole = folder / name
        self._part = folder / f"{name}.part"
        self._hash: Any = hashlib.sha256()
        self._hashed = 0

    def holds(self, bytes_: int) -> bool:
        """Whether so much of it is there. A file that got its name, which its worker did not live to tell, is taken
        back."""
        if not self._part.exists() and self._whole.exists():
            self._whole.replace(self._part)
        return self._size() >= bytes_ if bytes_ else True

    def catch_up(self, bytes_: int, most: int) -> bool:
        """Reads up to `most` of its first `bytes_`, as far as it is not in the digest; whether that was all."""
        if self._hashed > bytes_:
            self._hash, self._hashed = hashlib.sha256(), 0
        if self._hashed < bytes_:
            until = min(bytes_, self._hashed + most)
            with self._part.open("rb") as file:
                file.seek(self._hashed)
                while self._hashed < until:
                    block = file.read(min(_BLOCK_BYTES, until - self._hashed))
                    self._hash.update(block)
                    self._hashed += len(block)
        return self._hashed == bytes_

    def append(self, bytes_: int, data: bytes) -> None:
        """Has it hold its first `bytes_`, and `data` behind them, also after a power cut. The digest waits for
        `catch_up`: until the books know of `data`, another worker may write something else there."""
        opened = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        with open(opened, "r+b") as file:
            file.truncate(bytes_)
            file.seek(bytes_)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def finish(self, last: bytes) -> str:
        """Gives it its name; its SHA-256, where `last` is what was appended since `catch_up`."""
        self._part.replace(self._whole)
        folder = os.open(self._whole.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        digest = self._hash.copy()
        digest.update(last)
        return str(digest.hexdigest())

    def discard(self) -> None:
        """Removes what there is of it, by either name: it may have got its own in a step that was not committed."""
        self._part.unlink(missing_ok=True)
        self._whole.unlink(missing_ok=True)

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0


class Folder:
    """The files of a folder that this process works on."""

    # Some hundred bytes each, and what was computed of their digests.
    KNOWN_MAX = 100

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._files: dict[str, File] = {}

    def file(self, name: str) -> File:
        """The file of that name. Only one thread at a time works on it: whoever has the row of its task."""
        with self._lock:
            if name not in self._files and len(self._files) >= self.KNOWN_MAX:
                self._files.clear()
            return self._files.setdefault(name, File(self._path, name))

    def forget(self, name: str) -> None:
        """It has ended."""
        with self._lock:
            self._files.pop(name, None)
