"""Mails as they are written: for people, the same each time, and with nothing in them that an argument may forge."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mail.records import MailTemplate
from tests.workers.mailing import ADDRESS, SENDER
from workers.mail.message import TEMPLATES, write
from workers.mail.settings import is_address, mail_sender

MAIL = UUID("0190a000-0000-7000-8000-000000000001")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_mail_says_who_we_are_when_it_was_planned_and_that_nobody_wrote_it() -> None:
    """Servers and mailboxes judge a mail by its headers; absence notes must not come back."""
    read = _read(_written("r-1"))
    assert _headers(read) == {
        "From": SENDER,
        "To": ADDRESS,
        "Subject": "Test r-1: mail from Fealty arrives",
        "Date": "Mon, 02 Mar 2026 12:00:00 +0000",
        "Message-ID": "<mail_01j2g00000e008000000000001@coffee.example>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="mail_01j2g00000e008000000000001"',
    }


def test_a_mail_is_the_same_bytes_each_time() -> None:
    """It may be sent twice: servers and mailboxes can tell, and drop the second."""
    assert _written("r-1") == _written("r-1")


def test_what_arguments_hold_is_text() -> None:
    """A name with markup in it must not become markup in somebody's mailbox."""
    read = _read(_written('<b onclick="x">&amp;</b>'))
    text, html = (read.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert '<b onclick="x">&amp;</b>' in text.get_content()
    assert "&lt;b onclick=&quot;x&quot;&gt;&amp;amp;&lt;/b&gt;" in html.get_content()
    assert "<b " not in html.get_content()


@given(st.text())
def test_no_argument_makes_a_header_or_eight_bits(reference: str) -> None:
    """Whatever a caller says, of a mail it decides no more than the words in their places."""
    raw = _written(reference)
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line.partition(b":")[0].decode() for line in head if line[:1] not in b" \t"] == list(
        _headers(_read(_written("r-1")))
    )
    assert all(32 <= byte < 127 for line in head for byte in line)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "recipient",
    ["", "alice", "alice@", "a@b\r\nBcc: mallory@example.com", "a@b.example, c@d.example", "a@b\nX: y", "A <a@b.c>"],
)
def test_a_recipient_is_one_address(recipient: str) -> None:
    """It must not bring others along, nor headers."""
    assert not is_address(recipient)
    with pytest.raises(ValueError, match="no address"):
        write(MAIL, NOON, MailTemplate.TEST, {"reference": "r"}, mail_sender(SENDER), recipient)


@pytest.mark.parametrize("recipient", [ADDRESS, "a..b@mobile.example", "o'hara+club@localhost", "x" * 64 + "@b.c"])
def test_whoever_has_an_address_gets_mail(recipient: str) -> None:
    """The contract lets them in; their mailboxes exist."""
    message = write(MAIL, NOON, MailTemplate.TEST, {"reference": "r"}, mail_sender(SENDER), recipient)
    assert b"\r\nTo: %s\r\n" % recipient.encode() in message


def test_an_argument_that_is_missing_is_a_fault() -> None:
    """A mail with a hole in it is worse than none: it is tried again, and somebody sees it."""
    with pytest.raises(KeyError):
        write(MAIL, NOON, MailTemplate.TEST, {}, mail_sender(SENDER), ADDRESS)


@pytest.mark.parametrize("template", [one for one in MailTemplate if one is not MailTemplate.PASS])
def test_every_template_has_a_subject_a_text_and_a_page(template: MailTemplate) -> None:
    """A template is named where a mail is planned, in another process than the one that misses it."""
    subject, blank, text = (TEMPLATES / f"{template}.txt").read_text().split("\n", 2)
    assert subject
    assert not blank
    assert text.strip()
    assert (TEMPLATES / f"{template}.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("club@coffee.example", Address("", "club", "coffee.example")),
        (SENDER, Address("Coffee Club", "club", "coffee.example")),
        ("Kávový klub <club@coffee.example>", Address("Kávový klub", "club", "coffee.example")),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(text: str, address: Address) -> None:
    """Both are what people write."""
    assert mail_sender(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "club",
        "club@",
        "a@b.example, c@d.example",
        "klub@káva.example",
        "a@b.example\nBcc: c@d.example",
        "<a@b",
        "@b",
    ],
)
def test_what_is_no_sender_is_refused(text: str) -> None:
    """When the worker starts: not when the first mail comes back."""
    with pytest.raises(ValueError, match=r"write it as club@example\.com"):
        mail_sender(text)


def _written(reference: str) -> bytes:
    return write(MAIL, NOON, MailTemplate.TEST, {"reference": reference}, mail_sender(SENDER), ADDRESS)


def _headers(message: EmailMessage) -> dict[str, str]:
    return {name: str(value) for name, value in message.items()}


def _read(message: bytes) -> EmailMessage:
    read = message_from_bytes(message, policy=default)
    assert isinstance(read, EmailMessage)
    return read
