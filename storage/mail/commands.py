"""The life of a mail: planned with its cause, begun as often as it takes, ended once."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rules.activity import MAIL_FAILED, MAIL_SENT, Kind, by_worker
from storage.activity.commands import Scope, record
from storage.engine.ids import new_uuid_text, typeid
from storage.engine.unit import Unit
from storage.engine.workspace import Workspace
from storage.mail.records import MAILS, MailState, MailTemplate
from storage.tasks.commands import plan

# The actor that sends them, and its queue: one of its own, so that a slow mail server keeps nothing else waiting.
ACTOR = "send_mail"
QUEUE = "mail"


class Letter(NamedTuple):
    """A mail that is to be sent, and the address that its recipient has now; empty where there is none. `customer` is
    the internal id of whom that is, who may have been another when it was planned; None where it is to a user."""

    id: UUID
    template: MailTemplate
    arguments: Mapping[str, str | int]
    created_at: datetime
    address: str
    customer: int | None


def plan_mail(
    unit: Workspace,
    program: int,
    customer: int,
    template: MailTemplate,
    arguments: Mapping[str, str | int],
    activity: str,
    due_at: datetime | None = None,
) -> str:
    """Plans a mail in the transaction that causes it, with the id of its activity, and answers the id of the mail.

    It is sent at once, or from `due_at` on by the database's clock. `arguments` fill the template: no personal data.
    """
    mail = new_uuid_text()
    row = {
        "id": mail,
        "program": program,
        "customer": customer,
        "template": template,
        "arguments": dict(arguments),
        "created_at": unit.now,
        "activity": activity,
    }
    unit.add(MAILS.made, row)
    plan(unit, ACTOR, QUEUE, {"mail": mail}, f"{ACTOR}:{mail}", program, customer, due_at)
    return mail


def plan_user_mail(
    unit: Workspace,
    person: str,
    template: MailTemplate,
    arguments: Mapping[str, str | int],
    activity: str,
    program: int | None = None,
) -> str:
    """The same to a user, by their id; of a program where all that they may do is of one."""
    mail = new_uuid_text()
    row = {
        "id": mail,
        "program": program,
        "customer": None,
        "person": person,
        "template": template,
        "arguments": dict(arguments),
        "created_at": unit.now,
        "activity": activity,
    }
    unit.add(MAILS.made, row)
    plan(unit, ACTOR, QUEUE, {"mail": mail}, f"{ACTOR}:{mail}", program)
    return mail


def begin(unit: Unit, mail: UUID) -> Letter | None:
    """Counts a try, and answers what is to be sent; None where nothing is, any more."""
    found = unit.connection.execute(_BEGIN, (mail, mail, mail)).fetchone()
    if found is None:
        return None
    template, arguments, created_at, address, customer = found
    return Letter(mail, MailTemplate(template), arguments, created_at, address, customer)


def succeed(unit: Unit, mail: UUID) -> None:
    """A mail server has taken it."""
    _end(unit, mail, MailState.SENT, MAIL_SENT, None)


def fail(unit: Unit, mail: UUID, error: str) -> None:
    """It is given up, unless it has ended. `error` is the name of a type with a code, never a text."""
    _end(unit, mail, MailState.FAILED, MAIL_FAILED, error)


def _end(unit: Unit, mail: UUID, state: MailState, kind: Kind, error: str | None) -> None:
    found = unit.connection.execute(_LOCK, (mail,)).fetchone()
    if found is None:
        return
    program, customer, subject, template, tries, test_clock_at, cause = found
    if customer is None:
        # Nothing of it is a customer's.
        kind = kind._replace(category="SYSTEM")
    told = {"mail": typeid("mail", mail.int), "template": template, "tries": tries}
    if error is not None:
        told["error"] = error
    at = test_clock_at or unit.now
    activity = record(unit, by_worker(kind), subject, Scope(program, customer), at, details=told, cause=cause)
    unit.write()
    unit.connection.execute(_END, (state, error, unit.now, activity, mail))


# A customer that was merged is the one that it was merged into: there its address is kept up to date.
_BEGIN = """
WITH RECURSIVE holder AS (
    SELECT c.id, c.merged_into, c.email FROM customer c WHERE c.id = (SELECT customer FROM mail WHERE id = %s)
    UNION ALL
    SELECT c.id, c.merged_into, c.email FROM holder h JOIN customer c ON c.id = h.merged_into
), recipient AS (
    SELECT id, email FROM holder WHERE merged_into IS NULL
    UNION ALL
    SELECT NULL, u.email FROM mail m JOIN app_user u ON u.id = m.person WHERE m.id = %s
)
UPDATE mail SET tries = tries + 1 FROM recipient
WHERE mail.id = %s AND mail.state = 'PLANNED'
RETURNING mail.template, mail.arguments, mail.created_at, recipient.email, recipient.id
"""

_LOCK = """
SELECT m.program, m.customer, coalesce('programs/' || p.program_id || '/customers/' || c.customer_id,
       'users/' || m.person), m.template, m.tries, CASE WHEN m.person IS NULL THEN p.test_clock_at END, m.activity
FROM mail m LEFT JOIN program p ON p.id = m.program LEFT JOIN customer c ON c.id = m.customer
WHERE m.id = %s AND m.state = 'PLANNED' FOR UPDATE OF m
"""

_END = "UPDATE mail SET state = %s, error = %s, ended_at = %s, end_activity = %s WHERE id = %s"
