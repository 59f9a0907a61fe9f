"""What a run of contact changes does to the tables: each id once, the first in the log; copies told apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from projector.fold import Change, Contact, apply_change, change_data, change_type, same_content

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from schemas.records import RawJson

ContactKey: TypeAlias = tuple[int, int]
UpdateKey: TypeAlias = tuple[int, int, str]


class LocatedChange(NamedTuple):
    """A contact change and its place in the log."""

    partition: int
    offset: int
    record: Change


class Copy(NamedTuple):
    """A row of `record_copies`."""

    log_partition: int
    log_offset: int
    workspace_id: int
    contact_id: int
    type: str
    id: str
    kind: str
    content: RawJson | None
    received_at: datetime
    record_id: UUID


@dataclass(slots=True)
class Known:
    """What the tables say about the contacts in question. `updates`: id to type and data of its first copy."""

    contacts: dict[ContactKey, Contact] = field(default_factory=dict)
    updates: dict[UpdateKey, tuple[str, RawJson]] = field(default_factory=dict)
    erased: set[ContactKey] = field(default_factory=set)


@dataclass(slots=True)
class ContactChanges:
    """What is to be written: contacts as they now are, first copies of updates, further copies; what was refused."""

    contacts: dict[ContactKey, Contact] = field(default_factory=dict)
    updates: list[tuple[LocatedChange, str, RawJson]] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    refused: list[LocatedChange] = field(default_factory=list)


def fold_changes(known: Known, changes: Iterable[LocatedChange]) -> ContactChanges:
    """Fold changes, in log order, into what is known."""
    result = ContactChanges()
    updates = dict(known.updates)
    for located in changes:
        record = located.record
        contact_key = record.workspace_id, record.contact_id
        update_key = (*contact_key, record.id)
        if contact_key in known.erased:
            result.refused.append(located)
            continue
        type_, data = change_type(record), change_data(record)
        if first := updates.get(update_key):
            result.copies.append(
                _copy(located, type_, data, duplicate=first[0] == type_ and same_content(first[1], data))
            )
            continue
        updates[update_key] = type_, data
        before = result.contacts.get(contact_key) or known.contacts.get(contact_key)
        result.contacts[contact_key] = apply_change(before, record, located.partition, located.offset)
        result.updates.append((located, type_, data))
    return result


def _copy(located: LocatedChange, type_: str, data: RawJson, *, duplicate: bool) -> Copy:
    record = located.record
    return Copy(
        log_partition=located.partition,
        log_offset=located.offset,
        workspace_id=record.workspace_id,
        contact_id=record.contact_id,
        type=type_,
        id=record.id,
        kind="duplicate" if duplicate else "conflict",
        content=None if duplicate else data,
        received_at=record.received_at,
        record_id=record.record_id,
    )
