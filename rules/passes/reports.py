"""Lines that phones report. Whoever reaches the public address can send some: nothing of them is believed, and what
they must not tell whoever reads them is taken out."""

import re

# The public id of a pass.
SERIAL = re.compile(r"(?<![A-Za-z0-9_])pass_[0-7][0-9a-hjkmnp-tv-z]{25}(?![A-Za-z0-9_])")
# Apple's ids of devices are 32 letters, push tokens 64, our own tokens 32, those of links 22. What is shorter may be of
# them too where it stands behind the word that says so.
_SECRET = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_NAMED = re.compile(
    r"(?i)(\b(?:ApplePass|Bearer|token|pushToken|deviceLibraryIdentifier|authenticationToken)\b[\"']?\s*[:=]?\s*[\"']?)"
    r"[A-Za-z0-9+/_=.-]{4,}"
)
_DEVICE = re.compile(r"(?i)(/devices/)[^/\s]+")
_LINK = re.compile(r"(/[pu]/)[^/\s]+")
_LEFT_OUT = "…"


def cleaned(line: str, chars_max: int) -> str:
    """A line as it may be kept: printable, no longer than that, without tokens and ids of devices. Serial numbers of
    passes stay."""
    shown = "".join(letter if letter.isprintable() else " " for letter in line[: 4 * chars_max])
    for pattern in (_DEVICE, _LINK, _NAMED):
        shown = pattern.sub(rf"\1{_LEFT_OUT}", shown)
    shown = _SECRET.sub(_kept, shown)
    return " ".join(shown.split())[:chars_max]


def serial_in(line: str) -> str:
    """The first serial number of a pass that it names; empty: none."""
    found = SERIAL.search(line)
    return found[0] if found else ""


def _kept(found: re.Match[str]) -> str:
    text = found[0]
    # A path is not a secret for its length alone: each of its parts is looked at.
    if "/" in text:
        return "/".join(_kept_part(part) for part in text.split("/"))
    return _kept_part(text)


def _kept_part(part: str) -> str:
    if SERIAL.fullmatch(part) or len(part) < 20 or (part.isalpha() and (part.islower() or part.istitle())):
        return part
    return _LEFT_OUT
