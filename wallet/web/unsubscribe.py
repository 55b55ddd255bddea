"""/u/{token}: who wants no more mails. A page asks, for scanners of mail look at every link; a POST does it, also
without the page (RFC 8058)."""

from starlette.requests import Request
from starlette.responses import Response

from storage.engine.unit import Unit
from storage.mail import stops
from storage.mail.senders import Sender, sender
from wallet.web import answers, limits, pages
from wallet.web.gate import named
from wallet.web.site import Site
from wallet.web.texts import language


class Unsubscribe:
    """The token says who it is, and only we can make it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def ask(self, request: Request) -> Response:
        """The page that asks; to who said so before, the one that says that it is done."""
        named(request, "unsubscribe")
        customer = self._whose(request)
        spoken = language(request.headers.get("accept-language", ""))
        known = await self._site.lanes.act(lambda unit: sender(unit.connection, customer)) if customer else None
        if known is None:
            return pages.gone(spoken, is_of_mails=True)
        page = pages.stopped if known.is_stopped else pages.stop
        return page(spoken, known.organization)

    async def do(self, request: Request) -> Response:
        """No more mails."""
        named(request, "unsubscribe")
        await answers.body(request, limits.FORM_BYTES_MAX)
        customer = self._whose(request)
        spoken = language(request.headers.get("accept-language", ""))
        known = await self._site.lanes.act(lambda unit: _stop(unit, customer)) if customer else None
        if known is None:
            return pages.gone(spoken, is_of_mails=True)
        return pages.stopped(spoken, known.organization)

    def _whose(self, request: Request) -> int | None:
        return self._site.keys.unsubscribing(request.path_params["token"][:64])


def _stop(unit: Unit, customer: int) -> Sender | None:
    stops.unsubscribe(unit, customer)
    return sender(unit.connection, customer)
