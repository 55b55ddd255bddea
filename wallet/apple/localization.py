"""Words and images by language, as a card carries them: a folder `xx.lproj` a language, each with the same files.

A text stands in pass.json in the default language, and those words are the key under which `pass.strings` of each
language has its own: a phone whose language the card does not have shows the default, and one that compares a value
with the one before sees that it changed.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from rules.passes.content import in_language
from rules.passes.designs import Image, ImageRole, Text

# Shown as nothing: tells two texts apart that are the same in the default language and differ in another.
_APART = "\u2060"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_NAMES = {
    ImageRole.ICON: "icon",
    ImageRole.LOGO: "logo",
    ImageRole.STRIP: "strip",
    ImageRole.THUMBNAIL: "thumbnail",
}  # Enough for all that are in use at a time; each is some KB.
_DESIGNS_KEPT = 256

Strings = tuple[tuple[str, Text], ...]


class Words:
    """Collects the texts of a card, and gives each what pass.json says in its place."""

    def __init__(self, default_language: str) -> None:
        self._default = default_language
        self._said: dict[str, Text] = {}

    def say(self, text: Text) -> str:
        """The default words of a text, empty where it is."""
        if not text:
            return ""
        key = text[0][1] if len(text) == 1 else in_language(text, self._default, self._default)
        while self._said.setdefault(key, text) != text:
            key += _APART
        return key

    @property
    def strings(self) -> Strings:
        """What has to be looked up: words that others have too, or that another language says otherwise."""
        return tuple(pair for pair in self._said.items() if len(pair[1]) > 1 or pair[0] != pair[1][0][1])


def folders(strings: Strings, images: Iterable[Image], default_language: str) -> tuple[str, ...]:
    """The languages that a card has a folder for, in order; none where it says all in one."""
    found = {language for _, text in strings if len(text) > 1 for language, _ in text}
    found |= {image.language_code for image in images if image.language_code}
    return tuple(sorted(found | {default_language})) if strings or found else ()


def strings_file(strings: Strings, language: str, default_language: str) -> bytes:
    """`pass.strings` of a language. Every language has every key."""
    lines = (
        f'"{key.translate(_ESCAPES)}" = "{in_language(text, language, default_language).translate(_ESCAPES)}";\n'
        for key, text in strings
    )
    return "".join(lines).encode()


@lru_cache(_DESIGNS_KEPT)
def image_files(
    images: tuple[Image, ...], roles: frozenset[ImageRole], languages: tuple[str, ...], default: str
) -> Mapping[str, str]:
    """SHA-256 by path, of the images that a kind of card shows. What one language has an image of its own for, every
    folder has, and the card itself for languages without one."""
    by_file: dict[str, dict[str, str]] = {}
    for image in images:
        if image.role in roles:
            by_file.setdefault(_file(image), {})[image.language_code] = image.sha256
    return {
        f"{language}.lproj/{name}" if language else name: _of_language(variants, language, default)
        for name, variants in by_file.items()
        for language in _where(variants, languages)
    }


def _file(image: Image) -> str:
    return f"{_NAMES[image.role]}{'' if image.scale == 1 else f'@{image.scale}x'}.png"


def _where(variants: Mapping[str, str], languages: Iterable[str]) -> Iterator[str]:
    yield ""
    if any(variants):
        yield from languages


def _of_language(variants: Mapping[str, str], language: str, default: str) -> str:
    """That of the language; else the one for all, the default language's, any."""
    for choice in (language, "", default):
        if choice in variants:
            return variants[choice]
    return next(iter(variants.values()))
