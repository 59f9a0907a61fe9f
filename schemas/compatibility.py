"""What a published schema may still become: the rule that lets old readers and old records live on.

A record type has readers that we do not know and records that are never written again. So a newer revision of its JSON
Schema must accept every record that the older one accepted (old records stay readable), and whatever it describes must
be acceptable to the older one (old readers keep working). Together these leave one kind of change: a further optional
property where further properties were allowed. Anything else is a new type with the next version in its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ANNOTATIONS: Final = frozenset({"title", "description", "examples", "$comment"})
"""Keywords that say something to people and nothing to validators."""

_MAPS: Final = ("properties", "$defs")
"""Keywords whose values are schemas by name."""


def breaking_changes(published: Mapping[str, Any], current: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Say, one sentence each, what in `current` would break readers or records of `published`.

    Keywords are compared for equality: a change whose effect would have to be reasoned about is refused.
    """
    for keyword in sorted((published.keys() | current.keys()) - ANNOTATIONS - set(_MAPS) - {"required"}):
        if published.get(keyword) != current.get(keyword):
            before, after = _shown(published, keyword), _shown(current, keyword)
            yield f"{place or '/'}: {keyword} was {before} and is {after}"
    before_required, after_required = set(published.get("required", ())), set(current.get("required", ()))
    for name in sorted(after_required - before_required):
        yield f"{place}/{name} is required now; records written before may lack it"
    for name in sorted(before_required - after_required):
        yield f"{place}/{name} is no longer required; readers rely on it"
    for keyword in _MAPS:
        yield from _maps(published, current, keyword, place)


def _maps(published: Mapping[str, Any], current: Mapping[str, Any], keyword: str, place: str) -> Iterator[str]:
    before, after = published.get(keyword, {}), current.get(keyword, {})
    for name in sorted(before):
        if name not in after:
            yield f"{place}/{name} is gone; readers rely on it"
        else:
            yield from breaking_changes(before[name], after[name], f"{place}/{name}")
    if keyword == "properties" and _closed(published):
        for name in sorted(after.keys() - before.keys()):
            yield f"{place}/{name} is new, where readers were told that nothing else comes"


def _closed(schema: Mapping[str, Any]) -> bool:
    return schema.get("additionalProperties", True) is not True or "maxProperties" in schema


def _shown(schema: Mapping[str, Any], keyword: str) -> str:
    return repr(schema[keyword]) if keyword in schema else "absent"
