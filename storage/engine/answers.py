"""How the answer to a request is kept: as JSON, by the names of its fields, so that another release can read it.

    {"v": 1, "activity": "0199…", "value": {"points": 100, "state": "PENDING", …, "balance": {"decimals": 0, …}}}

The value is a NamedTuple, with others in it. A field that is added has a default: that is what it has where it was not
kept. What a newer server kept besides is left out. Any other change of a type is declared with `changed`.
"""

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct, ValidationError, convert, defstruct, json

Value = TypeVar("Value")
# From the fields of a value that one version kept, as JSON has them, to those of the next.
Upgrade = Callable[[Mapping[str, Any]], Mapping[str, Any]]

# What the version of a type that was changed is kept under. No field of a NamedTuple begins with an underscore.
VERSION = "_v"


class AnswerUnreadable(Exception):
    """What was asked for was done, and is not done again; but this version of Fealty cannot read what was answered."""


class Shape(NamedTuple):
    """How values of a type are kept: `pack` makes of one what is written by names, `unpack` of what was kept so what
    is read by position, as msgspec has it."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


# Of each NamedTuple that was kept or read so far, and of those in it.
SHAPES: dict[type[Any], Shape] = {}


def keep(value: Any, activity: str | None) -> str:
    """An answer as it is kept."""
    return json.encode(_Kept(activity, shape(type(value)).pack(value))).decode()


def read(kept: str, kind: type[Value]) -> tuple[Value, str | None]:
    """The value and the activity of a kept answer, of whatever version. Raises AnswerUnreadable."""
    try:
        if kept.startswith("["):
            # By position, as all were kept before they had names.
            value, activity = json.decode(kept)
        else:
            found = _DECODER.decode(kept)
            value, activity = shape(kind).unpack(found.value), found.activity
        return convert(value, kind, str_keys=True), activity
    except ValidationError as error:
        raise AnswerUnreadable(f"{kind.__name__}: {error}") from error


def changed(upgrades: Mapping[int, Upgrade]) -> Callable[[type[Value]], type[Value]]:
    """Declares that a type was kept otherwise before, and how the fields of each version become those of the next.

        @changed({1: lambda was: {**was, "settings_version": was["policy_version"]}})
        class Decided(NamedTuple): ...

    Servers of before cannot read what is kept from then on: say so in a migration (OLDEST_SERVER). When no answer of a
    version is kept any more its upgrade may go, but for the last one, which gives the type its version.

    Answers that were kept by position have no versions. Until they are gone, a field may be renamed in its place, or
    added as the last; nothing else.
    """

    def declare(kind: type[Value]) -> type[Value]:
        _UPGRADES[kind] = upgrades
        return kind

    return declare


def shape(kind: type[Any]) -> Shape:
    """How a NamedTuple is kept. Raises TypeError where something in it would be kept by position."""
    if kind not in SHAPES:
        SHAPES[kind] = _shape(kind)
    return SHAPES[kind]


class _Kept(Struct, tag_field="v", tag=1, gc=False):
    activity: str | None
    value: Any


_DECODER = json.Decoder(_Kept)
_PLAIN = Shape(lambda found: found, lambda kept: kept)
_UPGRADES: dict[type[Any], Mapping[int, Upgrade]] = {}


def _shape(kind: Any) -> Shape:
    if not _is_named(kind):
        raise TypeError(f"the value of an answer is a NamedTuple; {kind.__name__} is none")
    hints, fields = get_type_hints(kind), kind._fields
    parts = {name: _part(hints[name], f"{kind.__name__}.{name}") for name in fields}
    nested = [(place, parts[name]) for place, name in enumerate(fields) if parts[name] is not _PLAIN]
    defaults = {
        name: json.decode(json.encode(parts[name].pack(default))) for name, default in kind._field_defaults.items()
    }
    # A Struct is made and written in less than half the time that a dict takes.
    tag: dict[str, Any] = {"tag_field": VERSION, "tag": _version(kind)} if kind in _UPGRADES else {}
    packed = defstruct(kind.__name__, [(name, Any) for name in fields], gc=False, **tag)

    def pack(value: Any) -> Any:
        found = list(value)
        for place, part in nested:
            found[place] = part.pack(found[place])
        return packed(*found)

    def unpack(kept: Any) -> Any:
        named = {**defaults, **_of_today(kind, kept)}
        try:
            found = [named[name] for name in fields]
        except KeyError as missing:
            raise AnswerUnreadable(f"{kind.__name__} was kept without {missing}, which has no default") from missing
        for place, part in nested:
            found[place] = part.unpack(found[place])
        return found

    return Shape(pack, unpack)


def _version(kind: type[Any]) -> int:
    return max(_UPGRADES.get(kind, {}), default=0) + 1


def _of_today(kind: type[Any], kept: Any) -> Mapping[str, Any]:
    """The fields of a value that was kept, as its type has them now."""
    if not isinstance(kept, dict):
        raise AnswerUnreadable(f"{kind.__name__} was kept as {type(kept).__name__}")
    fields: Mapping[str, Any] = kept
    was, version = fields.get(VERSION, 1), _version(kind)
    if was > version:
        raise AnswerUnreadable(f"{kind.__name__} was kept in version {was}, by a newer server")
    for earlier in range(was, version):
        if earlier not in _UPGRADES[kind]:
            raise AnswerUnreadable(f"{kind.__name__} was kept in version {earlier}, which nobody reads any more")
        fields = _UPGRADES[kind][earlier](fields)
    return fields


def _part(hint: Any, where: str) -> Shape:
    """How a field is kept: the NamedTuples in it by names, all else as JSON has it."""
    if _is_named(hint):
        return shape(hint)
    if not _holds_named(hint):
        return _PLAIN
    inner = [one for one in get_args(hint) if one not in (NoneType, Ellipsis)]
    origin = get_origin(hint)
    if len(inner) == 1 and origin in (Union, UnionType, list, tuple):
        pack, unpack = _part(inner[0], where)
        if origin in (list, tuple):
            return Shape(lambda found: [pack(one) for one in found], lambda kept: [unpack(one) for one in kept])
        return Shape(
            lambda found: None if found is None else pack(found), lambda kept: None if kept is None else unpack(kept)
        )
    raise TypeError(f"{where} would be kept by position in {hint}")


def _is_named(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def _holds_named(hint: Any) -> bool:
    inner = get_type_hints(hint).values() if is_dataclass(hint) else get_args(hint)
    return _is_named(hint) or any(map(_holds_named, inner))
