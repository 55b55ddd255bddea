"""The routes of the public endpoints."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from rules.proxies import Network
from wallet.web.answers import empty, text
from wallet.web.callbacks import Callbacks
from wallet.web.gate import PHONES, Gate, named
from wallet.web.images import Images
from wallet.web.links import Links
from wallet.web.passkit import PassKit
from wallet.web.site import Site
from wallet.web.unsubscribe import Unsubscribe

# Google calls back and fetches images as what looks for pages; nothing here is to be found by anybody.
ROBOTS = """User-agent: Googlebot
User-agent: Googlebot-Image
Allow: /google/callback
Allow: /images/
Disallow: /

User-agent: *
Disallow: /"""


def build(site: Site, trusted: Sequence[Network] = ()) -> ASGIApp:
    """The application; `trusted` are proxies whose word on addresses is believed."""
    links, images, callbacks, unsubscribe = Links(site), Images(site), Callbacks(site), Unsubscribe(site)
    routes = [
        Route("/p/{token}", links.by_device, methods=["GET"]),
        Route("/p/{token}/apple", links.apple, methods=["GET"]),
        Route("/p/{token}/google", links.google, methods=["GET"]),
        Route("/images/{sha256}.png", images.get, methods=["GET"]),
        Route("/google/callback", callbacks.post, methods=["POST"]),
        Route("/u/{token}", unsubscribe.ask, methods=["GET"]),
        Route("/u/{token}", unsubscribe.do, methods=["POST"]),
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/robots.txt", _robots, methods=["GET"]),
    ]
    # No more of Starlette than its routes: what it answers to faults by itself is the gate's. A path with a slash too
    # many is another path, and whoever asks for it is not led anywhere.
    router, passkit = Router(routes, redirect_slashes=False, default=_nothing), PassKit(site)

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        # Nearly all that comes is phones'.
        await (passkit if scope["path"].startswith(PHONES) else router)(scope, receive, send)

    return Gate(routed, trusted)


async def _healthz(request: Request) -> Response:
    named(request, "healthz")
    return text(200, "ok")


async def _robots(request: Request) -> Response:
    named(request, "robots")
    return text(200, ROBOTS, {"cache-control": "public, max-age=3600"})


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await empty(404)(scope, receive, send)
