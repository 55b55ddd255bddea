"""Images by what they are: Google fetches them once, browsers keep them for ever."""

import re

from starlette.requests import Request
from starlette.responses import Response

from wallet.web.answers import empty
from wallet.web.gate import named
from wallet.web.site import Site

_NAME = re.compile(r"[0-9a-f]{64}")


class Images:
    """/images/{sha256}.png"""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def get(self, request: Request) -> Response:
        """An image. Another one has another address, so this one never changes."""
        named(request, "image")
        sha256 = request.path_params["sha256"]
        found = await self._site.image(sha256) if _NAME.fullmatch(sha256) else None
        if found is None:
            return empty(404)
        headers = {"cache-control": "public, max-age=31536000, immutable", "etag": f'"{sha256}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return empty(304, headers)
        return Response(found, 200, headers, "image/png")
