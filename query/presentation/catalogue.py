"""The catalogue of event names as its pages show it: lines, near-duplicates, one name with its properties."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from query.catalogue import Catalogue, NameSettings
from query.presentation.contacts import Moment, ago
from query.presentation.names import readable
from query.presentation.near_names import groups
from query.presentation.tones import Tone, tone_shown
from query.presentation.trends import Trend, trend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from query.event_names import EventName, NameDay, PropertyType
    from query.presentation.events import Reader

WEEKS: Final = 12
DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class NameLine:
    """A name in the catalogue. `title` is what agents read; `marks` say in a word each what is set."""

    name: str
    title: str
    href: str
    tone: Tone
    description: str | None
    marks: tuple[str, ...]
    count: int
    last_seen: Moment | None
    trend: Trend
    archived: bool


@dataclass(frozen=True, slots=True)
class Alike:
    """Names that may be meant to be one, the most frequent first, and how to make them one."""

    lines: tuple[NameLine, ...]
    command: str


@dataclass(frozen=True, slots=True)
class TypeShare:
    """One type of a property's values. `since` is set where it came later than another."""

    type: str
    count: int
    share: str
    since: Moment | None
    last_seen: Moment


@dataclass(frozen=True, slots=True)
class PropertyLine:
    """A property with the types of its values; `drifted` when there is more than one, null aside."""

    key: str
    types: tuple[TypeShare, ...]
    drifted: bool


def settings_of(names: Sequence[EventName]) -> Catalogue:
    """Make the catalogue out of the very names that are shown: no older than they are."""
    return Catalogue(
        NameSettings(one.name, one.description, one.alias, one.hidden, one.pinned, one.template, one.tone, one.archived)
        for one in names
    )


def name_href(name: str) -> str:
    """Give the address of a name's page. The name is a parameter, since browsers take `..` in a path for a way up."""
    return f"/event-name?{urlencode({'name': name})}"


def name_lines(names: Sequence[EventName], days: Sequence[NameDay], reader: Reader) -> list[NameLine]:
    """Make a line of each name: pinned first, then the most frequent."""
    catalogue = settings_of(names)
    counts: dict[str, dict[date, int]] = {}
    for day in days:
        counts.setdefault(day.name, {})[day.day] = day.count
    lines = [_line(one, catalogue, counts.get(one.name, {}), reader) for one in names]
    return sorted(lines, key=lambda line: (not catalogue.of(line.name).pinned, -line.count, line.name))


def _line(one: EventName, catalogue: Catalogue, counts: Mapping[date, int], reader: Reader) -> NameLine:
    shown = catalogue.shown(one.name)
    marks = [f"shown as {shown}"] if shown != one.name else []
    marks += [flag for flag in ("hidden", "pinned", "archived") if getattr(one, flag)]
    return NameLine(
        name=one.name,
        title=readable(shown),
        href=name_href(one.name),
        tone=tone_shown(one.name, catalogue),
        description=catalogue.of(one.name).description,
        marks=tuple(marks),
        count=one.count,
        last_seen=ago(one.last_received_at, reader) if one.last_received_at else None,
        trend=trend(counts, reader.now.date(), days=7, slots=WEEKS),
        archived=one.archived,
    )


def matching(lines: Sequence[NameLine], text: str) -> list[NameLine]:
    """Choose the names that have every word of a text in name, title or description."""
    words = text.casefold().split()
    return [
        line
        for line in lines
        if all(word in f"{line.name} {line.title} {line.description or ''}".casefold() for word in words)
    ]


def alike(lines: Sequence[NameLine], catalogue: Catalogue) -> list[Alike]:
    """Find near-duplicates that are not shown as one already; archived ones are no longer of interest."""
    by_name = {line.name: line for line in lines if not line.archived}
    found = []
    for group in groups(sorted(by_name)):
        members = sorted((by_name[name] for name in group), key=lambda line: -line.count)
        best = catalogue.shown(members[0].name)
        others = [line for line in members if catalogue.shown(line.name) != best]
        if others:
            chosen = [line for line in members if line in others or line is members[0]]
            commands = [set_command(line.name, ["--alias", best]) for line in others]
            found.append(Alike(tuple(chosen), "\n".join(commands)))
    return sorted(found, key=lambda one: -one.lines[0].count)


def set_command(name: str, options: Sequence[str]) -> str:
    """Write the command that changes a name, safe to paste into a shell."""
    return shlex.join(
        ["contact-events", "event-names", "set", *options, *(["--"] if name.startswith("-") else []), name]
    )


def curl_command(base_url: str, name: str, change: Mapping[str, object]) -> str:
    """Write the same as a request."""
    address = shlex.quote(f"{base_url}/api/v1/event-names/{quote(name, safe='')}")
    body = shlex.quote(dumps(change, ensure_ascii=False))
    return (
        f'curl -X PATCH {address} \\\n  -H "Authorization: Bearer $API_KEY" -H "Content-Type: application/json"'
        f" \\\n  -d {body}"
    )


def property_lines(found: Sequence[PropertyType], events: int, reader: Reader) -> list[PropertyLine]:
    """Make a line of each property, the most frequent first. A type that came later than the first says since when."""
    by_key: dict[str, list[PropertyType]] = {}
    for one in found:
        by_key.setdefault(one.property, []).append(one)
    lines = [_property(key, types, events, reader) for key, types in by_key.items()]
    return sorted(lines, key=lambda line: -sum(each.count for each in line.types))


def _property(key: str, types: Sequence[PropertyType], events: int, reader: Reader) -> PropertyLine:
    earliest = min(one.first_received_at for one in types)
    shares = [
        TypeShare(
            type=one.type,
            count=one.count,
            share=_share(one.count, events),
            since=ago(one.first_received_at, reader) if one.first_received_at > earliest else None,
            last_seen=ago(one.last_received_at, reader),
        )
        for one in types
    ]
    return PropertyLine(key, tuple(shares), drifted=len({one.type for one in types} - {"null"}) > 1)


def _share(count: int, of: int) -> str:
    if count >= of:
        return "all"
    percent = 100 * count / of
    return "under 1 %" if percent < 1 else f"{min(percent, 99):.0f} %"
