"""A record as one line: for programs (NDJSON, nothing lost) and for people."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import msgspec

from schemas.records import (
    ContactCreated,
    ContactErased,
    ContactUpdated,
    EventErased,
    EventNameChanged,
    EventRecorded,
    InvalidRecordError,
    LogMark,
    UnknownTypeError,
    decode,
    read_key,
)
from schemas.times import format_time, is_late

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

_encode = msgspec.json.Encoder().encode
_whole = msgspec.json.Decoder(dict[str, msgspec.Raw])


def json_line(record: ConsumerRecord) -> bytes:
    """Write a record for programs: place, when the log took it, key, and the value exactly as it stands in the log.

    `value` is null for a tombstone. A key or value that is not what ours are comes in Base64, under another name.
    """
    head = _encode({"partition": record.partition, "offset": record.offset, "logged_at": _logged(record)})
    return b"%b,%b,%b}\n" % (head[:-1], _key(record.key), _value(record.value))


def _key(key: bytes | None) -> bytes:
    try:
        return b'"key":' + _encode(None if key is None else key.decode())
    except UnicodeDecodeError:
        return b'"key":null,"key_base64":' + _encode(base64.b64encode(key or b"").decode())


def _value(value: bytes | None) -> bytes:
    if value is None:
        return b'"value":null'
    try:
        _whole.decode(value)
        value.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b'"value":null,"value_base64":' + _encode(base64.b64encode(value).decode())
    if b"\n" in value or b"\r" in value:  # between tokens: inside of texts JSON has them escaped
        value = value.replace(b"\n", b" ").replace(b"\r", b" ")
    return b'"value":' + value


def _logged(record: ConsumerRecord) -> str:
    return format_time(datetime.fromtimestamp(record.timestamp / 1000, UTC))


def text_line(record: ConsumerRecord, partitions: int) -> str:
    """Write a record for people: when it happened, to whom, what, and where it stands in the log."""
    when, what, detail = _described(record, partitions)
    place = read_key(record.key)
    owner = "-" if place is None else f"{place[0]}/{'-' if place[1] is None else place[1]}"
    where = click.style(f"[{record.partition}:{record.offset}]", dim=True)
    what = click.style(printable(what), bold=True)
    return f"{when:%Y-%m-%d %H:%M:%S}Z  {owner:<10} {what}  {printable(detail)}  {where}"


def _described(record: ConsumerRecord, partitions: int) -> tuple[datetime, str, str]:
    logged = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    if record.value is None:
        return logged, "tombstone", (record.key or b"").decode("utf-8", "backslashreplace")
    try:
        decoded = decode(record.key, record.value, record.partition, partitions)
    except UnknownTypeError as error:
        return logged, error.type, "(a type that this version does not know)"
    except InvalidRecordError as error:
        return logged, "invalid record", str(error)
    if isinstance(decoded, LogMark):
        return logged, "log mark", ""
    if isinstance(decoded, EventRecorded):
        late = "late " if is_late(decoded.occurred_at, decoded.received_at) else ""
        return decoded.occurred_at, decoded.name, late + decoded.properties
    return decoded.received_at, *_of_contact(decoded)


def _of_contact(
    decoded: ContactCreated | ContactUpdated | EventErased | ContactErased | EventNameChanged,
) -> tuple[str, str]:
    if isinstance(decoded, ContactCreated):
        return "contact created", f"external_id {decoded.external_id} custom_data {decoded.custom_data}"
    if isinstance(decoded, ContactUpdated):
        fields = _encode(decoded.profile).decode() + " " if decoded.profile else ""
        return "contact updated", fields + (f"custom_data {decoded.custom_data}" if decoded.custom_data else "")
    if isinstance(decoded, EventErased):
        return "event erased", decoded.event_id
    if isinstance(decoded, ContactErased):
        return "contact erased", ""
    return "event name changed", f"{decoded.name} {_encode(decoded.change).decode()}"


def printable(text: str) -> str:
    """Escape what is not printable: texts come from outside, and a terminal obeys control characters."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
