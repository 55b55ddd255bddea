"""The seals of codes in a worker, of which only tasks that make codes ask: then it needs the file of personal keys."""

from pathlib import Path

import structlog

from storage.coupons.keys import find_seals
from storage.coupons.sealing import CodeSeals
from storage.engine import keyring
from storage.engine.keyring import KeyringError
from storage.engine.unit import Unit

log = structlog.get_logger()


class WorkerSeals:
    """Reads the file when a step needs it, once for all threads."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seals: CodeSeals | None = None

    def of(self, unit: Unit) -> CodeSeals:
        """The seals of the installation. Raises KeyringError, which fails the step: its task is tried again, here or by
        a worker that has the file."""
        if self._seals is None:
            try:
                self._seals = find_seals(unit.connection, self._keys())
            except KeyringError as error:
                # Its sentence, which holds no key, says what to do; the task keeps only its name.
                log.error("codes cannot be made here", error=str(error))
                raise
        return self._seals

    def _keys(self) -> keyring.Keyring:
        if self._path is None:
            raise KeyringError("FEALTY_PERSONAL_KEY_FILE is not set, and codes are sealed under what it names")
        return keyring.load(self._path)
