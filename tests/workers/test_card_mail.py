"""Mails with cards, as mailboxes get them: over a real server, with a card that a phone takes."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rules.passes.refusals import AddressRefused, CustomerUnsubscribed
from storage.customers.commands import UpdateCustomer
from storage.engine.commands import carry_out
from storage.engine.database import Database, connection
from storage.engine.unit import transaction
from storage.mail import stops
from tests.databases import SEEN
from tests.personal import KEYRING, WALLET
from tests.pictures import png
from tests.wallet.apple.service import TOPIC
from tests.workers.acting import figure, make_due, rows
from tests.workers.card_mailing import (
    CARD,
    ISSUER,
    PASSES_URL,
    apple_account,
    attached,
    google_account,
    issue,
    link_of,
    mailing,
    parse,
    plan,
    said,
    sent,
    void,
)
from tests.workers.customers import asked
from tests.workers.mailing import ADDRESS, NAME, SENDER, STATE, MailServer, create_member, work_on
from wallet.accounts import Accounts
from wallet.apple.certificates import Expired

UNSUBSCRIBE = f"{PASSES_URL}/u/{WALLET.unsubscribe_token(1)}"


def change(database: Database, **changes: str) -> None:
    """Of the customer."""
    carry_out(database, UpdateCustomer("club", "c-1", "", dict(changes), asked()), KEYRING)


def test_a_card_arrives_as_a_link_first_and_as_a_file_that_phones_take(
    database: Database, server: MailServer, tmp_path: Path
) -> None:
    """The wrong type is how such mails fail: then a phone offers to save a file, and there is no card."""
    create_member(database)
    link = plan(database, issue(database))
    work_on(database, mailing(server.url(), apple_account(tmp_path)), sent(database))
    assert rows(database, STATE) == [("SENT", None, 1)]
    [received] = server.received
    mail = parse(received.content)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/vnd.apple.pkpass",
    ]
    assert max(map(len, received.content.split(b"\r\n"))) <= 78
    assert {name: str(mail[name]) for name in ("From", "To", "Auto-Submitted", "List-Unsubscribe-Post")} == {
        "From": SENDER,
        "To": ADDRESS,
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert mail["Subject"] == "Card of the café club, for your phone"
    assert mail["List-Unsubscribe"] == f"<{UNSUBSCRIBE}>"
    text, html = said(mail, "plain"), said(mail, "html")
    assert f"Hello {NAME}," in text
    assert text.index(link_of(link)) < text.index("attached file") < text.index(UNSUBSCRIBE)
    assert f'<a href="{link_of(link)}/apple"' in html
    assert "background:#4a2c12;color:#ffffff" in html
    assert "Café &amp; Co" in html
    card = attached(mail)
    assert card.card["serialNumber"] == link.of.serial
    assert card.card["webServiceURL"] == PASSES_URL
    assert card.card["authenticationToken"] == WALLET.authentication_token(link.of.serial)
    [file] = mail.iter_attachments()
    assert file.get_filename() == "card.pkpass"


def test_without_an_account_of_apple_s_a_mail_has_the_link_alone(database: Database, server: MailServer) -> None:
    """An operator with Google's account only, or whose certificate ended, mails all the same."""
    create_member(database)
    link = plan(database, issue(database))
    work_on(database, mailing(server.url()), sent(database))
    mail = parse(server.received[0].content)
    assert mail.get_content_type() == "multipart/alternative"
    assert "attached" not in said(mail, "plain")
    assert f'<a href="{link_of(link)}"' in said(mail, "html")
    assert f"{link_of(link)}/apple" not in said(mail, "html")


@pytest.mark.parametrize(
    ("language", "subject", "stop"),
    [
        ("de-AT", f"{CARD}, für Ihr Telefon", "Keine Mails mit Karten mehr"),
        ("cs", "Card of the café club do vašeho telefonu", "Neposílat mi další e-maily s kartami"),
        ("es-MX", "Card of the café club, para su teléfono", "No quiero más correos con tarjetas"),
        ("fr", "Card of the café club, for your phone", "No more mails with cards"),
    ],
)
def test_a_mail_is_in_the_language_of_its_customer(
    database: Database, server: MailServer, language: str, subject: str, stop: str
) -> None:
    """The card in what the design has of it, the words around it in the nearest that we have."""
    create_member(database)
    change(database, language_code=language)
    plan(database, issue(database))
    work_on(database, mailing(server.url()), sent(database))
    mail = parse(server.received[0].content)
    assert mail["Subject"] == subject
    assert stop in said(mail, "plain")
    assert stop in said(mail, "html")


def test_an_operator_s_badges_stand_in_the_mail_as_links(
    database: Database, server: MailServer, tmp_path: Path
) -> None:
    """Apple and Google want their own artwork; in the customer's language, else the English one, and no lying file."""
    folder = apple_account(tmp_path)
    (folder / "badges").mkdir()
    (folder / "badges" / "apple-en.png").write_bytes(png(240, 80))
    (folder / "badges" / "apple-de.png").write_bytes(b"no picture")
    create_member(database)
    change(database, language_code="de")
    link = plan(database, issue(database))
    work_on(database, mailing(server.url(), folder), sent(database))
    mail = parse(server.received[0].content)
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds[2:6] == ["text/plain", "multipart/related", "text/html", "image/png"]
    [image] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image.get_content()) == ("<apple>", png(240, 80))
    shown = f'<a href="{link_of(link)}/apple" style="display:inline-block;margin:6px"><img src="cid:apple"'
    assert shown in said(mail, "html")
    assert 'width="144" height="48"' in said(mail, "html")


def test_a_name_with_markup_in_it_stays_a_name(database: Database, server: MailServer) -> None:
    """A customer chooses the name; it must not become a link in a mail that says it is ours."""
    create_member(database, name='<a href="https://evil.example">x</a>')
    description = (("en", "Card\r\nBcc: eve@example.com <b>"),)
    plan(database, issue(database, description=description))
    work_on(database, mailing(server.url()), sent(database))
    mail = parse(server.received[0].content)
    assert "&lt;a href=&quot;https://evil.example&quot;&gt;" in said(mail, "html")
    assert "<b>" not in said(mail, "html")
    assert mail["Bcc"] is None
    assert server.received[0].recipients == [ADDRESS]


def test_each_resend_is_a_mail_of_its_own_and_a_lost_reply_is_none(
    database: Database, server: MailServer, tmp_path: Path
) -> None:
    """Nobody knows whether the mail was taken: it comes again as the same one, and mailboxes show one."""
    create_member(database)
    card = issue(database)
    plan(database, card)
    actor = mailing(server.url(), apple_account(tmp_path))
    server.is_hanging_up = True
    work_on(database, actor, sent(database))
    server.is_hanging_up = False
    make_due(database)
    work_on(database, actor, sent(database))
    plan(database, card)
    work_on(database, actor, sent(database))
    first, again, other = (parse(one.content) for one in server.received)
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    # All but the file, which says in its signature when it was signed.
    assert [part.get_content() for part in first.walk() if part.get_content_maintype() == "text"] == [
        part.get_content() for part in again.walk() if part.get_content_maintype() == "text"
    ]
    assert attached(first).manifest == attached(again).manifest
    assert [first.get_boundary(), first["Date"]] == [again.get_boundary(), again["Date"]]
    assert rows(database, f"{STATE} ORDER BY created_at") == [("SENT", None, 2), ("SENT", None, 1)]


def test_an_address_that_the_server_refuses_for_good_gets_no_more_until_it_is_another(
    database: Database, server: MailServer
) -> None:
    """Who goes on writing to addresses that there are not is taken for a sender of spam; and staff see why."""
    create_member(database)
    card = issue(database)
    plan(database, card)
    server.answers["RCPT"].append(f"550 5.1.1 <{ADDRESS}> is unknown here")
    work_on(database, mailing(server.url()), sent(database))
    assert rows(database, STATE) == [("FAILED", "RecipientRefused 550", 1)]
    told = json.loads(rows(database, "SELECT body FROM activity ORDER BY id DESC LIMIT 1")[0][0])
    assert (told["action"], told["details"]["error"]) == ("mail.failed", "RecipientRefused 550")
    assert ADDRESS.encode() not in rows(database, "SELECT refused_address FROM mail_stop")[0][0]
    with pytest.raises(AddressRefused):
        plan(database, card)
    change(database, email="alice@new.example")
    plan(database, card)
    work_on(database, mailing(server.url()), sent(database))
    assert server.received[-1].recipients == ["alice@new.example"]


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        ("RCPT", "552 5.2.2 mailbox full", "MailRefused 552"),
        ("RCPT", "550 5.7.1 we do not like you", "MailRefused 550"),
        ("DATA", "552 5.3.4 too large", "MailRefused 552"),
        ("DATA", "554 5.7.1 spam", "MailRefused 554"),
    ],
)
def test_a_mail_that_is_refused_for_another_reason_stops_no_other(
    database: Database, server: MailServer, command: str, answer: str, error: str
) -> None:
    """A mailbox is emptied, a reputation mended: the address is as good as before."""
    create_member(database)
    card = issue(database)
    plan(database, card)
    server.answers[command].append(answer)
    work_on(database, mailing(server.url()), sent(database))
    assert rows(database, STATE) == [("FAILED", error, 1)]
    plan(database, card)
    work_on(database, mailing(server.url()), sent(database))
    assert rows(database, f"{STATE} ORDER BY created_at")[1:] == [("SENT", None, 1)]


def test_who_unsubscribed_gets_none_also_of_those_under_way(database: Database, server: MailServer) -> None:
    """It is said once; said again it is no second event of the history."""
    create_member(database)
    card = issue(database)
    plan(database, card)
    for _ in range(2):
        with transaction(database) as unit:
            stops.unsubscribe(unit, 1)
    work_on(database, mailing(server.url()), sent(database))
    assert (server.received, rows(database, STATE)) == ([], [("FAILED", "CustomerUnsubscribed", 1)])
    assert figure(database, "SELECT count(*) FROM activity WHERE action = 'customer.unsubscribed'") == 1
    with pytest.raises(CustomerUnsubscribed):
        plan(database, card)


def test_a_card_that_was_voided_meanwhile_is_not_mailed(database: Database, server: MailServer) -> None:
    """Its link leads nowhere any more."""
    create_member(database)
    card = issue(database)
    plan(database, card)
    void(database, card)
    work_on(database, mailing(server.url()), sent(database))
    assert (server.received, rows(database, STATE)) == ([], [("FAILED", "CardEnded", 1)])


@pytest.mark.parametrize("lacks", [{"passes_url": ""}, {"found": Accounts({})}])
def test_a_worker_that_does_not_know_where_phones_reach_cards_leaves_their_mails_waiting(
    database: Database, server: MailServer, lacks: dict[str, Any]
) -> None:
    """Another worker may know it, or its operator may say so: no mail is lost for that, and none invites to a card that
    no wallet takes."""
    create_member(database)
    plan(database, issue(database))
    work_on(database, mailing(server.url(), **lacks), sent(database))
    assert rows(database, STATE) == [("PLANNED", None, 0)]
    make_due(database)
    work_on(database, mailing(server.url()), sent(database))
    assert rows(database, STATE) == [("SENT", None, 1)]


def test_a_card_that_can_be_in_no_wallet_yet_is_not_mailed_but_waits(
    database: Database, server: MailServer, tmp_path: Path
) -> None:
    """Its link would say that it cannot be added. Another worker may have the account, or its operator may renew it."""
    create_member(database)
    plan(database, issue(database))
    with capture_logs() as told:
        work_on(database, mailing(server.url(), tmp_path), sent(database))
    assert (server.received, rows(database, STATE)) == ([], [("PLANNED", None, 0)])
    assert "programs/club/passTemplates/card" in told[0]["reason"]
    make_due(database)
    work_on(database, mailing(server.url(), apple_account(tmp_path)), sent(database))
    assert rows(database, STATE) == [("SENT", None, 1)]


def test_a_mail_that_goes_without_its_file_is_told_of_once(database: Database, server: MailServer) -> None:
    """A certificate that ended is noticed by nobody who only gets links; who has no account of Apple's knows that."""
    create_member(database)
    card = issue(database)
    ended = Expired(file="certificate.pem", expires_at="yesterday", renew="renew it")
    google, told = {ISSUER: google_account()}, []
    for found in (Accounts({}, google), Accounts({TOPIC: ended}, google)):
        actor = mailing(server.url(), found=found)
        with capture_logs() as logged:
            for _ in range(2):
                plan(database, card)
                work_on(database, actor, sent(database))
        told.append([one["reason"] for one in logged if one["log_level"] == "warning"])
    assert told == [[], [str(ended)]]
    assert len(server.received) == 4


def test_nothing_that_would_open_a_card_is_kept(database: Database, server: MailServer) -> None:
    """Tokens are made where they are needed: whoever reads the database cannot use them."""
    create_member(database)
    link = plan(database, issue(database))
    work_on(database, mailing(server.url()), sent(database))
    token = link_of(link).rpartition("/")[2]
    assert token in said(parse(server.received[0].content), "plain").replace("\n", "")
    with connection(database) as books:
        tables = [name for (name,) in books.execute(SEEN).fetchall()]
        kept = "".join(str(books.execute(f'SELECT * FROM "{name}"').fetchall()) for name in tables)
    assert token not in kept
