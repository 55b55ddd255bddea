"""Mails as bytes: what is written by hand is read by the library as it was meant, whatever stands in it."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from hypothesis import given
from hypothesis import strategies as st

from workers.mail.mime import Body, File, words, write

HEADERS = [("From", "club@coffee.example"), ("To", "alice@example.com")]
MAIL = "mail_01j2g00000e008000000000001"


def read(body: Body, subject: str = "Card") -> EmailMessage:
    """As a mailbox does; what it stumbles over fails."""
    written = write([*HEADERS, ("Subject", words(subject))], body, MAIL)
    assert written.isascii()
    assert max(map(len, written.split(b"\r\n"))) <= 78
    assert b"\n" not in written.replace(b"\r\n", b"")
    found = message_from_bytes(written, policy=default)
    assert isinstance(found, EmailMessage)
    assert not [defect for part in found.walk() for defect in part.defects]
    return found


@given(st.text(), st.text(), st.text())
def test_words_arrive_as_they_were_said(text: str, html: str, subject: str) -> None:
    """In every language, with breaks of every kind made one; a subject stays one line and brings no header."""
    found = read(Body(text, html), subject)
    for kind, said in (("plain", text), ("html", html)):
        body = found.get_body((kind,))
        assert body is not None
        assert body.get_content().encode().splitlines() == (said.encode().splitlines() or [b""])
    assert found.keys() == ["From", "To", "Subject", "MIME-Version", "Content-Type"]
    assert str(found["Subject"]).split() == "".join(one if one.isprintable() else " " for one in subject).split()


@given(st.binary(max_size=1_000), st.binary(max_size=300))
def test_a_file_and_pictures_arrive_byte_for_byte(content: bytes, image: bytes) -> None:
    """A card that lost a byte on the way is one that no phone takes."""
    file = File("card.pkpass", "application/vnd.apple.pkpass", content)
    found = read(Body("text", '<img src="cid:apple">', {"apple": image, "google": image}, file))
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "image/png",
        "application/vnd.apple.pkpass",
    ]
    [attached] = found.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("card.pkpass", content)
    pictures = {str(part["Content-ID"]): part.get_content() for part in found.walk() if part["Content-ID"]}
    assert pictures == {"<apple>": image, "<google>": image}


def test_what_looks_encoded_is_encoded_once_more() -> None:
    """A name may say `=?utf-8?…?=`: it is shown as it was said, not as what it would hide."""
    assert str(read(Body("", ""), "=?utf-8?b?aGlkZGVu?=")["Subject"]) == "=?utf-8?b?aGlkZGVu?="
    assert words("a" * 2_000).count("\r\n ") > 40
