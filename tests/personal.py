"""The personal key of all databases of tests, and their keys of codes, passes and logging in: registered in the
template, and in a file where a process needs one."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from storage.coupons.sealing import CODE_KEY_BYTES, CodeSeals
from storage.engine.database import Connection
from storage.engine.keyring import ACCESS_KEY, CODE_KEY, WALLET_KEY, Keyring, PersonalKey, write
from storage.logins.sealing import ACCESS_KEY_BYTES, AccessKeys
from storage.passes.sealing import WALLET_KEY_BYTES, WalletKeys

KEY = PersonalKey(bytes(range(32)))
KEYRING = Keyring([KEY])
_OF_CODES = bytes(range(CODE_KEY_BYTES))
CODES = CodeSeals(_OF_CODES)
_OF_PASSES = bytes(range(WALLET_KEY_BYTES, 2 * WALLET_KEY_BYTES))
WALLET = WalletKeys(_OF_PASSES)
_OF_ACCESS = bytes(range(2 * ACCESS_KEY_BYTES, 3 * ACCESS_KEY_BYTES))
ACCESS = AccessKeys(_OF_ACCESS)


def install(books: Connection) -> None:
    """Tells a migrated database of the keys, as its migration did, so that its log is as if there were none."""
    books.execute("INSERT INTO personal_key SELECT %s, now(), id FROM activity ORDER BY id LIMIT 1", (KEY.id,))
    made = (KEY.id, KEY.wrap(_OF_CODES, CODE_KEY))
    books.execute("INSERT INTO code_key SELECT true, %s, %s, now(), id FROM activity ORDER BY id LIMIT 1", made)
    made = (KEY.id, KEY.wrap(_OF_PASSES, WALLET_KEY))
    books.execute("INSERT INTO wallet_key SELECT true, %s, %s, now(), id FROM activity ORDER BY id LIMIT 1", made)
    made = (KEY.id, KEY.wrap(_OF_ACCESS, ACCESS_KEY))
    books.execute("INSERT INTO access_key SELECT true, %s, %s, now(), id FROM activity ORDER BY id LIMIT 1", made)


@cache
def key_file() -> Path:
    """A file of it, until the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="fealty-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "personal.key"
    write(path, [KEY])
    return path
