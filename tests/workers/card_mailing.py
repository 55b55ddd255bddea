"""Cards that are mailed: issued by commands, sent with an operator's accounts, read as a phone reads them."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography import x509
from google.oauth2.service_account import Credentials

from rules.passes.designs import Colors, Design, Field, Image, ImageRole, PassKind, Slot, Source
from storage.engine.commands import carry_out
from storage.engine.database import Database
from storage.ledger.addresses import CustomerName
from storage.passes.acts import EmailPass, VoidPass
from storage.passes.images import UploadImage
from storage.passes.issuing import IssuePass
from storage.passes.linking import LinkName
from storage.passes.reading.passes import PassName
from storage.passes.templates import CreateTemplate
from tests.personal import WALLET, key_file
from tests.pictures import png
from tests.wallet.apple.service import TOPIC, authorities, leaf
from tests.workers.acting import rows
from tests.workers.customers import asked
from tests.workers.mailing import SENDER, all_sent
from wallet import accounts
from wallet.accounts import Accounts
from wallet.google.account import GoogleAccount
from wallet.mail.badges import load_badges
from walletkit import pkpass
from workers.actors.mail import send_mail
from workers.codes import WorkerSeals
from workers.external import ExternalActor
from workers.mail.cards import Cards
from workers.mail.settings import mail_sender, mail_server
from workers.mail.transport import Transport
from workers.wallet import WorkerWalletKeys

PASSES_URL = "https://passes.example.com"
ISSUER = "3388000000012345678"
CARD = "Karte des Café-Klubs"


def apple_account(folder: Path) -> Path:
    """The folder of an operator who has an account of Apple's, and nothing else."""
    place = folder / "apple" / TOPIC
    place.mkdir(parents=True)
    leaf().write(place / "certificate.pem", place / "key.pem")
    (place / "wwdr.pem").write_bytes(authorities()[0].wwdr.pem)
    return folder


def google_account() -> GoogleAccount:
    """An account of Google's that nobody is asked with."""
    info = {"client_email": "x@example.com", "private_key": leaf().key_pem().decode(), "token_uri": "https://localhost"}
    return GoogleAccount(ISSUER, "x@example.com", Credentials.from_service_account_info(info))  # type: ignore[no-untyped-call]


def trusted() -> x509.Certificate:
    """Whom the phones of these tests believe."""
    return authorities()[0].root.certificate


def issue(database: Database, customer: str = "c-1", **design: Any) -> PassName:
    """A card of a customer of the program `club`, with its points."""
    icon = carry_out(database, UploadImage("club", png(), asked())).value
    given = {
        "description": (("en", "Card of the café club"), ("de", CARD)),
        "card_id": "points",
        "colors": Colors("#4a2c12", "#ffffff"),
        "images": (Image(ImageRole.ICON, icon.sha256, 0, 0),),
        "fields": (Field("points", Slot.HEADER, Source.BALANCE, (("en", "Points"),)),),
        **design,
    }
    made = Design(PassKind.LOYALTY, "Café & Co", **given)
    carry_out(database, CreateTemplate("club", "card", "Card", made, asked()))
    return carry_out(database, IssuePass(CustomerName("club", customer), "card", None, None, asked())).value.name


def plan(database: Database, card: PassName) -> LinkName:
    """Has a card mailed; the link in the mail."""
    return carry_out(database, EmailPass(card, WALLET, PASSES_URL, asked())).value.link


def sent(database: Database) -> str:
    """The one task that has a mail sent now; issuing a card has others done."""
    claimed = set(all_sent(database))
    [task] = [
        task for (task,) in rows(database, "SELECT id::text FROM task WHERE actor = 'send_mail'") if task in claimed
    ]
    return str(task)


def void(database: Database, card: PassName) -> None:
    """Ends a card."""
    carry_out(database, VoidPass(card, asked()))


def cards(folder: Path | None, passes_url: str = PASSES_URL, found: Accounts | None = None) -> Cards:
    """As a worker has them; with an account of Google's alone where there is no folder."""
    keys, seals = WorkerWalletKeys(key_file()), WorkerSeals(key_file())
    found = found or (accounts.load(folder) if folder else Accounts({}, {ISSUER: google_account()}))
    return Cards(found, load_badges(folder), keys, seals, passes_url)


def mailing(
    url: str, folder: Path | None = None, passes_url: str = PASSES_URL, found: Accounts | None = None
) -> ExternalActor[Any, Any]:
    """The actor that sends over the server of that URL, for an operator with that folder."""
    return send_mail(Transport(mail_server(url), mail_sender(SENDER)), cards(folder, passes_url, found))


def parse(content: bytes) -> EmailMessage:
    """A mail as a mailbox reads it."""
    read = message_from_bytes(content, policy=default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


def said(mail: EmailMessage, kind: str) -> str:
    """What stands in it, as `plain` or `html`."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def attached(mail: EmailMessage) -> pkpass.Card:
    """The card in it, taken as a phone takes it."""
    [file] = mail.iter_attachments()
    content = file.get_content()
    assert isinstance(content, bytes)
    return pkpass.read(content, trusted())


def link_of(link: LinkName) -> str:
    """Where a link leads."""
    return f"{PASSES_URL}/p/{WALLET.link_token(UUID(link.link))}"
