"""What a record does to a contact. Pure: state and record in, state out; no clock, no I/O, whatever the batches."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from schemas.canonical import canonical, join, members, merge_patch
from schemas.records import CONTACT_CREATED, CONTACT_UPDATED, ContactCreated, ContactUpdated, RawJson
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping

Change: TypeAlias = ContactCreated | ContactUpdated

_encoder: Final = msgspec.json.Encoder()


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `contacts`. Without `external_id` it is not there yet: changes came before its contact.created."""

    workspace_id: int
    contact_id: int
    external_id: str | None = None
    email: str | None = None
    name: str | None = None
    custom_data: RawJson = "{}"
    custom_data_changed_at: RawJson = "{}"
    created_at: datetime | None = None
    updated_at: datetime | None = None
    log_partition: int
    log_offset: int


def apply_change(contact: Contact | None, record: Change, partition: int, offset: int) -> Contact:
    """Fold one change into a contact. Applying each id once, the first in the log, is the caller's business.

    A second contact.created is a change like any other: the first gave the external id and the creation time.
    """
    before = contact or Contact(
        workspace_id=record.workspace_id, contact_id=record.contact_id, log_partition=partition, log_offset=offset
    )
    fields: dict[str, object] = {"updated_at": record.received_at, "log_partition": partition, "log_offset": offset}
    if isinstance(record, ContactUpdated):
        fields.update(record.profile.items())
    else:
        fields |= {key: value for key, value in (("email", record.email), ("name", record.name)) if value is not None}
        if before.external_id is None:
            fields |= {"external_id": record.external_id, "created_at": record.received_at}
    if record.custom_data is not None:
        fields |= _merged(before, record.custom_data, record.received_at)
    return msgspec.structs.replace(before, **fields)


def _merged(before: Contact, patch: RawJson, received_at: datetime) -> dict[str, object]:
    merged = merge_patch(before.custom_data, patch)
    old, new = members(before.custom_data), members(merged)
    moments = members(before.custom_data_changed_at)
    now = _encoder.encode(format_time(received_at))
    changed = {
        key: moments[key] if key in old and canonical(old[key].decode()) == canonical(value.decode()) else now
        for key, value in new.items()
    }
    return {"custom_data": merged, "custom_data_changed_at": join(changed)}


def change_type(record: Change) -> str:
    """Name the type of a change."""
    return CONTACT_CREATED if isinstance(record, ContactCreated) else CONTACT_UPDATED


def change_data(record: Change) -> RawJson:
    """Give a change's data, as it stands in the record."""
    data: dict[str, object]
    if isinstance(record, ContactCreated):
        data = {"external_id": record.external_id, "email": record.email, "name": record.name}
    else:
        data = {"profile": record.profile}
    if record.custom_data is not None:
        data["custom_data"] = msgspec.Raw(record.custom_data.encode())
    return _encoder.encode(data).decode()


class _Data(msgspec.Struct):
    external_id: str = ""
    email: str | None = None
    name: str | None = None
    profile: dict[Literal["email", "name"], str | None] = {}
    custom_data: msgspec.Raw = msgspec.Raw(b"")


_data: Final = msgspec.json.Decoder(_Data)


def stored_change(type_: str, change: RawJson, common: Mapping[str, Any]) -> Change:
    """Make a record again from what `contact_updates` keeps of it; `common` are the fields that all records have."""
    data = _data.decode(change)
    custom_data = bytes(data.custom_data).decode()
    if type_ == CONTACT_CREATED:
        return ContactCreated(
            **common, external_id=data.external_id, email=data.email, name=data.name, custom_data=custom_data
        )
    return ContactUpdated(**common, profile=data.profile, custom_data=custom_data or None)


def same_content(stored: RawJson, new: RawJson) -> bool:
    """Tell a duplicate (True) from a conflict: equal but for white space, key order and escapes."""
    return stored == new or canonical(stored) == canonical(new)
