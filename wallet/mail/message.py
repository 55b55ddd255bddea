"""What a mail with a card says: the link first, for it leads every phone to what that can use; the file second, for
servers on the way lose or repack files.

The same values make the same words: a mail that is sent again is the same mail.
"""

from datetime import date
from html import escape
from typing import NamedTuple

from rules.passes.content import Content, in_language
from wallet.colors import DARK, color, readable
from wallet.mail.badges import HEIGHT, Badge, Badges, badge
from wallet.mail.texts import TEXTS, Texts, language_of

_BACKGROUND = "#f4f4f5"


class Ways(NamedTuple):
    """Where a mail leads: the link, and the way to say that one wants no more; which wallets the card can be in."""

    link: str
    unsubscribe: str
    until: date
    has_apple: bool
    has_google: bool


class Words(NamedTuple):
    """A mail, as text and as HTML; `images` are the pictures that the HTML shows, by their Content-ID."""

    subject: str
    text: str
    html: str
    images: dict[str, bytes]


def write(content: Content, name: str, language_code: str, ways: Ways, badges: Badges, has_file: bool) -> Words:
    """The mail to a customer of that name (empty where nobody knows it), who reads that language; with a file of
    Apple's attached where `has_file`."""
    language = language_of(language_code, content.default_language)
    texts = TEXTS[language]
    # The card in the customer's language, where it has that; the mail in the one of ours that is nearest.
    spoken = dict(content.description)
    card = spoken.get(language_code) or in_language(content.description, language, content.default_language)
    hello = texts.hello_name.format(name=name) if name else texts.hello
    opening = texts.open.format(card=card)
    notes = [*([texts.file] if has_file else []), texts.private, texts.until.format(day=ways.until.isoformat())]
    why = texts.why.format(organization=content.organization_name)
    text = "\n\n".join((hello, opening, ways.link, "\n".join(notes), f"--\n{why}\n{texts.stop}: {ways.unsubscribe}"))
    images: dict[str, bytes] = {}
    html = _html(content, language, [hello, opening, *notes], why, _buttons(ways, language, badges, images), ways)
    return Words(texts.subject.format(card=card), f"{text}\n", html, images)


def _buttons(ways: Ways, language: str, badges: Badges, images: dict[str, bytes]) -> str:
    texts = TEXTS[language]
    wallets = [("apple", texts.apple, ways.has_apple), ("google", texts.google, ways.has_google)]
    found = [
        _button(f"{ways.link}/{wallet}", called, wallet, badge(badges, wallet, language), images)
        for wallet, called, is_there in wallets
        if is_there
    ]
    return "".join(found or [_button(ways.link, texts.link, "link", None, images)])


def _button(url: str, called: str, wallet: str, drawn: Badge | None, images: dict[str, bytes]) -> str:
    if drawn is None:
        return (
            f'<a href="{escape(url)}" style="display:inline-block;margin:6px;padding:12px 20px;border-radius:10px;'
            f'background:{DARK};color:#ffffff;text-decoration:none">{escape(called)}</a>'
        )
    images[wallet] = drawn.content
    return (
        f'<a href="{escape(url)}" style="display:inline-block;margin:6px"><img src="cid:{wallet}" '
        f'alt="{escape(called)}" width="{drawn.width}" height="{HEIGHT}" style="border:0"></a>'
    )


def _html(content: Content, language: str, said: list[str], why: str, buttons: str, ways: Ways) -> str:
    texts: Texts = TEXTS[language]
    background = color(content.colors.background) or _BACKGROUND
    # Letters of the design only on its own background: of the two it may name one.
    own = color(content.colors.foreground) if color(content.colors.background) else ""
    hello, opening, *notes = map(escape, said)
    link = escape(ways.link)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(content.organization_name)}</title></head>\n"
        '<body style="margin:0;font:17px/1.5 sans-serif;background:#ffffff;color:#18181b">\n'
        f'<div style="padding:24px;background:{background};color:{readable(own, background)};font-size:22px">'
        f"{escape(content.organization_name)}</div>\n"
        f'<div style="padding:24px;max-width:36em">\n<p>{hello}</p>\n<p>{opening}</p>\n<p>{buttons}</p>\n'
        f'<p><a href="{link}">{link}</a></p>\n<p><small>{"<br>".join(notes)}</small></p>\n'
        f'<p><small>{escape(why)} <a href="{escape(ways.unsubscribe)}">{escape(texts.stop)}</a></small></p>\n'
        "</div>\n</body>\n</html>\n"
    )
