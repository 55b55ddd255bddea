"""Mails with cards: read in the transaction that begins them, built and signed outside, and kept nowhere.

What a retry sends is the same mail, with the same Message-ID; only what the card says, and when its file was signed,
are of then.
"""

from collections import OrderedDict
from email.headerregistry import Address
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from storage.engine.unit import Unit
from storage.mail import stops
from storage.mail.commands import Letter
from storage.passes.mailing import Enclosed, enclosed, pictures
from wallet import accounts
from wallet.accounts import Accounts
from wallet.apple.bundle import MEDIA_TYPE, build
from wallet.apple.certificates import AppleAccount
from wallet.apple.passjson import Service, shown_roles
from wallet.failures import AccountMissing, WalletError
from wallet.mail.badges import Badges, load_badges
from wallet.mail.message import Ways
from wallet.mail.message import write as write_words
from workers.codes import WorkerSeals
from workers.failures import NotNow
from workers.limits import MAIL_IMAGES_KEPT_BYTES, MAIL_UNSET_PAUSE
from workers.mail.message import Head, compose
from workers.mail.mime import Body, File
from workers.outage import Outage
from workers.settings import WorkerSettings
from workers.wallet import WorkerWalletKeys


class CardEnded(Exception):
    """The card is valid no more, or its link leads nowhere any more: there is nothing to send."""


class CardMail(NamedTuple):
    """All that a mail is made of. `address_hash` is by what the books know the address, should it be refused."""

    enclosed: Enclosed
    ways: Ways
    account: AppleAccount | None
    service: Service
    images: dict[str, bytes]
    address_hash: bytes


class Cards:
    """Reads and writes mails with cards; one for all threads of a worker. `passes_url` is where phones reach them,
    empty where nobody said."""

    def __init__(
        self, found: Accounts, badges: Badges, keys: WorkerWalletKeys, seals: WorkerSeals, passes_url: str
    ) -> None:
        self._accounts = found
        self._badges = badges
        self._keys = keys
        self._seals = seals
        self._passes_url = passes_url
        self._unset = Outage("address of passes")
        self._no_wallet = Outage("every wallet that a card could be mailed for")
        self._no_apple = Outage("what cards are attached to mails with")
        self._pictures = _Pictures(MAIL_IMAGES_KEPT_BYTES)

    def load(self, unit: Unit, letter: Letter) -> CardMail:
        """What the mail is made of. Raises CardEnded, AddressRefused, CustomerUnsubscribed; KeyringError; NotNow where
        this worker does not know where phones reach cards, or has no account for any wallet: the link would lead to a
        card that nobody can have."""
        if not self._passes_url:
            self._unset.noticed("FEALTY_PASSES_URL is not set")
            raise NotNow(MAIL_UNSET_PAUSE)
        keys = self._keys.of(unit)
        assert letter.customer is not None, "cards are customers'"
        stops.check(unit.connection, letter.customer, letter.address, keys)
        serial, link = str(letter.arguments["pass"]), UUID(str(letter.arguments["link"]))
        found = enclosed(unit, serial, link, self._seals.of(unit))
        if found is None:
            raise CardEnded
        design, content = found.card.design, found.card.content
        account, has_google = self._apple(design.apple_pass_type), self._has_google(design.google_issuer)
        if account is None and not has_google:
            self._no_wallet.noticed(f"no account here can be used for {found.card.known.template_name}")
            raise NotNow(MAIL_UNSET_PAUSE)
        self._no_wallet.over()
        roles = shown_roles(content.kind)
        wanted = {image.sha256 for image in content.images if image.role in roles} if account else set()
        ways = Ways(
            f"{self._passes_url}/p/{keys.link_token(link)}",
            f"{self._passes_url}/u/{keys.unsubscribe_token(letter.customer)}",
            found.expires_at.date(),
            account is not None,
            has_google,
        )
        service = Service(self._passes_url, keys.authentication_token(serial))
        images = self._pictures.of(unit, wanted)
        return CardMail(found, ways, account, service, images, keys.address_hash(letter.address))

    def write(self, letter: Letter, mail: CardMail, sender: Address) -> bytes:
        """The mail, with the card attached where there is an account of Apple's to sign it. Raises ImageMissing."""
        card, account = mail.enclosed.card, mail.account
        name = card.known.facts.member.display_name
        words = write_words(card.content, name, card.language_code, mail.ways, self._badges, account is not None)
        file = None
        if account is not None:
            content = build(card.content, mail.images.__getitem__, account, mail.service)
            file = File(f"{card.known.template_id}.pkpass", MEDIA_TYPE, content)
        head = Head(letter.id, letter.created_at, sender, letter.address)
        # One click, without a page to look at (RFC 8058).
        more = {
            "List-Unsubscribe": f"<{mail.ways.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        return compose(head, words.subject, Body(words.text, words.html, words.images, file), more)

    def _apple(self, pass_type: str) -> AppleAccount | None:
        try:
            account = self._accounts.apple(pass_type)
        except WalletError as error:
            # Who has none and names none wants none; any other mail goes as a link alone, and somebody should know.
            if pass_type or not isinstance(error, AccountMissing):
                self._no_apple.noticed(str(error))
            return None
        self._no_apple.over()
        return account

    def _has_google(self, issuer: str) -> bool:
        try:
            self._accounts.google(issuer)
        except WalletError:
            return False
        return True


def open_cards(settings: WorkerSettings, seals: WorkerSeals) -> Cards:
    """With the operator's accounts and badges as they are now."""
    found = accounts.load(settings.wallet_dir, settings.key_password)
    badges, keys = load_badges(settings.wallet_dir), WorkerWalletKeys(settings.personal_key_file)
    return Cards(found, badges, keys, seals, settings.passes_url)


class _Pictures:
    """Images by the SHA-256 of their content, those that were asked for last: mails of one template have the same."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def of(self, unit: Unit, wanted: set[str]) -> dict[str, bytes]:
        """Those of them that there are."""
        with self._lock:
            found = {sha256: self._kept[sha256] for sha256 in wanted if sha256 in self._kept}
            for sha256 in found:
                self._kept.move_to_end(sha256)
        read = pictures(unit, wanted - found.keys())
        with self._lock:
            for sha256, content in read.items():
                if sha256 not in self._kept:
                    self._kept[sha256] = content
                    self._bytes += len(content)
            while self._bytes > self._bytes_max:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return {**found, **read}
