"""A card as a file: pass.json, its words and images, the manifest of their hashes, the signature of that; zipped.

Cards are built when somebody asks, and kept nowhere. Equal content makes an equal manifest; only the signature says
when it was made. The zip is written by hand: zipfile alone takes as long as the signature.
"""

import hashlib
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from threading import Lock

from rules.passes.content import Content
from wallet.apple.certificates import AppleAccount
from wallet.apple.localization import Strings, folders, image_files, strings_file
from wallet.apple.passjson import NEVER_UPDATED, Service, encoded, shown_roles, write
from wallet.failures import WalletError

MEDIA_TYPE = "application/vnd.apple.pkpass"
BUNDLE_MEDIA_TYPE = "application/vnd.apple.pkpasses"
# Apple's limits of a bundle.
BUNDLE_MAX = 10
BUNDLE_MAX_BYTES = 150_000_000

# The images of some hundred templates: they are read once, hashed once.
_IMAGES_KEPT_BYTES = 64 << 20
# A card has a set of words; they change with rewards and coupons, never with balances.
_STRINGS_KEPT = 1_024
# Files of some KB: with the window and the memory of large ones, most of the time goes into clearing them.
_WINDOW_BITS, _MEMORY_LEVEL = 12, 6
_STORED, _DEFLATED = 0, 8
# 1980-01-01 00:00, the first instant that a zip knows.
_TIME, _DATE = 0, 0x21
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHI")
_END = struct.Struct("<4sHHHHIIH")
_VERSION, _UNIX, _READABLE = 20, 3 << 8, 0o100644 << 16
_UTF_8 = 0x800


class ImageMissing(WalletError):
    """The card shows an image {sha256} that is not there: upload it again."""


class TooManyPasses(WalletError):
    """A file holds up to {passes_max} cards and {bytes_max} bytes: send the others in another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a zip, as its parts have it: what stands before its data, and its line of the directory, but for where
    the file begins and its name. `line` is what a manifest says of it."""

    name: str
    local: bytes
    data: bytes
    central: bytes
    encoded: bytes
    line: str


def entry(name: str, content: bytes, *, is_packed: bool = False) -> Entry:
    """A file; what `is_packed` already, such as an image, or hardly packs, such as hashes, is stored."""
    data, method = (content, _STORED) if is_packed else (_deflated(content), _DEFLATED)
    encoded = name.encode()
    about = (_VERSION, _UTF_8, method, _TIME, _DATE, zlib.crc32(content), len(data), len(content), len(encoded), 0)
    local = _LOCAL.pack(b"PK\3\4", *about) + encoded
    central = _CENTRAL.pack(b"PK\1\2", _UNIX | _VERSION, *about, 0, 0, 0, _READABLE)
    line = f'"{name}":"{hashlib.sha1(content).hexdigest()}"'  # noqa: S324 - the format says SHA-1
    return Entry(name, local, data, central, encoded, line)


def archive(entries: Iterable[Entry]) -> bytes:
    """The zip of some files, in order of their names, with no date."""
    parts: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for one in sorted(entries, key=_name):
        parts += (one.local, one.data)
        central += (one.central, offset.to_bytes(4, "little"), one.encoded)
        offset += len(one.local) + len(one.data)
    directory = b"".join(central)
    count = len(central) // 3
    return b"".join((*parts, directory, _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), offset, 0)))


def manifest(entries: Iterable[Entry]) -> bytes:
    """SHA-1 by path, in order: what is signed."""
    return f"{{{','.join(sorted(one.line for one in entries))}}}".encode()


def build(
    content: Content, images: Callable[[str], bytes], account: AppleAccount, service: Service = NEVER_UPDATED
) -> bytes:
    """The card as Apple Wallet takes it. `images` answers an image by its SHA-256, and is asked once for each.

    Raises ImageMissing where it raises LookupError.
    """
    entries = files(content, images, account.pass_type, account.team, service)
    listed = manifest(entries)
    signed = (entry("manifest.json", listed, is_packed=True), entry("signature", account.sign(listed), is_packed=True))
    return archive((*entries, *signed))


def files(
    content: Content, images: Callable[[str], bytes], pass_type: str, team: str, service: Service
) -> Sequence[Entry]:
    """All but the manifest and its signature."""
    written = write(content, pass_type, team, service)
    default = content.default_language
    languages = folders(written.strings, content.images, default)
    found = [entry("pass.json", encoded(written))]
    if written.strings:
        found += [_strings(written.strings, language, default) for language in languages]
    found += [
        _images.entry(path, sha256, images)
        for path, sha256 in image_files(content.images, shown_roles(content.kind), languages, default).items()
    ]
    return found


def bundle(passes: Sequence[bytes]) -> bytes:
    """Several cards as one file, a `.pkpasses`, which a phone offers to add at once. Raises TooManyPasses."""
    if len(passes) > BUNDLE_MAX or sum(map(len, passes)) > BUNDLE_MAX_BYTES:
        raise TooManyPasses(passes_max=BUNDLE_MAX, bytes_max=f"{BUNDLE_MAX_BYTES:,}")
    return archive(entry(f"{number:02}.pkpass", one, is_packed=True) for number, one in enumerate(passes, 1))


class _Images:
    """Images as files of a zip, those asked for last, by path and content: the same for every process and template."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self._lock = Lock()

    def entry(self, path: str, sha256: str, images: Callable[[str], bytes]) -> Entry:
        """An image under a path. Raises ImageMissing."""
        with self._lock:
            kept = self._kept.get((path, sha256))
            if kept is not None:
                self._kept.move_to_end((path, sha256))
                return kept
        try:
            made = entry(path, images(sha256), is_packed=True)
        except LookupError:
            raise ImageMissing(sha256=sha256) from None
        with self._lock:
            if (path, sha256) not in self._kept:
                self._kept[path, sha256] = made
                self._bytes += len(made.data)
            while self._bytes > self._bytes_max:
                self._bytes -= len(self._kept.popitem(last=False)[1].data)
        return made


_images = _Images(_IMAGES_KEPT_BYTES)


@lru_cache(_STRINGS_KEPT)
def _strings(strings: Strings, language: str, default_language: str) -> Entry:
    return entry(f"{language}.lproj/pass.strings", strings_file(strings, language, default_language))


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-_WINDOW_BITS, memLevel=_MEMORY_LEVEL)
    return packer.compress(content) + packer.flush()


_name = attrgetter("name")
