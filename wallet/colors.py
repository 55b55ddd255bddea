"""Colours of designs, for pages and mails."""

import re

DARK, LIGHT = "#18181b", "#ffffff"

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
# WCAG 2.2, 1.4.3: less is hard to read for many.
CONTRAST_MIN = 4.5


def color(given: str) -> str:
    """A colour as it was given; empty where it is none, so that nothing else comes into a style sheet."""
    return given if _COLOR.fullmatch(given) else ""


def letters_on(background: str) -> str:
    """The colour of letters that can be read on another."""
    return max((DARK, LIGHT), key=lambda letters: contrast(letters, background))


def readable(letters: str, background: str) -> str:
    """The colour of letters that a design wants on a background, empty for none; another where it cannot be read."""
    if letters and contrast(letters, background) >= CONTRAST_MIN:
        return letters
    return letters_on(background)


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2.2 measures it: from 1, the same, to 21."""
    darker, brighter = sorted((_luminance(one), _luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(given: str) -> float:
    shares = (int(given[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)
