"""What may be said of an error whose text may hold personal data: its type, and where it was raised."""

from pathlib import Path


def place(error: Exception) -> str:
    """File and line where it was raised; empty where it never was."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
