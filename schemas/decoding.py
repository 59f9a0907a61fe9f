"""How a record is read. Readers are tolerant of what they do not know, and strict about what they do.

One pass of a typed decoder takes a good record; only when it refuses is the record looked at again, to tell an unknown
type (set aside) from a wrong record (dead letter) and to say why.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple, cast
from uuid import UUID

import msgspec

from schemas.partitioning import contact_partition, workspace_partition
from schemas.record_classes import (
    CONTACT_CREATED,
    CONTACT_ERASED,
    CONTACT_UPDATED,
    EVENT_ERASED,
    EVENT_NAME_CHANGED,
    EVENT_RECORDED,
    LOG_MARK,
    TYPES,
    AnyRecord,
    ContactCreated,
    ContactErased,
    ContactUpdated,
    EventErased,
    EventNameChanged,
    EventRecorded,
    InvalidRecordError,
    LogMark,
    NameChange,
    Profile,
    RawJson,
    UnknownTypeError,
)

# Ends of the value domain that the tables rely on. A record beyond them is wrong by itself, whatever stands around it:
# were it left to the database to refuse, its fate could depend on what it is written together with.
_FIELD_LENGTH: Final = 1_024
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Field = Annotated[str, msgspec.Meta(max_length=_FIELD_LENGTH)]

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_OWNER: Final = re.compile(rb"([1-9][0-9]{0,17})/([1-9][0-9]{0,17}|-)/")
_UUID_LENGTH: Final = 36


class _Envelope(msgspec.Struct, tag_field="type", gc=False):
    """The CloudEvents attributes that we read; `receivedat` is an extension of ours."""

    specversion: str
    id: _Id
    source: str
    subject: str
    receivedat: _Moment


class _EventData(msgspec.Struct, gc=False):
    name: _Name
    properties: msgspec.Raw


class _Event(_Envelope, tag=EVENT_RECORDED, gc=False, kw_only=True):
    time: _Moment
    data: _EventData


class _CreatedData(msgspec.Struct, gc=False):
    external_id: _Field
    email: _Field | None = None
    name: _Field | None = None
    custom_data: msgspec.Raw = msgspec.Raw(b"{}")


class _Created(_Envelope, tag=CONTACT_CREATED, gc=False, kw_only=True):
    data: _CreatedData


class _UpdatedData(msgspec.Struct, gc=False):
    profile: dict[str, object] = {}
    custom_data: msgspec.Raw = msgspec.Raw(b"")  # empty when absent: msgspec cannot read `Raw | None`


class _Updated(_Envelope, tag=CONTACT_UPDATED, gc=False, kw_only=True):
    data: _UpdatedData


class _EventErasedData(msgspec.Struct, gc=False):
    event_id: _Id


class _EventErased(_Envelope, tag=EVENT_ERASED, gc=False, kw_only=True):
    data: _EventErasedData


class _ContactErased(_Envelope, tag=CONTACT_ERASED, gc=False, kw_only=True):
    pass


class _NameChangedData(msgspec.Struct, gc=False):
    name: _Name
    change: dict[str, object]
    further: dict[str, object] = {}


class _NameChanged(_Envelope, tag=EVENT_NAME_CHANGED, gc=False, kw_only=True):
    data: _NameChangedData


class _Mark(msgspec.Struct, tag_field="type", tag=LOG_MARK, gc=False):
    specversion: str


class _Header(msgspec.Struct, gc=False):
    specversion: str
    id: str
    source: str
    type: str


_Known = _Event | _Created | _Updated | _EventErased | _ContactErased | _NameChanged
_decoder: msgspec.json.Decoder[_Known | _Mark] = msgspec.json.Decoder(_Known | _Mark)
_header = msgspec.json.Decoder(_Header)
_NAME_CHANGES: Final = {"description": str, "alias": str, "hidden": bool, "pinned": bool, "template": str}
_FURTHER_NAME_CHANGES: Final = {"tone": str, "archived": bool}


def decode(key: bytes | None, value: bytes, partition: int, partitions: int) -> AnyRecord | LogMark:
    """Read a record and check that key, source, subject and partition agree.

    Raises InvalidRecordError for a record that is wrong, UnknownTypeError for a well-formed one of an unknown type.
    """
    try:
        envelope = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _why(value, error) from error
    if envelope.specversion != "1.0":
        raise InvalidRecordError("not_a_cloudevent", f"specversion is {envelope.specversion!r}, not '1.0'")
    if isinstance(envelope, _Mark):
        return LogMark()
    if b"\\u0000" in value:
        _refuse_nul(value)
    owner, record_id = _read_key(key)
    if envelope.source != owner.source or envelope.subject != owner.subject:
        raise InvalidRecordError("parts_disagree", f"key {key!r}, {envelope.source!r}, {envelope.subject!r}")
    try:
        if isinstance(envelope, _NameChanged):
            if owner.contact_id is not None:
                raise InvalidRecordError("parts_disagree", f"key {key!r} names a contact")
            _check_partition(partition, workspace_partition(owner.workspace_id, partitions))
            return _name_changed(envelope, owner.workspace_id, record_id)
        if owner.contact_id is None:
            raise InvalidRecordError("parts_disagree", f"key {key!r} names no contact")
        _check_partition(partition, contact_partition(owner.workspace_id, owner.contact_id, partitions))
        return _of_contact(envelope, owner.workspace_id, owner.contact_id, record_id)
    except (UnicodeDecodeError, OverflowError) as error:
        raise InvalidRecordError("invalid_data", str(error)) from error


class _Owner(NamedTuple):
    """Whose record it is, as the key says, and what source and subject must be then."""

    workspace_id: int
    contact_id: int | None
    source: str
    subject: str


@lru_cache(maxsize=65_536)
def _owner(prefix: bytes) -> _Owner | None:
    match = _OWNER.fullmatch(prefix)
    if match is None:
        return None
    workspace_id, contact_id = int(match[1]), None if match[2] == b"-" else int(match[2])
    subject = "event-names" if contact_id is None else f"contacts/{contact_id}"
    return _Owner(workspace_id, contact_id, f"/workspaces/{workspace_id}", subject)


def _read_key(key: bytes | None) -> tuple[_Owner, UUID]:
    """Take a key apart; it must be spelled as writers spell it, since the key is made again from its parts."""
    key = key or b""
    owner, text = _owner(key[:-_UUID_LENGTH]), key[-_UUID_LENGTH:].decode("ascii", "replace")
    try:
        record_id = msgspec.convert(text, UUID)  # a quarter of UUID()'s time
    except msgspec.ValidationError:
        owner = None
    if owner is None or text != text.lower():
        raise InvalidRecordError("invalid_key", repr(key))
    return owner, record_id


def read_key(key: bytes | None) -> tuple[int, int | None] | None:
    """Tell the workspace and contact that a record's key names, as far as it is a key of ours."""
    try:
        owner, _ = _read_key(key)
    except InvalidRecordError:
        return None
    return owner.workspace_id, owner.contact_id


def _why(value: bytes, error: Exception) -> InvalidRecordError | UnknownTypeError:
    try:
        header = _header.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return InvalidRecordError("not_a_cloudevent", str(error))
    if header.specversion != "1.0":
        return InvalidRecordError("not_a_cloudevent", f"specversion is {header.specversion!r}, not '1.0'")
    if header.type not in TYPES:
        return UnknownTypeError(header.type)
    return InvalidRecordError("invalid_data", str(error))


def _refuse_nul(value: bytes) -> None:
    """Refuse the character that PostgreSQL has no place for, in a value or a key; ingest lets none through."""
    if re.search(rb"(?<!\\)(?:\\\\)*\\u0000", value):
        raise InvalidRecordError("invalid_data", "it holds the character U+0000")


def _check_partition(partition: int, expected: int) -> None:
    if partition != expected:
        raise InvalidRecordError("wrong_partition", f"stands in {partition}, belongs in {expected}")


def _object(raw: msgspec.Raw, field: str) -> RawJson:
    text = bytes(raw).decode()
    if not text.startswith("{"):
        raise InvalidRecordError("invalid_data", f"{field} is not a JSON object")
    return text


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _of_contact(envelope: _Known, workspace_id: int, contact_id: int, record_id: UUID) -> AnyRecord:
    if isinstance(envelope, _Event):
        return EventRecorded(
            workspace_id=workspace_id,
            contact_id=contact_id,
            record_id=record_id,
            id=envelope.id,
            received_at=_utc(envelope.receivedat),
            name=envelope.data.name,
            occurred_at=_utc(envelope.time),
            properties=_object(envelope.data.properties, "properties"),
        )
    common: dict[str, Any] = {
        "workspace_id": workspace_id,
        "contact_id": contact_id,
        "record_id": record_id,
        "id": envelope.id,
        "received_at": _utc(envelope.receivedat),
    }
    if isinstance(envelope, _Created):
        created = envelope.data
        return ContactCreated(
            **common,
            external_id=created.external_id,
            email=created.email,
            name=created.name,
            custom_data=_object(created.custom_data, "custom_data"),
        )
    if isinstance(envelope, _Updated):
        patch = envelope.data.custom_data
        custom_data = None if not bytes(patch) else _object(patch, "custom_data")
        return ContactUpdated(**common, profile=_profile(envelope.data.profile), custom_data=custom_data)
    if isinstance(envelope, _EventErased):
        return EventErased(**common, event_id=envelope.data.event_id)
    return ContactErased(**common)


def _profile(sent: dict[str, object]) -> Profile:
    profile: Profile = {}
    for field in ("email", "name"):
        if field in sent:
            value = sent[field]
            if value is not None and (not isinstance(value, str) or len(value) > _FIELD_LENGTH):
                raise InvalidRecordError(
                    "invalid_data", f"profile.{field} is neither null nor a text of {_FIELD_LENGTH}"
                )
            profile[field] = value
    return profile


def _name_changed(envelope: _NameChanged, workspace_id: int, record_id: UUID) -> EventNameChanged:
    change: dict[str, object] = {}
    for place, given, fields in (
        ("change", envelope.data.change, _NAME_CHANGES),
        ("further", envelope.data.further, _FURTHER_NAME_CHANGES),
    ):
        for field, type_ in fields.items():
            if field in given:
                value = given[field]
                if value is not None and type(value) is not type_:
                    raise InvalidRecordError("invalid_data", f"{place}.{field} is neither {type_.__name__} nor null")
                change[field] = value
    return EventNameChanged(
        workspace_id=workspace_id,
        record_id=record_id,
        id=envelope.id,
        received_at=_utc(envelope.receivedat),
        name=envelope.data.name,
        change=cast("NameChange", change),  # keys and types were checked above
    )
