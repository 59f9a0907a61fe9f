"""The record contract: what stands on the topic, byte for byte.

A record's key is `workspace_id/contact_id/record_id`; its value is a CloudEvents 1.0 event in structured JSON
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). Writers are strict: `encode`
writes exactly what the JSON Schemas beside this file (`schemas/record_types/`) describe. Readers are tolerant: `decode`
ignores unknown fields and tells an unknown type (set aside) from a record that is wrong (dead letter).

JSON that came from a caller travels as the text it came as (`RawJson`), so that numbers stay as written.
"""

from schemas.decoding import decode, read_key
from schemas.encoding import EventWriter, dataschema, encode, encode_log_mark
from schemas.record_classes import (
    CONTACT_CREATED,
    CONTACT_ERASED,
    CONTACT_UPDATED,
    EVENT_ERASED,
    EVENT_NAME_CHANGED,
    EVENT_RECORDED,
    HEADERS,
    LOG_MARK,
    LOG_MARK_KEY,
    TYPES,
    AnyRecord,
    ContactCreated,
    ContactErased,
    ContactRecord,
    ContactUpdated,
    EventErased,
    EventNameChanged,
    EventRecorded,
    InvalidRecordError,
    LogMark,
    NameChange,
    Profile,
    RawJson,
    Record,
    UnknownTypeError,
    contact_key,
)

__all__ = [
    "CONTACT_CREATED",
    "CONTACT_ERASED",
    "CONTACT_UPDATED",
    "EVENT_ERASED",
    "EVENT_NAME_CHANGED",
    "EVENT_RECORDED",
    "HEADERS",
    "LOG_MARK",
    "LOG_MARK_KEY",
    "TYPES",
    "AnyRecord",
    "ContactCreated",
    "ContactErased",
    "ContactRecord",
    "ContactUpdated",
    "EventErased",
    "EventNameChanged",
    "EventRecorded",
    "EventWriter",
    "InvalidRecordError",
    "LogMark",
    "NameChange",
    "Profile",
    "RawJson",
    "Record",
    "UnknownTypeError",
    "contact_key",
    "dataschema",
    "decode",
    "encode",
    "encode_log_mark",
    "read_key",
]
