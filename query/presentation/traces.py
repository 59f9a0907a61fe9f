"""An event's way in words: its stations, and what else was sent under its id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from query.presentation.names import readable
from query.presentation.times import exact, lateness
from query.presentation.tones import Tone, tone_shown
from query.presentation.values import Budget, Value, parse, typed
from query.trace import MOST_COPIES

if TYPE_CHECKING:
    from datetime import datetime

    from query.presentation.events import Reader
    from query.trace import Copy, SetAside, Trace, Traced

_SECOND: Final = timedelta(seconds=1)
_KINDS: Final = {"dead_letter": "Dead letter", "unknown_type": "Unknown type"}


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the way. `note` says more; `place` is one in the log."""

    title: str
    when: str | None
    note: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class CopyRow:
    """A later record of the same id; `content` is what a conflict said."""

    title: str
    when: str
    place: str
    content: Value | None


@dataclass(frozen=True, slots=True)
class TraceView:
    """All that the page shows."""

    id: str
    title: str
    tone: Tone
    is_on_timeline: bool
    stations: tuple[Station, ...]
    copies: tuple[CopyRow, ...]
    more_copies: bool
    set_aside: tuple[Station, ...]


def traced(trace: Trace, reader: Reader) -> TraceView:
    """Put a trace into words."""
    event = trace.event
    return TraceView(
        id=trace.id,
        title=readable(reader.catalogue.shown(event.name)) if event else trace.id,
        tone=tone_shown(event.name, reader.catalogue) if event else Tone.ATTENTION,
        is_on_timeline=event is not None,
        stations=_stations(event, reader) if event else (),
        copies=tuple(_copy(copy, reader) for copy in trace.copies[:MOST_COPIES]),
        more_copies=len(trace.copies) > MOST_COPIES,
        set_aside=tuple(_aside(record, reader) for record in trace.set_aside),
    )


def _stations(event: Traced, reader: Reader) -> tuple[Station, ...]:
    place = _place(event.log_partition, event.log_offset)
    record = f"Record id {event.record_id}"
    projected, taken = event.projected_at, "When is no longer kept"
    if projected is not None:
        projected = projected.replace(microsecond=0) + (_SECOND if projected.microsecond else timedelta())
        taken = f"To the second. {_after(event.received_at, projected)}"
    return (
        Station("Occurred", exact(event.occurred_at, reader.zone), "As the app that sent it says"),
        Station("Accepted", exact(event.received_at, reader.zone), _after(event.occurred_at, event.received_at)),
        Station("In the log", None, record, place),
        Station("On the timeline", exact(projected, reader.zone) if projected else None, taken),
    )


def _after(before: datetime, after: datetime) -> str:
    seconds = (after - before).total_seconds()
    if seconds < 2:  # noqa: PLR2004 - finer than that it is not kept
        return "At once"
    return f"{lateness(before, after)} later" if seconds >= 60 else f"{int(seconds)} s later"  # noqa: PLR2004 - a minute


def _copy(copy: Copy, reader: Reader) -> CopyRow:
    content = typed(parse(copy.content), Budget()) if copy.content is not None else None
    place = _place(copy.log_partition, copy.log_offset)
    return CopyRow(copy.kind.capitalize(), exact(copy.received_at, reader.zone), place, content)


def _aside(record: SetAside, reader: Reader) -> Station:
    place = _place(record.log_partition, record.log_offset)
    return Station(_KINDS[record.kind], exact(record.logged_at, reader.zone), record.reason, place)


def _place(partition: int, offset: int) -> str:
    return f"partition {partition}, offset {offset:,}"
