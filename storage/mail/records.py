"""Mails, as they stand."""

from enum import StrEnum

from storage.engine.records import Record


class MailTemplate(StrEnum):
    """What is written: the name of a template of the workers."""

    TEST = "test"
    # A card, with a link to it: {"pass": its public id, "link": that of the link, a UUID's text}.
    PASS = "pass"  # noqa: S105 - a word, no password


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

# To whom no mail is sent: an address that mail servers refused for good, until it is another one (`refused_address` is
# a keyed hash of it), and customers who want none.
STOPS: Record[None] = Record(
    "mail_stop",
    None,
    key={"customer": "bigint"},
    apart={
        "refused_at": "timestamptz?",
        "refused_address": "bytea?",
        "refused_error": "text?",
        "unsubscribed_at": "timestamptz?",
    },
)
