"""Which properties the events of a name have: counted by name and type for each stretch of a partition. Pure.

The log is cut into stretches of a fixed number of offsets. What a stretch holds depends on the surviving events in it
alone, in log order, so after an erasure it can be counted again from a bounded number of rows. The bound on how many
properties are itemised is kept in each stretch for itself, so it does not depend on what was erased elsewhere.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from schemas.canonical import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.records import RawJson

STRETCH: Final = 16_384
"""Offsets a stretch: the most rows that an erasure reads again for a name and stretch that it touches."""

MOST: Final = 100
"""Property names itemised for a name and stretch, the first in the log; `others` counts the rest."""

LONGEST: Final = 128
"""Characters of a property name that is itemised."""

_TYPES: Final[dict[type, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
_BY_FIRST_BYTE: Final = {
    ord('"'): str,
    ord("t"): bool,
    ord("f"): bool,
    ord("{"): dict,
    ord("["): list,
    ord("n"): type(None),
}

_object: Final = msgspec.json.Decoder(dict[str, Any])
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class StretchKey(NamedTuple):
    """A name in a stretch; `stretch` is the offset divided by STRETCH."""

    log_partition: int
    workspace_id: int
    name: str
    stretch: int


class Occurrence(NamedTuple):
    """What is counted of an event."""

    log_partition: int
    log_offset: int
    workspace_id: int
    name: str
    received_at: datetime
    properties: RawJson


Shape: TypeAlias = tuple[Any, ...]
"""The names of the properties in the order written, then their Python types; `(None,)` for what cannot be read."""


class Seen(msgspec.Struct):
    """How often, and received when."""

    count: int
    first: datetime
    last: datetime

    def widen(self, first: datetime, last: datetime) -> None:
        """Take further moments in."""
        self.first = min(self.first, first)
        self.last = max(self.last, last)


class Group(msgspec.Struct):
    """Events of one shape; sizes are bytes."""

    shape: Shape
    seen: Seen
    smallest: int
    largest: int


Groups: TypeAlias = "dict[StretchKey, list[Group]]"
"""Of each key its groups in the order in which their first event stands in the log."""


class Stretch(msgspec.Struct):
    """A name in a stretch. `seen` is by property name and type; sizes are bytes.

    With `recount` set only the count is right, and the rest waits to be counted again.
    """

    count: int = 0
    smallest: int = 0
    largest: int = 0
    others: int = 0
    seen: dict[tuple[str, str], Seen] = {}
    recount: bool = False

    def add(self, group: Group) -> None:
        """Fold a group in; groups come in log order."""
        if self.count:
            self.smallest, self.largest = min(self.smallest, group.smallest), max(self.largest, group.largest)
        else:
            self.smallest, self.largest = group.smallest, group.largest
        self.count += group.seen.count
        itemised = {name for name, _ in self.seen}
        for name, type_ in _itemise(group.shape):
            if name is None or (name not in itemised and len(itemised) >= MOST):
                self.others += group.seen.count
                continue
            itemised.add(name)
            if (found := self.seen.get((name, type_))) is None:
                self.seen[name, type_] = Seen(group.seen.count, group.seen.first, group.seen.last)
            else:
                found.count += group.seen.count
                found.widen(group.seen.first, group.seen.last)

    def subtract(self, groups: Iterable[Group]) -> bool:
        """Take erased events out; False when what is left has to be counted again, and this is of no use any more.

        Counts can be subtracted. Where the first, the last, the smallest or the largest went, or where not all is
        itemised, only the surviving events say what comes in its place.
        """
        if self.others:
            return False
        touched = False
        for group in groups:
            self.count -= group.seen.count
            touched |= group.smallest == self.smallest or group.largest == self.largest
            for name, type_ in _itemise(group.shape):
                if name is None or (found := self.seen.get((name, type_))) is None or found.count < group.seen.count:
                    return False
                found.count -= group.seen.count
                if not found.count:
                    del self.seen[name, type_]
                else:
                    touched |= group.seen.first == found.first or group.seen.last == found.last
        return not touched or not self.count


def group_events(events: Iterable[Occurrence]) -> Groups:
    """Group events, given in log order, by name, stretch and shape: few groups however many events there are."""
    found: dict[Shape, Group] = {}
    for partition, offset, workspace_id, name, received_at, properties in events:
        size = len(properties) if properties.isascii() else len(properties.encode())
        shape = _shape(properties, size)
        key = (partition, workspace_id, name, offset // STRETCH, *shape)
        group = found.get(key)
        if group is None:
            found[key] = Group(shape, Seen(1, received_at, received_at), size, size)
            continue
        seen = group.seen
        seen.count += 1
        if received_at > seen.last:
            seen.last = received_at
        elif received_at < seen.first:
            seen.first = received_at
        if size > group.largest:
            group.largest = size
        elif size < group.smallest:
            group.smallest = size
    groups: Groups = {}
    for key, group in found.items():
        groups.setdefault(StretchKey(*key[:4]), []).append(group)
    return groups


def add_groups(known: Mapping[StretchKey, Stretch], groups: Groups) -> dict[StretchKey, Stretch]:
    """Fold groups into what is known of their keys; the stretches as they now are."""
    stretches = {}
    for key, of_key in groups.items():
        stretch = stretches[key] = known.get(key) or Stretch()
        for group in of_key:
            stretch.add(group)
    return stretches


def _shape(properties: RawJson, size: int) -> Shape:
    """Tell names and types; the same for a text however deep the stack is at the time."""
    if size > MAX_DEPTH * 2 and _deep(properties):
        return (None,)
    try:
        members = _object.decode(properties)
        return (*members, *map(type, members.values()))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:  # such as a number that no float can hold: its type is plain all the same
        raw = _members.decode(properties)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (None,)
    return (*raw, *(_BY_FIRST_BYTE.get(bytes(value).lstrip()[0], float) for value in raw.values()))


def _deep(properties: RawJson) -> bool:
    """Tell what is nested too deeply to be looked at. Brackets in texts count too: the same for all is enough."""
    return properties.count("[") + properties.count("{") > MAX_DEPTH and _depth(properties) > MAX_DEPTH


def _depth(properties: RawJson) -> int:
    deepest = depth = 0
    for character in properties:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _itemise(shape: Shape) -> Iterable[tuple[str | None, str]]:
    """Give the properties of a shape, with None for the name of what is not itemised in any case."""
    if shape == (None,):
        return [(None, "")]
    half = len(shape) // 2
    return [
        (name if len(name) <= LONGEST else None, _TYPES[type_])
        for name, type_ in zip(shape[:half], shape[half:], strict=True)
    ]
