"""From a body's bytes to events, fast: a few microseconds each where everything is plainly in order.

Whatever is not goes to `ingest.rules`, which decides and explains. So the fast way only ever says yes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from ingest.fields import CONTROL, EARLIEST, EVENT_ID, LARGEST_ID, MOMENT, NAME_LENGTH, OBJECT_BYTES, TEXT_LENGTH
from ingest.names import CONVENTION
from ingest.rules import judge
from ingest.strict_json import (
    MAX_DEPTH,
    DoubtError,
    UnreadableError,
    depth,
    has_strings,
    read_text,
    scan,
    sound_float,
    strings,
)
from runtime.problems import Fault
from schemas.times import format_time

if TYPE_CHECKING:
    from ingest.rules import Rules

_EMPTY: Final = "{}"


class EventDraft(msgspec.Struct, frozen=True, gc=False):
    """An event that keeps all rules. Whether its contact exists is not settled yet.

    `occurred_at` is written as in its record; `properties` is the text of a JSON object.
    """

    name: str
    occurred_at: str
    properties: str
    id: str | None = None
    contact_id: int | None = None
    external_id: str | None = None


class Invalid(msgspec.Struct, frozen=True):
    """What was sent breaks rules, or (`unreadable`) is no JSON at all. `name` is what it gives as the event's name."""

    faults: list[Fault]
    unreadable: bool = False
    name: object = None


class Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event as it came: whatever stands in the fields that there are."""

    name: Any = UNSET
    occurred_at: Any = UNSET
    id: Any = UNSET
    properties: Any = UNSET
    contact_id: Any = UNSET
    external_id: Any = UNSET

    def strings(self) -> int:
        """Count the strings in a sound event, keys included; raise DoubtError for an integer that cannot be kept."""
        number = 4 if self.id is UNSET else 6
        if self.properties is not UNSET:
            number += 1 + strings(self.properties)
        if self.external_id is not UNSET:
            number += 2
        return number if self.contact_id is UNSET else number + 1


_FIELDS: Final = frozenset(Envelope.__struct_fields__)


def envelope(value: object) -> Envelope | None:
    """Make an envelope of JSON that was read already; None where it is no object or has other fields."""
    return Envelope(**value) if type(value) is dict and value.keys() <= _FIELDS else None


class EventTexts(msgspec.Struct, gc=False):
    """The free objects of an event, as text."""

    properties: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(Envelope, float_hook=sound_float)
_texts = msgspec.json.Decoder(EventTexts)


def properties_of(json: bytes | msgspec.Raw) -> msgspec.Raw:
    """Take the text of an event's properties out of its JSON."""
    return _texts.decode(json).properties


class EventReader:
    """Reads events of one kind: those of the contact in the URL, or (`in_batch`) those that name their contact."""

    def __init__(self, rules: Rules, *, in_batch: bool) -> None:
        self._rules = rules
        self._in_batch = in_batch

    def read(self, body: bytes, latest: datetime) -> EventDraft | Invalid:
        """Read one event from its JSON. `latest` is the latest moment at which it may have occurred."""
        try:
            draft = self._read_quickly(body, latest)
        except (DoubtError, UnreadableError, ValueError, RecursionError):
            draft = None
        return draft or self.judge(body)

    def _read_quickly(self, body: bytes, latest: datetime) -> EventDraft | None:
        text = read_text(body)
        escaped = "\\" in text  # such a text may hold more quotes than its strings have
        event = envelope(scan(text)) if escaped else _envelope.decode(text)
        if event is None or not (escaped or has_strings(text, event.strings())):
            return None
        return self.plain(event, properties_of(body), latest)

    def plain(self, event: Envelope, properties: msgspec.Raw, latest: datetime) -> EventDraft | None:
        """Take an event in which everything is plainly in order; None when that needs a closer look."""
        name, id_ = event.name, event.id
        # The length first: what is remembered of names has to stay small.
        if type(name) is not str or len(name) > NAME_LENGTH or not _is_name(name):
            return None
        moment = _moment(event.occurred_at)
        if moment is None or not EARLIEST <= moment[0] <= latest:
            return None
        if id_ is UNSET:
            id_ = None
        elif type(id_) is not str or not EVENT_ID.fullmatch(id_):
            return None
        text, contact = _object_text(event.properties, properties), self._contact(event)
        return None if text is None or contact is None else EventDraft(name, moment[1], text, id_, *contact)

    def _contact(self, event: Envelope) -> tuple[int | None, str | None] | None:
        """Take the contact's id and external id, of which an event in a batch has one; None where that is not so."""
        id_, external_id = event.contact_id, event.external_id
        if not self._in_batch:
            return (None, None) if id_ is external_id is UNSET else None
        if external_id is UNSET:
            return (id_, None) if type(id_) is int and 1 <= id_ <= LARGEST_ID else None
        is_sound = id_ is UNSET and type(external_id) is str and _allowed(external_id, TEXT_LENGTH)
        return (None, external_id) if is_sound else None

    def judge(self, body: bytes) -> EventDraft | Invalid:
        """Let the rules decide about one event."""
        try:
            text = read_text(body)
            verdict = judge(self._rules, text, {"properties": _text_or_nothing(body)})
        except UnreadableError as error:
            return Invalid([Fault("", error.code, error.detail)], unreadable=True)
        if verdict.values is None:
            return Invalid(verdict.faults, name=verdict.name)
        values: dict[str, Any] = dict(verdict.values)
        values["occurred_at"] = format_time(values["occurred_at"])
        return EventDraft(**values | {"properties": values.get("properties") or _EMPTY})


def _text_or_nothing(body: bytes) -> str:
    try:
        return one_line(properties_of(body))
    except (msgspec.DecodeError, RecursionError):
        return ""


@lru_cache(maxsize=4_096)
def _is_name(text: str) -> bool:
    return CONVENTION.fullmatch(text) is not None or _allowed(text, NAME_LENGTH)


def _allowed(text: str, length: int) -> bool:
    return len(text) <= length and not CONTROL.search(text) and not text.isspace() and text != ""


def _moment(text: object) -> tuple[datetime, str] | None:
    """Read a moment; give also how records write it."""
    if type(text) is not str:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not UTC:
            moment = moment.astimezone(UTC)
        written = format_time(moment)
    except (ValueError, OverflowError):
        return None
    # `fromisoformat` takes far more than RFC 3339. What records would write in the same way is proof enough.
    return (moment, written) if written == text or MOMENT.fullmatch(text) else None


def _object_text(value: object, raw: msgspec.Raw) -> str | None:
    if value is UNSET or value is None:
        return _EMPTY
    if type(value) is not dict:
        return None
    text = one_line(raw)
    if len(text) > OBJECT_BYTES // 4 and len(text.encode()) > OBJECT_BYTES:  # a character has four bytes at most
        return None
    if ("[" in text or text.find("{", 1) > 0) and depth(text) > MAX_DEPTH:
        return None
    return text


def one_line(json: bytes | msgspec.Raw) -> str:
    """Take JSON as it was written, but on one line, so that a record on the topic is one line for every tool."""
    text = str(json, "utf-8")
    if "\n" in text or "\r" in text:  # can only stand between values: inside a string they would be escaped
        return msgspec.json.format(text, indent=-1)
    return text
