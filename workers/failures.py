"""What a failure says: whether trying again helps, and what may be kept of it where its text may hold personal data."""

from datetime import timedelta
from pathlib import Path


class NotNow(Exception):
    """What the task needs is away, which is no fault of the task: it waits, and that counts as no attempt. `why` is a
    word that is kept of it, for whoever asks what the task waits for."""

    def __init__(self, after: timedelta, why: str = "") -> None:
        super().__init__(after)
        self.after = after
        self.why = why


class Refused(Exception):
    """Somebody outside said no. `code` is their word for it, never their sentence: sentences quote people."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Permanent(Refused):
    """They will always say no: the task is given up at once."""


class OutcomeUnknown(Exception):
    """It was begun as often as it may be, and nothing was ever recorded of it: it may have been done each time."""


def name(error: Exception) -> str:
    """Its type, and the code where it has one."""
    kind = type(error).__name__
    return f"{kind} {error.code}" if isinstance(error, Refused) else kind


def place(error: Exception) -> str:
    """File and line where it was raised; empty where it never was."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
