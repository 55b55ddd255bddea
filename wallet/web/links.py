"""The links of passes: an iPhone gets the card, an Android phone is led to Google's, everybody else to a page with a
code to scan. Looking at one changes nothing, for scanners of mail look at every link."""

import re
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rules.passes.designs import PassKind
from storage.passes.contents import Card
from storage.passes.opening import Card as Found
from storage.passes.sealing import link_hash
from wallet.google.names import kind_of, object_id
from wallet.google.savelink import save_link
from wallet.web import pages
from wallet.web.answers import NO_STORE
from wallet.web.gate import named
from wallet.web.passkit import pkpass
from wallet.web.site import Site
from wallet.web.texts import language

# What iPhones, iPods and iPads call themselves; iPads often say that they are Macs, and get the page with its button.
_APPLE = re.compile(r"\b(?:iPhone|iPod|iPad)\b")
_ANDROID = re.compile(r"\bAndroid\b")
TOKEN_CHARS_MAX = 64


class Links:
    """/p/{token}, and below it what one asks for by hand: /apple, /google."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def by_device(self, request: Request) -> Response:
        """What the device that asks can use."""
        named(request, "link")
        found = await self._led(request)
        if found is None:
            return _gone(request)
        agent = request.headers.get("user-agent", "")
        if _APPLE.search(agent):
            return await self._apple(found) or await self._missing(request, found, "apple")
        if _ANDROID.search(agent):
            return await self._google(found) or await self._missing(request, found, "google")
        return await self._page(request, found)

    async def apple(self, request: Request) -> Response:
        """The card for Apple Wallet."""
        named(request, "link_apple")
        found = await self._led(request)
        if found is None:
            return _gone(request)
        return await self._apple(found) or await self._missing(request, found, "apple")

    async def google(self, request: Request) -> Response:
        """The way to the card at Google; a page that says so, where it is not there yet."""
        named(request, "link_google")
        found = await self._led(request)
        if found is None:
            return _gone(request)
        return await self._google(found) or await self._missing(request, found, "google")

    async def _led(self, request: Request) -> Found | None:
        """Where the link leads: each that leads nowhere costs the same look."""
        token = request.path_params["token"][:TOKEN_CHARS_MAX]
        request.state.token = token
        return await self._site.lanes.link(link_hash(token))

    async def _card(self, found: Found) -> Card | None:
        return await self._site.lanes.card(found.id)

    async def _apple(self, found: Found) -> Response | None:
        account = self._site.apple(found.apple_pass_type)
        card = await self._card(found) if account else None
        if account is None or card is None:
            return None
        return pkpass(await self._site.pkpass(card, account), card.modified_at)

    async def _google(self, found: Found) -> Response | None:
        account = self._site.google(found.google_issuer)
        # A link to what Google does not have yet would lead to an error of Google's: it is sent within seconds.
        if account is None or not found.is_at_google:
            return None
        kind = kind_of(PassKind(found.kind))
        serial = found.serial
        way = save_link(account, [(kind, object_id(account.issuer, serial))], datetime.now(UTC))
        return RedirectResponse(way, 302, dict(NO_STORE))

    async def _page(self, request: Request, found: Found) -> Response:
        card = await self._card(found)
        if card is None:
            return _gone(request)
        url = f"{self._site.passes_url}/p/{request.state.token}"
        has_google = found.is_at_google and self._site.google(found.google_issuer) is not None
        wallets = [
            *(["apple"] if self._site.apple(found.apple_pass_type) is not None else []),
            *(["google"] if has_google else []),
        ]
        return pages.card(card.content, url, _language(request), wallets)

    async def _missing(self, request: Request, found: Found, wallet: str) -> Response:
        card = await self._card(found)
        if card is None:
            return _gone(request)
        # With an account, Google has the card within seconds.
        is_late = wallet == "google" and self._site.google(found.google_issuer) is not None
        return pages.missing(card.content, _language(request), "" if is_late else wallet)


def _language(request: Request) -> str:
    return language(request.headers.get("accept-language", ""))


def _gone(request: Request) -> Response:
    return pages.gone(_language(request))
