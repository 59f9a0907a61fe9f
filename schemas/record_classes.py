"""The records as Python objects: what `schemas.records.encode` takes and `decode` gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import Final, Literal, TypeAlias
from uuid import UUID  # noqa: TC003 - the same

import msgspec

RawJson: TypeAlias = str
"""The text of a JSON value, exactly as its sender wrote it."""

EVENT_RECORDED: Final = "contact.event.recorded.v1"
CONTACT_CREATED: Final = "contact.created.v1"
CONTACT_UPDATED: Final = "contact.updated.v1"
EVENT_ERASED: Final = "contact.event.erased.v1"
CONTACT_ERASED: Final = "contact.erased.v1"
EVENT_NAME_CHANGED: Final = "event_name.changed.v1"
LOG_MARK: Final = "log.mark.v1"
TYPES: Final = (
    EVENT_RECORDED,
    CONTACT_CREATED,
    CONTACT_UPDATED,
    EVENT_ERASED,
    CONTACT_ERASED,
    EVENT_NAME_CHANGED,
    LOG_MARK,
)

HEADERS: Final = [("content-type", b"application/cloudevents+json")]
LOG_MARK_KEY: Final = b"-/-/log.mark"

Profile: TypeAlias = dict[Literal["email", "name"], str | None]
NameChange: TypeAlias = dict[
    Literal["description", "alias", "hidden", "pinned", "template", "tone", "archived"], str | bool | None
]

FURTHER: Final = frozenset({"tone", "archived"})
"""The fields of a name's change that stand beside `change` in its record."""


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


def contact_key(workspace_id: int, contact_id: int, record_id: str) -> bytes:
    """Write the key of a contact's record; `record_id` is the text of its UUID."""
    return f"{workspace_id}/{contact_id}/{record_id}".encode()


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
        # msgspec writes a UUID in a third of the time that its own str() takes.
        return contact_key(self.workspace_id, self.contact_id, msgspec.to_builtins(self.record_id))


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


class EventErased(Record, frozen=True, kw_only=True, gc=False):
    """One event is to be gone for good, whether it was ever recorded or not. `id` is the id of this request."""

    event_id: str


class ContactErased(Record, frozen=True, kw_only=True, gc=False):
    """Everything about the contact is to be gone for good. `id` is the id of this request."""


class EventNameChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a workspace says about one of its event names; what is absent from `change` stays, null takes it away.

    `description`, `alias`, `template` and `tone` are texts, `hidden`, `pinned` and `archived` booleans.
    """

    workspace_id: int
    record_id: UUID
    id: str
    received_at: datetime
    name: str
    change: NameChange

    @property
    def key(self) -> bytes:
        """The Kafka key: `-` stands where a contact's records have their contact."""
        return f"{self.workspace_id}/-/{self.record_id}".encode()

    @property
    def data(self) -> dict[str, object]:
        """The change as the record has it: what came after `change` was published as closed stands in `further`."""
        change = {field: value for field, value in self.change.items() if field not in FURTHER}
        further = {field: value for field, value in self.change.items() if field in FURTHER}
        data: dict[str, object] = {"name": self.name, "change": change}
        return data | {"further": further} if further else data


@dataclass(frozen=True, slots=True)
class LogMark:
    """Carries no fact: it makes the log's active segment roll, so that compaction can reach what was erased."""


ContactRecord: TypeAlias = EventRecorded | ContactCreated | ContactUpdated | EventErased | ContactErased
AnyRecord: TypeAlias = ContactRecord | EventNameChanged
