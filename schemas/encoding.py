"""How a record is written. Writers are strict: this gives exactly what the JSON Schemas in `record_types/` describe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.record_classes import (
    CONTACT_CREATED,
    CONTACT_ERASED,
    CONTACT_UPDATED,
    EVENT_ERASED,
    EVENT_NAME_CHANGED,
    EVENT_RECORDED,
    LOG_MARK,
    AnyRecord,
    ContactCreated,
    ContactErased,
    ContactUpdated,
    EventErased,
    EventNameChanged,
    EventRecorded,
    RawJson,
)
from schemas.times import format_time

_encoder = msgspec.json.Encoder()


def dataschema(type_: str) -> str:
    """Name the JSON Schema of a record type: a URN whose last part is a file in `schemas/record_types/`."""
    return f"urn:contact-events:schemas:{type_}.json"


_EVENT_SCHEMA = dataschema(EVENT_RECORDED)


def encode(record: AnyRecord) -> bytes:
    """Write a record's value; its key is `record.key`, its headers are `HEADERS`."""
    if isinstance(record, EventRecorded):
        return _event(record)
    if isinstance(record, ContactCreated):
        data: dict[str, Any] = {
            "external_id": record.external_id,
            "email": record.email,
            "name": record.name,
            "custom_data": _raw(record.custom_data),
        }
        return _value(record, CONTACT_CREATED, record.received_at, data)
    if isinstance(record, ContactUpdated):
        data = {"profile": record.profile}
        if record.custom_data is not None:
            data["custom_data"] = _raw(record.custom_data)
        return _value(record, CONTACT_UPDATED, record.received_at, data)
    if isinstance(record, EventErased):
        return _value(record, EVENT_ERASED, record.received_at, {"event_id": record.event_id})
    if isinstance(record, ContactErased):
        return _value(record, CONTACT_ERASED, record.received_at, {})
    return _value(record, EVENT_NAME_CHANGED, record.received_at, record.data)


class _EventData(msgspec.Struct, gc=False):
    name: str
    properties: msgspec.Raw


class _EventValue(msgspec.Struct, gc=False):
    """An event's attributes in their order. msgspec writes UTC times exactly as `format_time` does, only faster."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    dataschema: str
    receivedat: datetime
    data: _EventData


def _event(record: EventRecorded) -> bytes:
    """Write an event: the one record that comes by the thousand."""
    return _encoder.encode(
        _EventValue(
            "1.0",
            record.id,
            f"/workspaces/{record.workspace_id}",
            EVENT_RECORDED,
            f"contacts/{record.contact_id}",
            _utc(record.occurred_at),
            "application/json",
            _EVENT_SCHEMA,
            _utc(record.received_at),
            _EventData(record.name, _raw(record.properties)),
        )
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def encode_log_mark(marked_at: datetime) -> bytes:
    """Write the value of a log mark; its key is `LOG_MARK_KEY`."""
    attributes = {"specversion": "1.0", "id": format_time(marked_at), "source": "/log", "type": LOG_MARK}
    return _encoder.encode(attributes | {"time": format_time(marked_at), "dataschema": dataschema(LOG_MARK)})


def _value(record: AnyRecord, type_: str, time: datetime, data: dict[str, Any]) -> bytes:
    subject = "event-names" if isinstance(record, EventNameChanged) else f"contacts/{record.contact_id}"
    return _encoder.encode(
        {
            "specversion": "1.0",
            "id": record.id,
            "source": f"/workspaces/{record.workspace_id}",
            "type": type_,
            "subject": subject,
            "time": format_time(time),
            "datacontenttype": "application/json",
            "dataschema": dataschema(type_),
            "receivedat": format_time(record.received_at),
            "data": data,
        }
    )


def _raw(text: RawJson) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
