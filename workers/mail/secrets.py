"""What mails to users say that lies in no table, task or queue: codes and tokens, made again when they are sent."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import structlog

from rules.logins import CODE_S
from storage.access import emailed_tokens
from storage.engine import keyring
from storage.engine.keyring import KeyringError
from storage.engine.unit import Unit
from storage.logins import codes
from storage.logins.keys import find_access_keys
from storage.logins.records import Purpose
from storage.logins.sealing import AccessKeys
from storage.mail.commands import Letter
from storage.mail.records import MailTemplate

log = structlog.get_logger()

# Where the console takes them. Behind the #, of which browsers tell no server.
_PAGES = {Purpose.INVITATION: "accept-invitation", Purpose.RESET: "reset-password"}
_PURPOSES = {MailTemplate.INVITATION: Purpose.INVITATION, MailTemplate.PASSWORD_RESET: Purpose.RESET}


class Over(Exception):
    """What the mail would bring is good no more: there is nothing to send."""


class Secrets:
    """Reads the file of personal keys when a mail needs it, once for all threads. `console_url` is where users find the
    console, empty where nobody said."""

    def __init__(self, path: Path | None, console_url: str) -> None:
        self._path = path
        self._console_url = console_url
        self._keys: AccessKeys | None = None

    def words(self, unit: Unit, letter: Letter) -> Mapping[str, str | int]:
        """What its template is filled with. Raises Over; KeyringError, which fails the try: another worker may have the
        file."""
        keys = self._of(unit)
        if letter.template is MailTemplate.LOGIN_CODE:
            code = UUID(str(letter.arguments["code"]))
            if not codes.is_usable(unit.connection, code):
                raise Over
            return {"code": keys.mailed_code(code), "minutes": CODE_S // 60}
        purpose, token = _PURPOSES[letter.template], str(letter.arguments["token"])
        if not emailed_tokens.is_usable(unit.connection, token):
            raise Over
        text = emailed_tokens.text_of(keys, token, purpose)
        return {"way": f"{self._console_url}/{_PAGES[purpose]}#{text}" if self._console_url else text}

    def _of(self, unit: Unit) -> AccessKeys:
        if self._keys is None:
            try:
                if self._path is None:
                    raise KeyringError("FEALTY_PERSONAL_KEY_FILE is not set, and codes are made under what it names")
                self._keys = find_access_keys(unit.connection, keyring.load(self._path))
            except KeyringError as error:
                # Its sentence, which holds no key, says what to do; the task keeps only its name.
                log.error("mails to users cannot be written here", error=str(error))
                raise
        return self._keys
