"""The record contract: what stands on the topic, byte for byte.

A record's key is `workspace_id/contact_id/record_id`; its value is a CloudEvents 1.0 event in structured JSON
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). Writers are strict: `encode`
writes exactly what the JSON Schemas beside this file (`schemas/record_types/`) describe. Readers are tolerant: `decode`
ignores unknown fields and tells an unknown type (set aside) from a record that is wrong (dead letter).

JSON that came from a caller travels as the text it came as (`RawJson`), so that numbers stay as written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from schemas.partitioning import contact_partition
from schemas.times import format_time

RawJson: TypeAlias = str
"""The text of a JSON value, exactly as its sender wrote it."""

EVENT_RECORDED: Final = "contact.event.recorded.v1"
CONTACT_CREATED: Final = "contact.created.v1"
CONTACT_UPDATED: Final = "contact.updated.v1"
LOG_MARK: Final = "log.mark.v1"
TYPES: Final = (EVENT_RECORDED, CONTACT_CREATED, CONTACT_UPDATED, LOG_MARK)

HEADERS: Final = [("content-type", b"application/cloudevents+json")]
LOG_MARK_KEY: Final = b"-/-/log.mark"

Profile: TypeAlias = dict[Literal["email", "name"], str | None]


class InvalidRecordError(ValueError):
    """The record cannot be decoded, or its parts disagree. `reason` is a stable code, `detail` is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UnknownTypeError(Exception):
    """A well-formed record of a type that this version does not know."""

    def __init__(self, type_: str) -> None:
        super().__init__(type_)
        self.type = type_


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all records of a contact carry. `id` is the caller's id: event id or update id."""

    workspace_id: int
    contact_id: int
    record_id: UUID
    id: str
    received_at: datetime

    @property
    def key(self) -> bytes:
        """The Kafka key: unique per record, so that compaction touches a record only when it is tombstoned."""
        return f"{self.workspace_id}/{self.contact_id}/{self.record_id}".encode()


class EventRecorded(Record, frozen=True, kw_only=True, gc=False):
    """A contact event. `properties` is the text of a JSON object."""

    name: str
    occurred_at: datetime
    properties: RawJson


class ContactCreated(Record, frozen=True, kw_only=True, gc=False):
    """The first record of a contact. `custom_data` is the text of a JSON object."""

    external_id: str
    email: str | None
    name: str | None
    custom_data: RawJson


class ContactUpdated(Record, frozen=True, kw_only=True, gc=False):
    """A change. A profile field that is absent stays; `custom_data` is a JSON merge patch (RFC 7396), or None."""

    profile: Profile
    custom_data: RawJson | None


@dataclass(frozen=True, slots=True)
class LogMark:
    """Carries no fact: it makes the log's active segment roll, so that compaction can reach what was erased."""


AnyRecord: TypeAlias = EventRecorded | ContactCreated | ContactUpdated


class _Envelope(msgspec.Struct, gc=False):
    """The CloudEvents attributes that we read; `receivedat` is an extension of ours."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str = ""
    time: datetime | None = None
    receivedat: datetime | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _EventData(msgspec.Struct, gc=False):
    name: str
    properties: msgspec.Raw


class _CreatedData(msgspec.Struct, gc=False):
    external_id: str
    email: str | None = None
    name: str | None = None
    custom_data: msgspec.Raw = msgspec.Raw(b"{}")


class _UpdatedData(msgspec.Struct, gc=False):
    profile: Profile = {}
    custom_data: msgspec.Raw | None = None


_encoder = msgspec.json.Encoder()
_envelope = msgspec.json.Decoder(_Envelope)
_event_data = msgspec.json.Decoder(_EventData)
_created_data = msgspec.json.Decoder(_CreatedData)
_updated_data = msgspec.json.Decoder(_UpdatedData)


def dataschema(type_: str) -> str:
    """Name the JSON Schema of a record type: a URN whose last part is a file in `schemas/record_types/`."""
    return f"urn:contact-events:schemas:{type_}.json"


def _value(record: Record, type_: str, time: datetime, data: dict[str, Any]) -> bytes:
    return _encoder.encode(
        {
            "specversion": "1.0",
            "id": record.id,
            "source": f"/workspaces/{record.workspace_id}",
            "type": type_,
            "subject": f"contacts/{record.contact_id}",
            "time": format_time(time),
            "datacontenttype": "application/json",
            "dataschema": dataschema(type_),
            "receivedat": format_time(record.received_at),
            "data": data,
        }
    )


def _raw(text: RawJson) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def encode(record: AnyRecord) -> bytes:
    """Write a record's value; its key is `record.key`, its headers are `HEADERS`."""
    if isinstance(record, EventRecorded):
        data: dict[str, Any] = {"name": record.name, "properties": _raw(record.properties)}
        return _value(record, EVENT_RECORDED, record.occurred_at, data)
    if isinstance(record, ContactCreated):
        data = {
            "external_id": record.external_id,
            "email": record.email,
            "name": record.name,
            "custom_data": _raw(record.custom_data),
        }
        return _value(record, CONTACT_CREATED, record.received_at, data)
    data = {"profile": record.profile}
    if record.custom_data is not None:
        data["custom_data"] = _raw(record.custom_data)
    return _value(record, CONTACT_UPDATED, record.received_at, data)


def encode_log_mark(marked_at: datetime) -> bytes:
    """Write the value of a log mark; its key is `LOG_MARK_KEY`."""
    attributes = {"specversion": "1.0", "id": format_time(marked_at), "source": "/log", "type": LOG_MARK}
    return _encoder.encode(attributes | {"time": format_time(marked_at), "dataschema": dataschema(LOG_MARK)})


def decode(key: bytes | None, value: bytes, partition: int, partitions: int) -> AnyRecord | LogMark:
    """Read a record and check that key, source, subject and partition agree.

    Raises InvalidRecordError for a record that is wrong, UnknownTypeError for a well-formed one of an unknown type.
    """
    try:
        envelope = _envelope.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecordError("not_a_cloudevent", str(error)) from error
    if envelope.specversion != "1.0":
        raise InvalidRecordError("not_a_cloudevent", f"specversion is {envelope.specversion!r}, not '1.0'")
    if envelope.type == LOG_MARK:
        return LogMark()
    if envelope.type not in TYPES:
        raise UnknownTypeError(envelope.type)
    workspace_id, contact_id, record_id = _read_key(key)
    if envelope.source != f"/workspaces/{workspace_id}" or envelope.subject != f"contacts/{contact_id}":
        raise InvalidRecordError("parts_disagree", f"key {key!r}, {envelope.source!r}, {envelope.subject!r}")
    if (expected := contact_partition(workspace_id, contact_id, partitions)) != partition:
        raise InvalidRecordError("wrong_partition", f"stands in {partition}, belongs in {expected}")
    try:
        return _typed(envelope, workspace_id, contact_id, record_id)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecordError("invalid_data", str(error)) from error


def _read_key(key: bytes | None) -> tuple[int, int, UUID]:
    try:
        workspace_id, contact_id, record_id = (key or b"").decode("ascii").split("/")
        return int(workspace_id), int(contact_id), UUID(record_id)
    except ValueError as error:
        raise InvalidRecordError("invalid_key", repr(key)) from error


def _object(raw: msgspec.Raw, field: str) -> RawJson:
    text = bytes(raw).decode()
    if not text.startswith("{"):
        raise InvalidRecordError("invalid_data", f"{field} is not a JSON object")
    return text


def _moment(value: datetime | None, attribute: str) -> datetime:
    if value is None or value.tzinfo is None:
        raise InvalidRecordError("invalid_data", f"{attribute} is missing or has no offset")
    return value.astimezone(UTC)


def _typed(envelope: _Envelope, workspace_id: int, contact_id: int, record_id: UUID) -> AnyRecord:
    received_at = _moment(envelope.receivedat, "receivedat")
    if envelope.type == EVENT_RECORDED:
        event = _event_data.decode(envelope.data)
        return EventRecorded(
            workspace_id=workspace_id,
            contact_id=contact_id,
            record_id=record_id,
            id=envelope.id,
            received_at=received_at,
            name=event.name,
            occurred_at=_moment(envelope.time, "time"),
            properties=_object(event.properties, "properties"),
        )
    if envelope.type == CONTACT_CREATED:
        created = _created_data.decode(envelope.data)
        return ContactCreated(
            workspace_id=workspace_id,
            contact_id=contact_id,
            record_id=record_id,
            id=envelope.id,
            received_at=received_at,
            external_id=created.external_id,
            email=created.email,
            name=created.name,
            custom_data=_object(created.custom_data, "custom_data"),
        )
    updated = _updated_data.decode(envelope.data)
    return ContactUpdated(
        workspace_id=workspace_id,
        contact_id=contact_id,
        record_id=record_id,
        id=envelope.id,
        received_at=received_at,
        profile=updated.profile,
        custom_data=None if updated.custom_data is None else _object(updated.custom_data, "custom_data"),
    )
