"""A mail as it is written, for people as text and as HTML, and the same bytes each time it is sent.

That of a template is two files, `NAME.txt`, whose first line is the subject, and `NAME.html`. `$word` stands for an
argument. What arguments hold is text: it is escaped in HTML, and cannot begin a header.
"""

from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.utils import format_datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple
from uuid import UUID

from storage.engine.ids import typeid
from storage.mail.records import MailTemplate
from workers.mail import mime
from workers.mail.mime import Body
from workers.mail.settings import is_address

TEMPLATES = Path(__file__).parent / "templates"


class Head(NamedTuple):
    """Which mail it is, and from whom to whom. Its Message-ID follows from its id: who gets it twice can tell."""

    identity: UUID
    created_at: datetime
    sender: Address
    recipient: str


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
) -> bytes:
    """The mail of a template. Raises ValueError where the recipient is no address; KeyError where an argument is
    missing."""
    form = _form(template)
    words = {name: str(value) for name, value in arguments.items()}
    html = form.html.substitute({word: escape(value) for word, value in words.items()})
    body = Body(form.text.substitute(words), html)
    return compose(Head(identity, created_at, sender, recipient), form.subject.substitute(words), body)


def compose(head: Head, subject: str, body: Body, more: Mapping[str, str] | None = None) -> bytes:
    """A mail, with `more` headers. Raises ValueError where the recipient is no address."""
    if not is_address(head.recipient):
        raise ValueError("the recipient is no address")
    name = typeid("mail", head.identity.int)
    headers = {
        "From": _from(head.sender),
        "To": head.recipient,
        "Subject": mime.words(subject),
        "Date": format_datetime(head.created_at),
        "Message-ID": f"<{name}@{head.sender.domain}>",
        # Nobody's absence is to be answered to us (RFC 3834).
        "Auto-Submitted": "auto-generated",
        **(more or {}),
    }
    return mime.write(headers.items(), body, boundary=name)


def _from(sender: Address) -> str:
    """As a header has it: a name that is no plain word is quoted, one that is not ASCII encoded."""
    name = sender.display_name
    if not name.isascii():
        return f"{mime.words(name)} <{sender.addr_spec}>"
    return str(sender)


@cache
def _form(template: MailTemplate) -> _Form:
    subject, _, text = (TEMPLATES / f"{template}.txt").read_text("utf-8").partition("\n")
    html = (TEMPLATES / f"{template}.html").read_text("utf-8")
    return _Form(Template(subject), Template(text.lstrip("\n")), Template(html))
