"""A mail as it is written: out of a template, for people as text and as HTML, and the same bytes each time it is sent.

A template is two files, `NAME.txt`, whose first line is the subject, and `NAME.html`. `$word` stands for an argument.
What arguments hold is text: it is escaped in HTML, and cannot begin a header.
"""

from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple
from uuid import UUID

from storage.engine.ids import typeid
from storage.mail.records import MailTemplate
from workers.mail.settings import is_address

TEMPLATES = Path(__file__).parent / "templates"
# Seven bits pass every server on the way.
_POLICY = SMTP.clone(cte_type="7bit")


class _Form(NamedTuple):
    subject: Template
    text: Template
    html: Template


def write(
    identity: UUID,
    created_at: datetime,
    template: MailTemplate,
    arguments: Mapping[str, str | int],
    sender: Address,
    recipient: str,
) -> EmailMessage:
    """The mail of that id. Raises ValueError where the recipient is no address; KeyError where an argument is missing.

    Its Message-ID follows from its id: who gets it twice can tell.
    """
    form = _form(template)
    words = {name: str(value) for name, value in arguments.items()}
    name = typeid("mail", identity.int)
    message = EmailMessage(_POLICY)
    message["From"] = sender
    if not is_address(recipient):
        raise ValueError("the recipient is no address")
    message["To"] = recipient
    subject = form.subject.substitute(words)
    message["Subject"] = " ".join("".join(one if one.isprintable() else " " for one in subject).split())
    message["Date"] = created_at
    message["Message-ID"] = f"<{name}@{sender.domain}>"
    # Nobody's absence is to be answered to us (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(form.text.substitute(words))
    message.add_alternative(
        form.html.substitute({word: escape(value) for word, value in words.items()}), subtype="html"
    )
    message.set_boundary(name)
    return message


@cache
def _form(template: MailTemplate) -> _Form:
    subject, _, text = (TEMPLATES / f"{template}.txt").read_text("utf-8").partition("\n")
    html = (TEMPLATES / f"{template}.html").read_text("utf-8")
    return _Form(Template(subject), Template(text.lstrip("\n")), Template(html))
