"""What the pages say, in the languages that they are in; and which of them a browser asks for."""

from collections.abc import Mapping
from typing import NamedTuple

DEFAULT = "en"
# Of an accept-language that much is looked at: browsers name four or five.
LANGUAGES_MAX = 12


class Texts(NamedTuple):
    """Of one language. `{card}` and `{organization}` are filled in."""

    scan: str
    scan_how: str
    apple: str
    google: str
    nothing: str
    no_apple: str
    no_google: str
    private: str
    gone: str
    gone_how: str
    stop_gone_how: str
    stop: str
    stop_how: str
    stop_button: str
    stopped: str
    stopped_how: str


TEXTS: Mapping[str, Texts] = {
    "en": Texts(
        scan="Add {card} to your phone",
        scan_how="Point the camera of your phone at this code.",
        apple="Add to Apple Wallet",
        google="Add to Google Wallet",
        nothing="This card cannot be added to a wallet yet. Please try again later.",
        no_apple="This card cannot be added to Apple Wallet yet. Whoever sent it to you can tell you more.",
        no_google="This card cannot be added to Google Wallet yet. Whoever sent it to you can tell you more.",
        private="Whoever has this link has the card: do not pass it on.",
        gone="This link leads nowhere",
        gone_how="It may have expired, or it was withdrawn. Ask whoever sent it to you for a new one.",
        stop_gone_how="It is not whole. Open it once more from the mail.",
        stop="No more mails?",
        stop_how="{organization} will send you no more mails with cards. Your cards stay as they are.",
        stop_button="Send me no more mails",
        stopped="Done",
        stopped_how="{organization} sends you no more mails with cards. Your cards stay as they are.",
    ),
    "de": Texts(
        scan="{card} aufs Telefon holen",
        scan_how="Richten Sie die Kamera Ihres Telefons auf diesen Code.",
        apple="Zu Apple Wallet hinzufügen",
        google="Zu Google Wallet hinzufügen",
        nothing="Diese Karte kann noch in kein Wallet. Bitte versuchen Sie es später wieder.",
        no_apple="Diese Karte kann noch nicht in Apple Wallet. Wer sie Ihnen geschickt hat, kann Ihnen mehr sagen.",
        no_google="Diese Karte kann noch nicht in Google Wallet. Wer sie Ihnen geschickt hat, kann Ihnen mehr sagen.",
        private="Wer diesen Link hat, hat die Karte: Geben Sie ihn nicht weiter.",
        gone="Dieser Link führt nirgendwohin",
        gone_how="Er ist abgelaufen oder wurde zurückgezogen. Bitten Sie den Absender um einen neuen.",
        stop_gone_how="Er ist nicht vollständig. Öffnen Sie ihn noch einmal aus der Mail.",
        stop="Keine Mails mehr?",
        stop_how="{organization} schickt Ihnen dann keine Mails mit Karten mehr. Ihre Karten bleiben, wie sie sind.",
        stop_button="Keine Mails mehr senden",
        stopped="Erledigt",
        stopped_how="{organization} schickt Ihnen keine Mails mit Karten mehr. Ihre Karten bleiben, wie sie sind.",
    ),
    "cs": Texts(
        scan="Přidejte si {card} do telefonu",
        scan_how="Namiřte fotoaparát telefonu na tento kód.",
        apple="Přidat do Apple Peněženky",
        google="Přidat do Peněženky Google",
        nothing="Tuto kartu zatím nelze přidat do peněženky. Zkuste to prosím později.",
        no_apple="Tuto kartu zatím nelze přidat do Apple Peněženky. Více vám řekne ten, kdo vám ji poslal.",
        no_google="Tuto kartu zatím nelze přidat do Peněženky Google. Více vám řekne ten, kdo vám ji poslal.",
        private="Kdo má tento odkaz, má i kartu: nikomu ho nedávejte.",
        gone="Tento odkaz nikam nevede",
        gone_how="Jeho platnost vypršela, nebo byl zrušen. Požádejte odesílatele o nový.",
        stop_gone_how="Není úplný. Otevřete ho prosím znovu z e-mailu.",
        stop="Už žádné e-maily?",
        stop_how="{organization} vám už nebude posílat e-maily s kartami. Vaše karty zůstanou, jak jsou.",
        stop_button="Neposílat mi další e-maily",
        stopped="Hotovo",
        stopped_how="{organization} vám už neposílá e-maily s kartami. Vaše karty zůstanou, jak jsou.",
    ),
    "es": Texts(
        scan="Añada {card} a su teléfono",
        scan_how="Apunte la cámara de su teléfono a este código.",
        apple="Añadir a Apple Wallet",
        google="Añadir a Google Wallet",
        nothing="Esta tarjeta todavía no se puede añadir a una cartera. Inténtelo más tarde.",
        no_apple="Esta tarjeta todavía no se puede añadir a Apple Wallet. Quien se la envió puede decirle más.",
        no_google="Esta tarjeta todavía no se puede añadir a Google Wallet. Quien se la envió puede decirle más.",
        private="Quien tiene este enlace tiene la tarjeta: no lo comparta.",
        gone="Este enlace no lleva a ninguna parte",
        gone_how="Ha caducado o fue retirado. Pida uno nuevo a quien se lo envió.",
        stop_gone_how="No está completo. Ábralo otra vez desde el correo.",
        stop="¿No quiere más correos?",
        stop_how="{organization} no le enviará más correos con tarjetas. Sus tarjetas se quedan como están.",
        stop_button="No enviarme más correos",
        stopped="Hecho",
        stopped_how="{organization} ya no le envía correos con tarjetas. Sus tarjetas se quedan como están.",
    ),
}


def language(accepted: str) -> str:
    """The language of ours that a browser likes best (RFC 9110, 12.5.4); English where it names none."""
    wishes: list[tuple[float, int, str]] = []
    for place, wish in enumerate(accepted.split(",")[:LANGUAGES_MAX]):
        tag, _, parameters = wish.strip().partition(";")
        name = tag.strip().partition("-")[0].lower()
        if name in TEXTS and (quality := _quality(parameters)) > 0:
            wishes.append((-quality, place, name))
    return min(wishes)[2] if wishes else DEFAULT


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
