"""How a record is written. Writers are strict: this gives exactly what the JSON Schemas in `record_types/` describe."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from datetime import datetime

_encoder = msgspec.json.Encoder()


def dataschema(type_: str) -> str:
    """Name the JSON Schema of a record type: a URN whose last part is a file in `schemas/record_types/`."""
    return f"urn:contact-events:schemas:{type_}.json"


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


class EventWriter:
    """Writes the values of one request's events: what they have in common is written once.

    The only record that comes by the thousand, and the only one that is put together from texts: `_value` would write
    the same, in twice the time.
    """

    def __init__(self, workspace_id: int, received_at: datetime) -> None:
        self._source_and_subject = (
            f'","source":"/workspaces/{workspace_id}","type":"{EVENT_RECORDED}","subject":"contacts/'
        )
        self._received = (
            f'","datacontenttype":"application/json","dataschema":"{dataschema(EVENT_RECORDED)}"'
            f',"receivedat":"{format_time(received_at)}","data":{{"name":'
        )

    def write(self, contact_id: int, id_: str, name: str, occurred_at: str, properties: RawJson) -> bytes:
        """Write one. `id_` has nothing in it that needs an escape; `occurred_at` is what `format_time` writes."""
        return (
            f'{{"specversion":"1.0","id":"{id_}{self._source_and_subject}{contact_id}","time":"{occurred_at}'
            f'{self._received}{_json_text(name)},"properties":{properties}}}}}'
        ).encode()


@lru_cache(maxsize=4_096)
def _json_text(text: str) -> str:
    return _encoder.encode(text).decode()


def _event(record: EventRecorded) -> bytes:
    writer = EventWriter(record.workspace_id, record.received_at)
    id_ = _encoder.encode(record.id).decode()[1:-1]
    return writer.write(record.contact_id, id_, record.name, format_time(record.occurred_at), record.properties)


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
