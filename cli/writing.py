"""A file that is there only once it is whole."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cli.failures import Failure


@contextmanager
def opened(file: Path, force: bool, is_secret: bool = False) -> Iterator[IO[bytes]]:
    """Where to write; `-` is stdout. The file gets its name when all is well; one that is secret is its owner's alone.
    Raises Failure."""
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file.exists() and not force:
        raise Failure(f"the file {file} exists already: choose another name, or replace it with --force")
    unfinished = file.with_name(f"{file.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with open(
            os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_secret else 0o666), "wb"
        ) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
    except OSError as error:
        raise Failure(f"the file {unfinished} cannot be written ({error.strerror}): choose another place") from None
    finally:
        unfinished.unlink(missing_ok=True)
