"""Mails, as they stand."""

from enum import StrEnum

from storage.engine.records import Record


class MailTemplate(StrEnum):
    """What is written: the name of a template of the workers."""

    TEST = "test"


class MailState(StrEnum):
    """PLANNED: it is to be sent, or tried again. SENT: a mail server has taken it. FAILED: it was given up."""

    PLANNED = "PLANNED"
    SENT = "SENT"
    FAILED = "FAILED"


# One mail to one customer, whose address is read when it is sent. `arguments` fill the template, and hold no personal
# data. `tries` counts how often somebody began to send it; `error` is the name of what it failed with.
MAILS: Record[None] = Record(
    "mail",
    None,
    key={"id": "uuid"},
    beside={
        "program": "integer",
        "customer": "bigint",
        "template": "text",
        "arguments": "jsonb",
        "created_at": "timestamptz",
        "activity": "uuid",
    },
    apart={
        "state": "text",
        "tries": "integer",
        "error": "text?",
        "ended_at": "timestamptz?",
        "end_activity": "uuid?",
    },
)
