"""Headless Chromium, spoken to by its own protocol (DevTools) over a pipe: nothing is installed beside it."""

import fcntl
import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell")
MISSING = f"no browser on PATH ({', '.join(BINARIES)}): on Debian or Ubuntu, apt-get install chromium"
OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--ignore-certificate-errors",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


class Page:
    """A tab. `violations` are what the browser would not do because a page's own policy (CSP) forbids it."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser = browser
        self._session = session
        self.violations: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self._say(f"{domain}.enable")

    def open(self, url: str, language: str, agent: str) -> None:
        """Opens an address as a browser of that language, and waits until all of it is there."""
        self._say("Network.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        self._say("Page.navigate", url=url)
        self._browser.await_event("Page.loadEventFired", self._session, self._hear)

    def eval(self, expression: str) -> Any:
        """What an expression is in the page."""
        answer = self._say("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, selector: str) -> None:
        """Presses a button, and waits for the page that comes."""
        self.eval(f"document.querySelector({json.dumps(selector)}).click()")
        self._browser.await_event("Page.loadEventFired", self._session, self._hear)

    def picture(self, selector: str) -> bytes:
        """A PNG of what the browser draws there."""
        place = self.eval(
            f"(r => ({{x: r.x, y: r.y, width: r.width, height: r.height}}))"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        return b64decode(self._say("Page.captureScreenshot", clip={**place, "scale": 1}, format="png")["data"])

    def _say(self, method: str, **parameters: Any) -> Mapping[str, Any]:
        return self._browser.say(method, parameters, self._session, self._hear)

    def _hear(self, told: Mapping[str, Any]) -> None:
        if told.get("sessionId") != self._session:
            return
        entry = told["params"].get("entry", {})
        issue = told["params"].get("issue", {})
        if entry.get("source") == "security" or "Content Security Policy" in entry.get("text", ""):
            self.violations.append(entry["text"])
        if issue.get("code") == "ContentSecurityPolicyIssue":
            self.violations.append(json.dumps(issue["details"]))


class Browser:
    """One browser: messages end with a zero byte, in both directions."""

    def __init__(self, to: int, back: int) -> None:
        self._to = to
        self._back = back
        self._rest = b""
        self._number = 0

    def page(self) -> Page:
        """A new tab."""
        target = self.say("Target.createTarget", {"url": "about:blank"})["targetId"]
        return Page(self, self.say("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"])

    def say(
        self, method: str, parameters: Mapping[str, Any], session: str = "", hear: Any = lambda told: None
    ) -> Mapping[str, Any]:
        """The answer to a command; what is told meanwhile goes to `hear`."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (told := self._read()).get("id") != number:
            if "method" in told:
                hear(told)
        assert "error" not in told, told
        found: Mapping[str, Any] = told["result"]
        return found

    def await_event(self, method: str, session: str, hear: Any) -> None:
        """Returns once it is told."""
        while True:
            told = self._read()
            if "method" in told:
                hear(told)
            if told.get("method") == method and told.get("sessionId") == session:
                return

    def _read(self) -> Mapping[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._back, 65_536)
            assert piece, "the browser ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        found: Mapping[str, Any] = json.loads(message)
        return found


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser that knows nothing, until the end. Raises LookupError where there is none."""
    binary = next((found for name in BINARIES if (found := shutil.which(name))), None)
    if binary is None:
        raise LookupError(MISSING)
    theirs_in, to = os.pipe()
    back, theirs_out = os.pipe()
    # The browser reads from 3 and writes to 4: above those, so that neither is closed by putting the other there.
    theirs = [fcntl.fcntl(one, fcntl.F_DUPFD, 64) for one in (theirs_in, theirs_out)]

    def wire() -> None:
        os.dup2(theirs[0], 3)
        os.dup2(theirs[1], 4)

    command = [binary, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(
        command, preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for one in (theirs_in, theirs_out, *theirs):
        os.close(one)
    try:
        yield Browser(to, back)
    finally:
        os.close(to)
        process.terminate()
        process.wait(30)
        os.close(back)
