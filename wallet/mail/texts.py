"""What mails with cards say, in the languages that they are in. `{…}` are filled in."""

from collections.abc import Mapping
from typing import NamedTuple

DEFAULT = "en"


class Texts(NamedTuple):
    """Of one language. `open` stands above the link, `file` only where a file is attached, `until` tells a day."""

    subject: str
    hello: str
    hello_name: str
    open: str
    link: str
    apple: str
    google: str
    file: str
    private: str
    until: str
    why: str
    stop: str


TEXTS: Mapping[str, Texts] = {
    "en": Texts(
        subject="{card}, for your phone",
        hello="Hello,",
        hello_name="Hello {name},",
        open="here is your card: {card}. Open it on your phone, and add it to your wallet. It stays up to"
        " date by itself.",
        link="Open the card",
        apple="Add to Apple Wallet",
        google="Add to Google Wallet",
        file="If you read this on an iPhone, you can also open the attached file.",
        private="Whoever has this mail has the card: do not pass it on.",
        until="The link leads to the card until {day}.",
        why="{organization} sent you this card.",
        stop="No more mails with cards",
    ),
    "de": Texts(
        subject="{card}, für Ihr Telefon",
        hello="Guten Tag,",
        hello_name="Guten Tag {name},",
        open="hier ist Ihre Karte: {card}. Öffnen Sie sie auf Ihrem Telefon und legen Sie sie in Ihr Wallet. Dort"
        " bleibt sie von selbst aktuell.",
        link="Karte öffnen",
        apple="Zu Apple Wallet hinzufügen",
        google="Zu Google Wallet hinzufügen",
        file="Wenn Sie dies auf einem iPhone lesen, können Sie auch die angehängte Datei öffnen.",
        private="Wer diese Mail hat, hat die Karte: Geben Sie sie nicht weiter.",
        until="Der Link führt bis zum {day} zur Karte.",
        why="{organization} hat Ihnen diese Karte geschickt.",
        stop="Keine Mails mit Karten mehr",
    ),
    "cs": Texts(
        subject="{card} do vašeho telefonu",
        hello="Dobrý den,",
        hello_name="Dobrý den, {name},",
        open="posíláme vám kartu: {card}. Otevřete ji v telefonu a přidejte do peněženky. Aktualizuje se sama.",
        link="Otevřít kartu",
        apple="Přidat do Apple Peněženky",
        google="Přidat do Peněženky Google",
        file="Čtete-li tento e-mail v iPhonu, můžete otevřít i přiložený soubor.",
        private="Kdo má tento e-mail, má i kartu: nikomu ho nepřeposílejte.",
        until="Odkaz vede ke kartě do {day}.",
        why="Tuto kartu vám posílá {organization}.",
        stop="Neposílat mi další e-maily s kartami",
    ),
    "es": Texts(
        subject="{card}, para su teléfono",
        hello="Hola:",
        hello_name="Hola, {name}:",
        open="aquí tiene su tarjeta: {card}. Ábrala en su teléfono y añádala a su cartera. Se actualizará sola.",
        link="Abrir la tarjeta",
        apple="Añadir a Apple Wallet",
        google="Añadir a Google Wallet",
        file="Si lee esto en un iPhone, también puede abrir el archivo adjunto.",
        private="Quien tiene este correo tiene la tarjeta: no lo reenvíe.",
        until="El enlace lleva a la tarjeta hasta el {day}.",
        why="{organization} le ha enviado esta tarjeta.",
        stop="No quiero más correos con tarjetas",
    ),
}


def language_of(*wishes: str) -> str:
    """The first language of ours in BCP 47 tags, such as those of a customer and of a design; English where none is."""
    found = (wish.partition("-")[0].lower() for wish in wishes)
    return next((language for language in found if language in TEXTS), DEFAULT)
