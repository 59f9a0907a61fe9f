"""Finds properties whose value is of another type than in the events of that name so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FEWEST: Final = 10
"""Values from which on a property has a type."""

USUAL: Final = 0.9
"""Share of the values: a few wrong ones must not silence the warning about the next."""

_SAID: Final = {
    "string": "a text",
    "number": "a number",
    "boolean": "a boolean",
    "object": "an object",
    "array": "a list",
}


class _AnyObject(msgspec.Struct, gc=False):
    """An object, whatever is in it: nothing of it is kept."""


_ACCEPTED: Final[dict[str, Any]] = {
    "string": str | None,
    "number": int | float | None,
    "boolean": bool | None,
    "object": _AnyObject | None,
    "array": list[msgspec.Raw] | None,
}
_anything = msgspec.json.Decoder()


class Usual(NamedTuple):
    """The usual type of a property: of `total` values, `so_many` were of it."""

    type: str
    so_many: int
    total: int


class PropertyTypes:
    """The usual types of one name's properties. Checking events that keep to them costs half a microsecond each."""

    def __init__(self, usual: Mapping[str, Usual]) -> None:
        self._usual = usual
        fields = {f"p{number}": name for number, name in enumerate(usual)}
        types = [(field, _ACCEPTED[usual[name].type], None) for field, name in fields.items()]
        shape = msgspec.defstruct("Properties", types, rename=fields, gc=False)
        self._keeps_to_it = msgspec.json.Decoder(shape).decode

    def others(self, properties: str) -> list[tuple[str, str, Usual]]:
        """Give the properties of another type, each with its type here and the usual one; null is of every type."""
        try:
            self._keeps_to_it(properties)
        except msgspec.ValidationError:
            given: dict[str, Any] = _anything.decode(properties)
            kinds = [(name, kind(given[name]), usual) for name, usual in self._usual.items() if name in given]
            return [each for each in kinds if each[1] not in ("null", each[2].type)]
        return []


def usual_types(seen: Iterable[tuple[str, str, int]], most: int) -> PropertyTypes | None:
    """Tell the usual types from (property, type, count); None where no property has one."""
    counts: dict[str, dict[str, int]] = {}
    for name, type_, count in seen:
        if type_ in _ACCEPTED:
            counts.setdefault(name, {})[type_] = count
    usual: dict[str, Usual] = {}
    for name, of_type in sorted(counts.items(), key=lambda item: -sum(item[1].values())):
        total = sum(of_type.values())
        type_ = max(of_type, key=of_type.__getitem__)
        if total >= FEWEST and of_type[type_] >= USUAL * total and len(usual) < most:
            usual[name] = Usual(type_, of_type[type_], total)
    return PropertyTypes(usual) if usual else None


def kind(value: object) -> str:
    """Name the JSON type of a value."""
    if value is None:
        return "null"
    kinds = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}
    return kinds.get(type(value), "object")


def said(type_: str) -> str:
    """Say a type in words."""
    return _SAID[type_]
