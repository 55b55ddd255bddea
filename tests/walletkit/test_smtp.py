"""The mail server: what it takes, it takes apart as a mailbox would; what else it does, tests/workers uses."""

import smtplib
from email.message import EmailMessage

import pytest

from walletkit.smtp import MailServer

CARD = "application/vnd.apple.pkpass"


def message() -> EmailMessage:
    """With words, twice, and two files."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "club@club.example", "ann@mail.example", "Ihre Karte für März"
    made.set_content("Hier: https://club.example/p/7\n")
    made.add_alternative("<p>Hier</p>", subtype="html")
    made.add_attachment(b"PK\3\4 card", "application", "vnd.apple.pkpass", filename="card.pkpass")
    made.add_attachment("Kleingedrucktes", filename="terms.txt")
    return made


def test_a_mail_is_read_as_it_was_written() -> None:
    """Tests ask for a link in the words and the bytes of a card; either must be what was sent."""
    with MailServer() as server, smtplib.SMTP("127.0.0.1", server.port) as client:
        client.send_message(message())
        [mail] = server.received
        assert (mail.sender, mail.recipients, mail.user) == ("club@club.example", ["ann@mail.example"], "")
        assert mail.message["Subject"] == "Ihre Karte für März"
        assert mail.text == "Hier: https://club.example/p/7\n"
        assert mail.attached(CARD) == [b"PK\3\4 card"]
        assert not mail.was_over_tls


def test_who_must_log_in_sends_nothing_before() -> None:
    """Otherwise it would take what no provider takes."""
    with MailServer(login=("club", "secret")) as server, smtplib.SMTP("127.0.0.1", server.port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.send_message(message())
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.login("club", "secret")
        assert not server.received
