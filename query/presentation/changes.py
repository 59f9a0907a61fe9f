"""A change of a contact as a row between its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from query.presentation.names import readable_key
from query.presentation.sentences import LONGEST, Fact
from query.presentation.times import clock, exact, microseconds
from query.presentation.values import parse
from schemas.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from query.history_fold import ContactChange, ValueChange
    from query.presentation.events import Reader

MOST: Final = 6
"""Keys told in a row; the rest is counted."""

SHOWN: Final = 20
"""Members of a list or object of which a few words are made."""

NOT_SET: Final = "not set"
UNKNOWN: Final = "…"


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A row of a timeline that tells a change. Its `name` is its own, so that no two of them collapse."""

    id: str
    contact_id: int
    name: str
    title: str
    facts: tuple[Fact, ...]
    more: int
    occurred_at: datetime
    iso: str
    clock: str
    exact: str
    order: tuple[int, int]
    is_change: bool = True
    pinned: bool = False


def change_row(change: ContactChange, reader: Reader) -> ChangeRow:
    """Make a change's row: what it is now, and what it was before."""
    values = (*change.profile, *change.custom_data)
    created = change.kind == "created"
    facts = tuple(_first(value) if created else _fact(value) for value in values[:MOST])
    return ChangeRow(
        id=change.id,
        contact_id=change.contact_id,
        name=f"\0{change.id}",
        title="Contact created" if created else "",
        facts=facts,
        more=max(0, len(values) - MOST),
        occurred_at=change.received_at,
        iso=format_time(change.received_at),
        clock=clock(change.received_at, reader.zone),
        exact=exact(change.received_at, reader.zone),
        order=(microseconds(change.received_at), change.log_offset),
    )


def _first(value: ValueChange) -> Fact:
    return Fact(readable_key(value.key), _said(value.after))


def _fact(value: ValueChange) -> Fact:
    before = _said(value.before) if value.before_known else UNKNOWN
    return Fact(readable_key(value.key), _said(value.after), before)


def _said(text: str | None) -> str:
    return NOT_SET if text is None else _short(parse(text))


def _short(value: Any) -> str:  # noqa: ANN401 - JSON is any of six types
    """Write any value in a few words: the full one stands in the contact's custom data, or in the API's answer."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        text = ", ".join(f"{readable_key(key)}: {_short(item)}" for key, item in list(value.items())[:SHOWN])
        return _cut(text) or "empty object"
    if isinstance(value, list):
        return _cut(", ".join(_short(item) for item in value[:SHOWN])) or "empty list"
    return "null" if value is None else _cut(" ".join(str(value)[: LONGEST * 4].split())) or "empty text"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
