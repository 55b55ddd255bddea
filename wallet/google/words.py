"""What cards say, in Google's form of it: words in all of their languages, numbers and instants written out.

Google's phones write points by themselves; whatever else a field shows goes to them as text.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from rules.money import minor_digits
from rules.passes.content import Amount, Money, Value, in_language
from rules.passes.designs import Text

# Thousands are kept apart by a narrow space, which is read alike in all languages: 1,250 is not.
_APART = "\u202f"
_INT32_MAX = (1 << 31) - 1


def plain(value: Value, default: str, zone: tzinfo) -> str:
    """A value as text, words in the default language, instants as the clocks of `zone` show them."""
    if isinstance(value, Amount):
        return _number(value.units, value.decimals)
    if isinstance(value, Money):
        return f"{_number(value.minor, minor_digits(value.currency_code))} {value.currency_code}"
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return in_language(value, default, default)


def localized(text: Text, default: str) -> dict[str, Any]:
    """Words in all of their languages, as a LocalizedString."""
    others = [{"language": language, "value": words} for language, words in text if language != default]
    return {
        "defaultValue": {"language": default, "value": in_language(text, default, default)},
        # Always there: an update leaves out none that the last one had.
        "translatedValues": others,
    }


def if_several(text: Text, default: str) -> dict[str, Any] | None:
    """The same where there are words in more than one language; the plain field beside it says the others."""
    return localized(text, default) if len(text) > 1 else None


def module(key: str, label: Text, value: Value, default: str, zone: tzinfo) -> Mapping[str, Any]:
    """A field as one entry of textModulesData."""
    words = () if isinstance(value, Amount | Money | datetime) else value
    made = {
        "id": key,
        "header": in_language(label, default, default),
        "localizedHeader": if_several(label, default),
        "body": plain(value, default, zone),
        "localizedBody": if_several(words, default),
    }
    # Lists are replaced whole: what an entry does not say is gone.
    return {name: said for name, said in made.items() if said}


def points(label: Text, value: Value, default: str, zone: tzinfo) -> dict[str, Any]:
    """A balance as LoyaltyPoints. Whole numbers are written by the phone, as far as Google's 32 bits go."""
    whole = isinstance(value, Amount) and not value.decimals and abs(value.units) <= _INT32_MAX
    return {
        "label": in_language(label, default, default) or None,
        "localizedLabel": if_several(label, default),
        # Of the two one is said, and an update takes away the other.
        "balance": {
            "int": value.units if whole and isinstance(value, Amount) else None,
            "string": None if whole else plain(value, default, zone),
        },
    }


def _number(units: int, decimals: int) -> str:
    whole, part = divmod(abs(units), 10**decimals)
    shown = f"{whole:,}".replace(",", _APART)
    return ("-" if units < 0 else "") + (f"{shown}.{part:0{decimals}}" if decimals else shown)
