"""The personal key of all databases of tests: registered in the template, and in a file where a process needs one."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from storage.engine.database import Connection
from storage.engine.keyring import Keyring, PersonalKey, write

KEY = PersonalKey(bytes(range(32)))
KEYRING = Keyring([KEY])


def install(books: Connection) -> None:
    """Tells a migrated database of the key, as its migration did, so that its log is as if there were none."""
    books.execute("INSERT INTO personal_key SELECT %s, now(), id FROM activity ORDER BY id LIMIT 1", (KEY.id,))


@cache
def key_file() -> Path:
    """A file of it, until the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="fealty-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "personal.key"
    write(path, [KEY])
    return path
