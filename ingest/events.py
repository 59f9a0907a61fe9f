"""From a body's bytes to events, fast: a few microseconds each where everything is plainly in order.

Whatever is not goes to `ingest.rules`, which decides and explains. So the fast way only ever says yes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingest.fields import CONTROL, EARLIEST, EVENT_ID, LARGEST_ID, MOMENT, NAME_LENGTH, OBJECT_BYTES, TEXT_LENGTH
from ingest.names import CONVENTION
from ingest.rules import judge
from ingest.strict_json import MAX_DEPTH, DoubtError, UnreadableError, depth, read_text, scan
from runtime.problems import Fault

if TYPE_CHECKING:
    from ingest.rules import Rules

_EVENT_KEYS: Final = frozenset({"id", "name", "occurred_at", "properties"})
_BATCH_EVENT_KEYS: Final = _EVENT_KEYS | {"contact_id", "external_id"}
_EMPTY: Final = "{}"


class EventDraft(msgspec.Struct, frozen=True, gc=False):
    """An event that keeps all rules. Whether its contact exists is not settled yet."""

    name: str
    occurred_at: datetime
    properties: str
    id: str | None = None
    contact_id: int | None = None
    external_id: str | None = None


class Invalid(msgspec.Struct, frozen=True):
    """What was sent breaks rules, or (`unreadable`) is no JSON at all. `name` is what it gives as the event's name."""

    faults: list[Fault]
    unreadable: bool = False
    name: object = None


class EventTexts(msgspec.Struct, gc=False):
    """The free objects of an event, as text."""

    properties: msgspec.Raw = msgspec.Raw(b"null")


_texts = msgspec.json.Decoder(EventTexts)


def texts_of(body: bytes) -> msgspec.Raw:
    """Take the text of an event's properties out of its JSON."""
    return _texts.decode(body).properties


class EventReader:
    """Reads events of one kind: those of the contact in the URL, or (`in_batch`) those that name their contact."""

    def __init__(self, rules: Rules, *, in_batch: bool) -> None:
        self._rules = rules
        self._in_batch = in_batch
        self._keys = _BATCH_EVENT_KEYS if in_batch else _EVENT_KEYS

    def read(self, body: bytes, latest: datetime) -> EventDraft | Invalid:
        """Read one event from its JSON. `latest` is the latest moment at which it may have occurred."""
        try:
            draft = self.plain(scan(read_text(body)), texts_of(body), latest)
        except (DoubtError, UnreadableError, msgspec.DecodeError, RecursionError):
            draft = None
        return draft or self.judge(body)

    def plain(self, value: Any, properties: msgspec.Raw, latest: datetime) -> EventDraft | None:  # noqa: ANN401, PLR0911 - any JSON; one exit a rule
        """Take an event in which everything is plainly in order; None when that needs a closer look."""
        if type(value) is not dict or not value.keys() <= self._keys:
            return None
        name = value.get("name")
        if type(name) is not str or not (CONVENTION.fullmatch(name) or _allowed(name, NAME_LENGTH)):
            return None
        moment = _moment(value.get("occurred_at"))
        if moment is None or not EARLIEST <= moment <= latest:
            return None
        id_ = value.get("id")
        if "id" in value and (type(id_) is not str or not EVENT_ID.fullmatch(id_)):
            return None
        text = _object_text(value.get("properties"), properties)
        if text is None:
            return None
        if not self._in_batch:
            return EventDraft(name, moment, text, id_)
        contact_id, external_id = value.get("contact_id"), value.get("external_id")
        if "external_id" in value:
            if contact_id is not None or type(external_id) is not str or not _allowed(external_id, TEXT_LENGTH):
                return None
        elif type(contact_id) is not int or not 1 <= contact_id <= LARGEST_ID:
            return None
        return EventDraft(name, moment, text, id_, contact_id, external_id)

    def judge(self, body: bytes) -> EventDraft | Invalid:
        """Let the rules decide about one event."""
        try:
            text = read_text(body)
            verdict = judge(self._rules, text, {"properties": _text_or_nothing(body)})
        except UnreadableError as error:
            return Invalid([Fault("", error.code, error.detail)], unreadable=True)
        if verdict.values is None:
            return Invalid(verdict.faults, name=verdict.name)
        return EventDraft(**{**verdict.values, "properties": verdict.values.get("properties") or _EMPTY})


def _text_or_nothing(body: bytes) -> str:
    try:
        return one_line(bytes(texts_of(body)))
    except (msgspec.DecodeError, RecursionError):
        return ""


def _allowed(text: str, length: int) -> bool:
    return len(text) <= length and not CONTROL.search(text) and not text.isspace() and text != ""


def _moment(text: object) -> datetime | None:
    if type(text) is not str or not MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _object_text(value: object, raw: msgspec.Raw) -> str | None:
    if value is None:
        return _EMPTY
    data = bytes(raw)
    if type(value) is not dict or len(data) > OBJECT_BYTES:
        return None
    text = one_line(data)
    if ("[" in text or text.find("{", 1) > 0) and depth(text) > MAX_DEPTH:
        return None
    return text


def one_line(json: bytes) -> str:
    """Take JSON as it was written, but on one line, so that a record on the topic is one line for every tool."""
    text = json.decode()
    if "\n" in text or "\r" in text:  # can only stand between values: inside a string they would be escaped
        return msgspec.json.format(text, indent=-1)
    return text
