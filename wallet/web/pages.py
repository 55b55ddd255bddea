"""Pages for people: no script, nothing from elsewhere, and whatever is told by others escaped.

The strict policy (CSP) allows one style sheet, by its hash, and images of our own.
"""

from base64 import b64encode
from collections.abc import Collection
from hashlib import sha256
from html import escape
from io import BytesIO

import segno
from starlette.responses import Response

from rules.passes.content import Content, in_language
from rules.passes.designs import Colors, ImageRole
from wallet.colors import color, letters_on, readable
from wallet.web.answers import NO_STORE
from wallet.web.texts import TEXTS

_BACKGROUND = "#f4f4f5"

_STYLE = """
*{{box-sizing:border-box}}
body{{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;background:{background};
color:{foreground};font:18px/1.5 system-ui,sans-serif;padding:24px}}
main{{max-width:26em;text-align:center}}
h1{{font-size:1.5em;line-height:1.25;margin:.6em 0}}
img{{max-width:160px;max-height:60px}}
svg{{display:block;margin:24px auto;background:#fff;border-radius:12px;width:260px;height:260px}}
a.button,button{{display:inline-block;margin:6px;padding:12px 20px;border:0;border-radius:10px;background:{button};
color:{letters};font:inherit;text-decoration:none;cursor:pointer}}
small{{opacity:.8}}
"""


def card(content: Content, url: str, language: str, wallets: Collection[str]) -> Response:
    """The page of a link where no phone asks: a code to scan, and the ways to `wallets`, of "apple" and "google"."""
    texts = TEXTS[language]
    name = in_language(content.description, language, content.default_language)
    title = texts.scan.format(card=name)
    logo = _logo(content)
    parts = [logo, f"<h1>{escape(title)}</h1>"]
    if wallets:
        parts += [f"<p>{escape(texts.scan_how)}</p>", _code(url)]
    else:
        parts.append(f"<p>{escape(texts.nothing)}</p>")
    ways = (("apple", texts.apple), ("google", texts.google))
    parts += [
        f'<a class="button" id="{wallet}" href="{escape(url)}/{wallet}">{escape(called)}</a>'
        for wallet, called in ways
        if wallet in wallets
    ]
    parts.append(f"<p><small>{escape(texts.private)}</small></p>")
    return _page(200, language, f"{content.organization_name}: {title}", "".join(parts), content.colors)


def missing(content: Content, language: str, wallet: str) -> Response:
    """The page for who asked, by hand or by the phone, for a wallet that the card cannot be in; "": for one that it
    will be in soon. No code, which the same phone would read, and no button, which would lead back here."""
    texts = TEXTS[language]
    name = in_language(content.description, language, content.default_language)
    said = {"apple": texts.no_apple, "google": texts.no_google}.get(wallet, texts.nothing)
    body = f"{_logo(content)}<h1>{escape(name)}</h1><p>{escape(said)}</p>"
    return _page(200, language, f"{content.organization_name}: {name}", body, content.colors)


def gone(language: str, is_of_mails: bool = False) -> Response:
    """The page of every link that leads nowhere, whyever; of those against mails no new one is sent."""
    texts = TEXTS[language]
    how = texts.stop_gone_how if is_of_mails else texts.gone_how
    return _page(404, language, texts.gone, f"<h1>{escape(texts.gone)}</h1><p>{escape(how)}</p>")


def stop(language: str, organization: str) -> Response:
    """Asks whether somebody wants no more mails of an organization. Nothing happens by looking at it: scanners of mail
    look too."""
    texts = TEXTS[language]
    how = texts.stop_how.format(organization=organization)
    form = f'<form method="post"><button type="submit">{escape(texts.stop_button)}</button></form>'
    return _page(200, language, texts.stop, f"<h1>{escape(texts.stop)}</h1><p>{escape(how)}</p>{form}")


def stopped(language: str, organization: str) -> Response:
    """Says that it is done."""
    texts = TEXTS[language]
    how = texts.stopped_how.format(organization=organization)
    return _page(200, language, texts.stopped, f"<h1>{escape(texts.stopped)}</h1><p>{escape(how)}</p>")


def _page(status: int, language: str, title: str, body: str, colors: Colors = Colors()) -> Response:  # noqa: B008
    style = _style(colors)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    html = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{body}</main></body></html>"
    )
    headers = {
        **NO_STORE,
        "content-security-policy": policy,
        "content-language": language,
        "vary": "accept-language, user-agent",
    }
    return Response(html, status, headers, "text/html; charset=utf-8")


def _style(colors: Colors) -> str:
    background = color(colors.background) or _BACKGROUND
    # Letters of the design only on its own background: of the two it may name one.
    own = color(colors.foreground) if color(colors.background) else ""
    button = letters_on(background)
    return _STYLE.format(
        background=background, foreground=readable(own, background), button=button, letters=letters_on(button)
    )


def _logo(content: Content) -> str:
    image = next((one for one in content.images if one.role is ImageRole.LOGO), None)
    if image is None:
        return f"<p>{escape(content.organization_name)}</p>"
    return f'<img src="/images/{escape(image.sha256)}.png" alt="{escape(content.organization_name)}">'


def _code(url: str) -> str:
    """A QR code (ISO 18004) as SVG; one path, drawn in black."""
    drawn = BytesIO()
    segno.make(url, error="m", micro=False).save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=True,
        border=4,
        scale=1,
        omitsize=True,
        title=None,
        svgclass=None,
        lineclass=None,
    )
    return drawn.getvalue().decode().replace("<svg ", '<svg id="code" role="img" aria-label="QR" ', 1)
