"""The delivery log as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from query.presentation.names import readable
from query.presentation.times import clock, exact, short_date

if TYPE_CHECKING:
    from datetime import datetime

    from query.deliveries import Copies, Counts, Rejection
    from query.presentation.events import Reader

RANGES: Final = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
_NAMES: Final = {"day": "24 hours", "week": "7 days", "month": "30 days"}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader has chosen to see; the page's address says it."""

    range: str = "day"
    code: str | None = None
    name: str | None = None

    def address(self, **change: str | None) -> str:
        """Give the page's address, with a change."""
        parts = {"range": self.range, "code": self.code, "name": self.name} | change
        shown = {key: value for key, value in parts.items() if value and (key, value) != ("range", "day")}
        return f"/deliveries?{urlencode(shown)}" if shown else "/deliveries"

    @property
    def span(self) -> str:
        """Name the range."""
        return _NAMES[self.range]


@dataclass(frozen=True, slots=True)
class Link:
    """Something to choose; choosing what is chosen already lets go of it."""

    text: str
    address: str
    chosen: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One rejection."""

    title: str
    name: str | None
    name_altered: bool
    pointer: str
    more: int
    status: int
    code: str
    item: int | None
    endpoint: str
    key_id: str
    request_id: str
    when: str
    exact: str
    iso: str


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One copy."""

    title: str
    what: str
    contact_id: int | None
    id: str
    event: str | None
    when: str
    exact: str
    iso: str


def ranges(choice: Choice) -> list[Link]:
    """Offer the ranges."""
    return [Link(_NAMES[name], choice.address(range=name), name == choice.range) for name in RANGES]


def by_code(counts: Counts, choice: Choice) -> list[Link]:
    """Offer the codes."""
    return [
        Link(code, choice.address(code=None if code == choice.code else code), code == choice.code, count)
        for code, count in counts.by_code
    ]


def by_name(counts: Counts, choice: Choice) -> list[Link]:
    """Offer the names."""
    return [
        Link(name, choice.address(name=None if name == choice.name else name), name == choice.name, count)
        for name, count in counts.by_name
    ]


def rejection_row(rejection: Rejection, reader: Reader) -> Row:
    """Make a rejection's row."""
    at = rejection.rejected_at
    return Row(
        title=readable(rejection.code).replace("json", "JSON").replace("utf8", "UTF-8"),
        name=rejection.name,
        name_altered=rejection.name_altered,
        pointer=rejection.pointer,
        more=rejection.faults - 1,
        status=rejection.status,
        code=rejection.code,
        item=None if rejection.item is None else rejection.item + 1,
        endpoint=rejection.endpoint,
        key_id=rejection.key_id,
        request_id=rejection.request_id,
        when=_when(at, reader),
        exact=exact(at, reader.zone),
        iso=at.isoformat(),
    )


def copy_rows(copies: Copies, reader: Reader) -> list[CopyRow]:
    """Make the copies' rows."""
    rows = []
    for copy in copies.newest:
        is_event = copy.type.startswith("contact.event.recorded")
        what = copy.name or ("event, erased since" if is_event else copy.type)
        event = f"/contacts/{copy.contact_id}?{urlencode({'event': copy.id})}" if copy.name and is_event else None
        at = copy.received_at
        title = "Duplicate" if copy.kind == "duplicate" else "Conflict"
        rows.append(
            CopyRow(
                title,
                what,
                copy.contact_id or None,
                copy.id,
                event,
                _when(at, reader),
                exact(at, reader.zone),
                at.isoformat(),
            )
        )
    return rows


def _when(moment: datetime, reader: Reader) -> str:
    day, today = moment.astimezone(reader.zone).date(), reader.now.astimezone(reader.zone).date()
    at = clock(moment, reader.zone)
    return at if day == today else f"{short_date(day, today)}, {at}"
