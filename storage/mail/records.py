"""Mails, as they stand."""

from enum import StrEnum

from storage.engine.records import Record


class MailTemplate(StrEnum):
    """What is written: the name of a template of the workers."""

    TEST = "test"
    # A card, with a link to it: {"pass": its public id, "link": that of the link, a UUID's text}.
    PASS = "pass"  # noqa: S105 - a word, no password
    # To users. A code to log in with: {"code": its id, a UUID's text}.
    LOGIN_CODE = "login_code"
    # A token to set a password with: {"token": its id}.
    PASSWORD_RESET = "password_reset"  # noqa: S105
    INVITATION = "invitation"


class MailState(StrEnum):
    """PLANNED: it is to be sent, or tried again. SENT: a mail server has taken it. FAILED: it was given up."""

    PLANNED = "PLANNED"
    SENT = "SENT"
    FAILED = "FAILED"


# One mail to one customer, or to one user, whose address is read when it is sent. `arguments` fill the template, and
# hold no personal data and no secret. `tries` counts how often somebody began to send it; `error` is the name of what
# it failed with.
MAILS: Record[None] = Record(
    "mail",
    None,
    key={"id": "uuid"},
    beside={
        "program": "integer?",
        "customer": "bigint?",
        "person": "text?",
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
