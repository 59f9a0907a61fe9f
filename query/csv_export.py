"""A contact's events as CSV for a spreadsheet: RFC 4180, safe to open, with a column for each property.

The columns are those of the newest events that fit; what an older event has beside them stands as JSON in the last
column, so nothing is left out and nothing has to be read twice. Texts that a spreadsheet would take for a formula get
an apostrophe in front. A UTF-8 byte order mark stands first: without it Excel takes the file for another character set.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from query.presentation.values import Number, parse
from schemas.canonical import join, members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from query.timeline import Event

MARK: Final = "\ufeff".encode()
MOST_COLUMNS: Final = 100
OTHER: Final = "other properties"
_PREFIX: Final = "properties."
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a formula begins; the last four are wide forms, which some spreadsheets take for the narrow ones."""


class CsvWriter:
    """Writes rows. `zone`: in which the times are told; spreadsheets know no offsets."""

    def __init__(self, first: Sequence[Event], zone: ZoneInfo) -> None:
        self._zone = zone
        counted = Counter(key for event in first for key in parse(event.properties))
        self._columns = [key for key, _ in counted.most_common(MOST_COLUMNS)]

    def header(self) -> bytes:
        """Write the mark and the names of the columns."""
        fixed = [f"occurred at ({self._zone.key})", "name", "event id", f"received at ({self._zone.key})"]
        cells = [*fixed, *(_PREFIX + key for key in self._columns), OTHER]
        return MARK + _line(guarded(cell) for cell in cells)

    def rows(self, events: Iterable[Event]) -> bytes:
        """Write events."""
        return b"".join(_line(self._cells(event)) for event in events)

    def _cells(self, event: Event) -> Iterator[str]:
        values: dict[str, Any] = parse(event.properties)
        texts = members(event.properties)
        yield self._time(event.occurred_at)
        yield guarded(event.name)
        yield guarded(event.id)
        yield self._time(event.received_at)
        for key in self._columns:
            yield _cell(values.get(key), texts.get(key))
        known = set(self._columns)
        others = {key: text for key, text in texts.items() if key not in known}
        yield join(others) if others else ""

    def _time(self, moment: datetime) -> str:
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        return local.isoformat(sep=" ")


def guarded(text: str) -> str:
    """Keep a text from being a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(value: Any, text: bytes | None) -> str:  # noqa: ANN401 - JSON is any of six types
    """Write a value: numbers as they were written, lists and objects as JSON, null like what is not there."""
    if value is None or text is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return str(value)
    return guarded(value) if isinstance(value, str) else text.decode()


def _line(cells: Iterable[str]) -> bytes:
    return (",".join(_quoted(cell) for cell in cells) + "\r\n").encode()


def _quoted(cell: str) -> str:
    if any(sign in cell for sign in ',"\r\n') or cell != cell.strip():
        return '"' + cell.replace('"', '""') + '"'
    return cell
