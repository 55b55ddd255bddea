"""What records of pass templates say of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from rules.activity import Change
from rules.passes.designs import Design, Text


def told(display_name: str, design: Design) -> dict[str, Any]:
    """What every record of a template says of it."""
    return {"called": display_name, "kind": design.kind.value}


def flat(display_name: str, design: Design) -> dict[str, Any]:
    """As a record has it, each part by a name of its own: fields by their keys, texts by their languages."""
    plain = msgspec.to_builtins(replace(design, description=(), logo_text=(), images=(), fields=()))
    shown: dict[str, Any] = {"display_name": display_name}
    shown |= {f"design.{part}": value for part, value in plain.items() if not isinstance(value, dict | list)}
    shown |= {f"design.colors.{part}": color for part, color in plain["colors"].items()}
    shown |= {f"design.barcode.{part}": value for part, value in (plain["barcode"] or {}).items()}
    shown |= _by_language("design.description", design.description)
    shown |= _by_language("design.logo_text", design.logo_text)
    for image in design.images:
        place = ".".join(filter(None, (image.role.value, str(image.scale), image.language_code)))
        shown[f"design.images.{place}"] = image.sha256
    shown["design.fields"] = [field.key for field in design.fields]
    for field in design.fields:
        path = f"design.fields.{field.key}"
        shown |= {f"{path}.slot": field.slot.value, f"{path}.source": field.source.value}
        shown |= _by_language(f"{path}.label", field.label)
        shown |= _by_language(f"{path}.text", field.text)
        shown |= _by_language(f"{path}.change_message", field.change_message)
    return {path: value for path, value in shown.items() if value not in ("", [], None)}


def _by_language(path: str, text: Text) -> dict[str, str]:
    return {f"{path}.{language}": words for language, words in text}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What changed from one to the other."""
    changed = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    return [Change(path, before.get(path), after.get(path)) for path in changed]
