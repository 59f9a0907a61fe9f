"""From the bytes of a batch to its items: `{"events": [...]}` or one JSON value a line (NDJSON).

A sound batch is read in one go. Where anything is in doubt each item is read by itself, so that one item's fault is its
own and its neighbours are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from ingest.events import Envelope, EventDraft, EventTexts, Invalid, envelope, properties_of
from ingest.strict_json import DoubtError, UnreadableError, explain, has_strings, read_text, scan, sound_float
from runtime.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ingest.events import EventReader

MAX_ITEMS: Final = 1_000
_ENVELOPE_DEPTH: Final = 100
"""Enough for each item to be told its own nesting fault; a bound for what reads the whole."""

_LARGEST_SHOWN: Final = 20

Item = TypeVar("Item")


class _Events(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    events: list[Envelope]


class _EventTexts(msgspec.Struct, gc=False):
    events: list[EventTexts]


_events = msgspec.json.Decoder(_Events, float_hook=sound_float)
_event_texts = msgspec.json.Decoder(_EventTexts)
_raw_members = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])


def read_events(reader: EventReader, body: bytes, latest: datetime) -> list[EventDraft | Invalid]:
    """Read a batch of events; raise Problem when it is no batch."""
    try:
        drafts = _read_quickly(reader, body, latest) or _read_scanned(reader, body, latest)
    except (DoubtError, UnreadableError, ValueError, RecursionError):
        drafts = None
    return drafts or [reader.read(item, latest) for item in split(body, "events")]


def _read_quickly(reader: EventReader, body: bytes, latest: datetime) -> list[EventDraft | Invalid] | None:
    """Read a batch in which everything is plain, to the last escape; None for any other."""
    text = read_text(body)
    if "\\" in text:
        return None
    try:
        events = _events.decode(text).events
    except msgspec.ValidationError:  # one event may have a field too many
        return None
    drafts: list[EventDraft | Invalid] = []
    number = 1  # of strings; the first is the key of the list
    for event, own in zip(events[:MAX_ITEMS], _event_texts.decode(body).events, strict=False):
        draft = reader.plain(event, own.properties, latest)
        if draft is None:
            return None
        drafts.append(draft)
        number += event.strings()
    return drafts if has_strings(text, number) else None


def _read_scanned(reader: EventReader, body: bytes, latest: datetime) -> list[EventDraft | Invalid] | None:
    """Read a batch of sound JSON, and let the rules decide about the events that need it; None for any other."""
    value = scan(read_text(body))
    if type(value) is not dict or value.keys() != {"events"} or type(value["events"]) is not list:
        return None
    check_number(len(value["events"]), "events")
    texts = _raw_members.decode(body)["events"]
    drafts: list[EventDraft | Invalid] = []
    for event, text in zip(map(envelope, value["events"]), texts, strict=True):
        draft = event and reader.plain(event, properties_of(text), latest)
        drafts.append(draft or reader.judge(bytes(text)))
    return drafts


def split(body: bytes, member: str) -> list[bytes]:
    """Take a batch apart without judging its items; raise Problem when that is impossible."""
    try:
        value, faults = explain(read_text(body), _ENVELOPE_DEPTH)
    except UnreadableError as error:
        raise Problem(400, error.code, error.detail) from error
    faults = [fault for fault in faults if not fault.pointer.startswith(f"/{member}/")] + _shape(value, member)
    if faults:
        raise Problem(422, "invalid_request", f"Nothing was written. {faults[0].message}", faults)
    check_number(len(value[member]), member)
    try:
        return [bytes(raw) for raw in _raw_members.decode(body)[member]]
    except msgspec.DecodeError as error:
        _, faults = explain(read_text(body), _ENVELOPE_DEPTH)
        detail = faults[0].message if faults else "The body is not JSON."
        raise Problem(400, "invalid_json", detail, faults) from error


def _shape(value: Any, member: str) -> list[Fault]:  # noqa: ANN401 - JSON is any value
    wanted = f'The body must be {{"{member}": [...]}}'
    if not isinstance(value, dict):
        return [Fault("", "not_an_object", f"{wanted}.")]
    faults = [
        Fault(f"/{key[:_LARGEST_SHOWN]}", "unknown_field", f"{wanted}; there is no field {key[:_LARGEST_SHOWN]}.")
        for key in list(value)[:_LARGEST_SHOWN]
        if key != member
    ]
    if not isinstance(value.get(member), list):
        faults.append(Fault(f"/{member}", "required", f"{wanted}, a list of 1 to {MAX_ITEMS}."))
    return faults


def split_lines(body: bytes) -> list[bytes]:
    """Take NDJSON apart; lines that hold nothing are skipped. An unreadable line is an item like any other."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    check_number(len(lines), "lines")
    return lines


def check_number(number: int, what: str) -> None:
    """Raise Problem unless there is something, and not too much."""
    if not number:
        raise Problem(422, "empty_batch", f"The batch holds no {what}. Send 1 to {MAX_ITEMS}.")
    if number > MAX_ITEMS:
        detail = f"The batch holds {number} {what}, {MAX_ITEMS} are allowed. Split it; nothing was written."
        raise Problem(422, "too_many_items", detail, extra={"limit": MAX_ITEMS})


class Batch(Generic[Item]):
    """Items in their order, each either still good or with its answer. `settle` gives a good one its answer."""

    def __init__(self, items: list[Item | Invalid], rejected: Callable[[Invalid], dict[str, Any]]) -> None:
        self.answers: list[dict[str, Any] | None] = [
            rejected(item) if isinstance(item, Invalid) else None for item in items
        ]
        self._items = items

    @property
    def open(self) -> list[tuple[int, Item]]:
        """The items without an answer, with their places."""
        return [
            (place, item)
            for place, item in enumerate(self._items)
            if self.answers[place] is None and not isinstance(item, Invalid)
        ]

    def settle(self, place: int, answer: dict[str, Any]) -> None:
        """Give an item its answer."""
        self.answers[place] = answer

    def document(self) -> dict[str, Any]:
        """Count the answers and list them."""
        items = [answer for answer in self.answers if answer is not None]
        statuses = [item["status"] for item in items]
        counts = {status: statuses.count(status) for status in ("accepted", "rejected", "unknown")}
        return counts | {"items": items}
