"""The keys of passes in a worker, which only tasks that reach phones ask for: they need the file of personal keys."""

from pathlib import Path

import structlog

from storage.engine import keyring
from storage.engine.keyring import KeyringError
from storage.engine.unit import Unit
from storage.passes.keys import find_wallet_keys
from storage.passes.sealing import WalletKeys

log = structlog.get_logger()


class WorkerWalletKeys:
    """Reads the file of personal keys when a step needs it, once for all threads."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._keys: WalletKeys | None = None

    def of(self, unit: Unit) -> WalletKeys:
        """The keys of the installation. Raises KeyringError, which fails the step: its task is tried again, here or by
        a worker that has the file."""
        if self._keys is None:
            try:
                self._keys = find_wallet_keys(unit.connection, self._keyring())
            except KeyringError as error:
                # Its sentence, which holds no key, says what to do; the task keeps only its name.
                log.error("passes cannot be brought to phones here", error=str(error))
                raise
        return self._keys

    def _keyring(self) -> keyring.Keyring:
        if self._path is None:
            raise KeyringError("FEALTY_PERSONAL_KEY_FILE is not set, and phones are known under what it names")
        return keyring.load(self._path)
