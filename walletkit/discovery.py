"""What Google's Wallet API takes, by its own discovery document (walletobjects.json; see NOTICE).

The document says names, types, ranges and enumerations, and in its descriptions what is required. That an update may
say null, to take something away, it does not say; Google's guide does.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

_INT32 = {"minimum": -(1 << 31), "maximum": (1 << 31) - 1}
_INT64_TEXT = {"pattern": r"^-?[0-9]{1,19}$"}


def faults(schema: str, body: Any, is_patch: bool) -> list[str]:
    """Everything about a body that Google would refuse, as `/path: what`; for a patch, of which parts may be missing or
    null."""
    found = _validator(schema, is_patch).iter_errors(body)
    return sorted(f"/{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found)


def document() -> dict[str, Any]:
    """The discovery document."""
    loaded: dict[str, Any] = json.loads((files("walletkit") / "walletobjects.json").read_bytes())
    return loaded


@cache
def _validator(schema: str, is_patch: bool) -> Draft202012Validator:
    return Draft202012Validator({"$ref": _place(schema, is_patch), "$defs": _definitions()})


@cache
def _definitions() -> dict[str, Any]:
    """Each schema twice: as it is inserted, and as it is patched."""
    schemas = document()["schemas"]
    whole = {name: _whole(schema) for name, schema in schemas.items()}
    return {**whole, **{f"{name}.patch": _patch(schema) for name, schema in schemas.items()}}


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {
        "type": "object",
        "properties": {name: _value(value, False) for name, value in properties.items()},
        "required": [name for name, value in properties.items() if _is_required(value)],
        "additionalProperties": False,
    }


def _patch(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {
        "type": "object",
        "properties": {
            # Not anyOf: then it is said what is wrong with a value that is not null.
            name: {"if": {"type": "null"}, "else": _value(value, True)}
            for name, value in properties.items()
        },
        "additionalProperties": False,
    }


def _is_required(value: dict[str, Any]) -> bool:
    return str(value.get("description", "")).startswith("Required.")


def _value(value: dict[str, Any], is_patch: bool) -> dict[str, Any]:
    if "$ref" in value:
        return {"$ref": _place(value["$ref"], is_patch)}
    if value["type"] == "array":
        # Arrays are replaced whole, so their items are whole in a patch, too.
        return {"type": "array", "items": _value(value["items"], False)}
    made: dict[str, Any] = {"type": value["type"]} if value["type"] != "any" else {}
    if "enum" in value:
        made["enum"] = value["enum"]
    if value.get("format") == "int32":
        made |= _INT32
    if value.get("format") in ("int64", "uint64") and value["type"] == "string":
        made |= _INT64_TEXT
    return made


def _place(schema: str, is_patch: bool) -> str:
    return f"#/$defs/{schema}.patch" if is_patch else f"#/$defs/{schema}"
