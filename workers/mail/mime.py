"""A mail as bytes: headers, words as text and as HTML with its pictures, a file. The same values make the same bytes.

Written by hand: the library's own objects parse and fold each header of each part, which takes ten times as long as
building and signing the card that a mail brings; and they draw boundaries by chance. All of it is seven bits wide, so
that it passes every server on the way. Sources: RFC 5322, 2045, 2047, 2046 (5.1), 2387.
"""

from base64 import b64encode
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable, Mapping
from typing import NamedTuple

# Of a header that is written as it is; longer ones are cut into encoded words.
_PLAIN_MAX = 60
# What base64 makes 56 letters of: a line is `Subject: ` and an encoded word of 68, and has 78 at most.
_WORD_BYTES = 42
_LINE = 76


class File(NamedTuple):
    """What is attached; its name is ASCII without quotes."""

    name: str
    media_type: str
    content: bytes


class Body(NamedTuple):
    """The words of a mail; `images` are PNGs that the HTML shows, by their Content-ID."""

    text: str
    html: str
    images: Mapping[str, bytes] = {}
    file: File | None = None


def write(headers: Iterable[tuple[str, str]], body: Body, boundary: str) -> bytes:
    """The mail. Headers are ASCII; `boundary` occurs in no body, and may end in more."""
    lines = b"".join(f"{name}: {value}\r\n".encode("ascii") for name, value in headers)
    return lines + b"MIME-Version: 1.0\r\n" + _content(body, boundary)


def words(text: str) -> str:
    """A text as the value of a header, on one line or several: whatever is in it, it begins no header."""
    shown = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if shown.isascii() and len(shown) <= _PLAIN_MAX and "=?" not in shown:
        return shown
    pieces: list[bytes] = [b""]
    for letter in shown:
        encoded = letter.encode("utf-8", "replace")
        if len(pieces[-1]) + len(encoded) > _WORD_BYTES:
            pieces.append(b"")
        pieces[-1] += encoded
    return "\r\n ".join(f"=?utf-8?b?{b64encode(piece).decode()}?=" for piece in pieces)


def _content(body: Body, boundary: str) -> bytes:
    if body.file is None:
        return _alternative(body, boundary)
    file = body.file
    attached = _base64(file.media_type, file.content, f'attachment; filename="{file.name}"')
    return _multipart("mixed", f"{boundary}.m", [_alternative(body, boundary), attached])


def _alternative(body: Body, boundary: str) -> bytes:
    html = _words("html", body.html)
    if body.images:
        images = [
            _base64("image/png", image, f'inline; filename="{name}.png"', f"Content-ID: <{name}>\r\n".encode())
            for name, image in body.images.items()
        ]
        html = _multipart("related", f"{boundary}.r", [html, *images], '; type="text/html"')
    return _multipart("alternative", boundary, [_words("plain", body.text), html])


def _multipart(kind: str, boundary: str, parts: list[bytes], more: str = "") -> bytes:
    line = b"--" + boundary.encode()
    head = f'Content-Type: multipart/{kind}{more};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    return head + b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def _words(kind: str, text: str) -> bytes:
    # With the break at its end: by it the library tells which kind of breaks it is to make.
    lines = b"\r\n".join((*text.encode("utf-8", "replace").splitlines(), b""))
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode() + b2a_qp(lines or b"\r\n")


def _base64(media_type: str, content: bytes, disposition: str, more: bytes = b"") -> bytes:
    packed = b2a_base64(content, newline=False)
    lines = b"\r\n".join(packed[start : start + _LINE] for start in range(0, len(packed), _LINE))
    head = f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: {disposition}\r\n"
    return head.encode() + more + b"\r\n" + lines + b"\r\n"
