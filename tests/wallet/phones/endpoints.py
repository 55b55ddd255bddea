"""Our design as phones see it: the public endpoints on a real socket, over the same books. What a refresh holds makes a
request wait, and the phone hangs up: the connection is broken, whatever the server still does."""

import time
from collections.abc import Sequence

import httpx

from storage.engine.ids import parse_typeid
from tests.storage.scene import Scene
from tests.wallet.phones.books import Books
from tests.wallet.phones.world import Got
from tests.wallet.web.serving import TOPIC, Public, pass_json, registration

# A phone waits longer; here nobody else goes on meanwhile.
PATIENCE_S = 0.25
PAUSE_S = 0.05


class Endpoints(Books):
    """The phone speaks HTTP, and is a device of its own in each run."""

    def __init__(self, scene: Scene, run: int, public: Public) -> None:
        super().__init__(scene, run)
        self._public = public
        self._http = public.client(timeout=PATIENCE_S)
        self._device_id = f"{run:032x}"

    def register(self, card: int, now: float) -> bool:
        """A POST; 201 or 200 where it is done."""
        passed = self._passes[card]
        sent = {"headers": self._public.auth(passed), "json": {"pushToken": "5e" * 32}}
        answer = self._ask("POST", registration(passed, self._device_id), **sent)
        return answer is not None and answer.status_code in (200, 201)

    def changed(self, tag: str, now: float) -> tuple[Sequence[int], str]:
        """200, or 204 where nothing is new."""
        query = {"passesUpdatedSince": tag} if tag else {}
        answer = self._ask("GET", f"/v1/devices/{self._device_id}/registrations/{TOPIC}", params=query)
        if answer is None or answer.status_code != 200:
            return (), ""
        found = [parse_typeid("pass", serial) for serial in answer.json()["serialNumbers"]]
        return [self._passes.index(one) for one in found if one], answer.json()["lastUpdated"]

    def get(self, card: int, if_modified_since: str, now: float) -> Got:
        """What the file says, and its Last-Modified."""
        passed = self._passes[card]
        headers = self._public.auth(passed)
        if if_modified_since:
            headers["If-Modified-Since"] = if_modified_since
        path = registration(passed).partition("/registrations/")[2]
        answer = self._ask("GET", f"/v1/passes/{path}", headers=headers)
        if answer is None or answer.status_code not in (200, 304):
            return Got(503)
        if answer.status_code == 304:
            return Got(304)
        [field] = pass_json(answer.content)["generic"]["backFields"]
        return Got(200, int(field["value"]), answer.headers["last-modified"])

    def close(self) -> None:
        """Hangs up."""
        self._http.close()
        super().close()

    def _ask(self, method: str, path: str, **how: object) -> httpx.Response | None:
        """None where the connection broke; one that is asked to come again does."""
        while True:
            try:
                answer = self._http.request(method, path, **how)  # type: ignore[arg-type]
            except httpx.HTTPError:
                return None
            if answer.status_code not in (429, 503):
                return answer
            time.sleep(PAUSE_S)
