"""The shapes of JSON answers about the past: a contact as it was, what changed, and an event's way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from query.shapes import moment, profile_document
from query.trace import MOST_COPIES
from schemas.positions import Position
from schemas.times import format_time

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from query.history import ContactThen
    from query.history_fold import ContactChange, ValueChange
    from query.trace import Trace


def contact_then_document(contact: ContactThen, as_of: datetime) -> dict[str, Any]:
    """Write a contact as it was: as its profile, but for the totals of its events."""
    return profile_document(contact) | {"as_of": format_time(as_of)}


def change_document(change: ContactChange) -> dict[str, Any]:
    """Write what one change changed."""
    return {
        "id": change.id,
        "contact_id": change.contact_id,
        "kind": change.kind,
        "received_at": format_time(change.received_at),
        "profile": [_value_change(value) for value in change.profile],
        "custom_data": [_value_change(value) for value in change.custom_data],
    }


def _value_change(value: ValueChange) -> dict[str, Any]:
    return {
        "key": value.key,
        "before": _raw(value.before),
        "after": _raw(value.after),
        "before_known": value.before_known,
    }


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def trace_document(trace: Trace) -> dict[str, Any]:
    """Write an event's way."""
    event = trace.event
    return {
        "id": trace.id,
        "contact_id": trace.contact_id,
        "status": "on_timeline" if event else "set_aside",
        "name": event and event.name,
        "occurred_at": moment(event.occurred_at if event else None),
        "received_at": moment(event.received_at if event else None),
        "projected_at": moment(event.projected_at if event else None),
        "log": event and _place(event.log_partition, event.log_offset, event.record_id),
        "position": event and Position(event.topic_id, event.log_partition, event.log_offset).encode(),
        "copies": [
            {
                "kind": copy.kind,
                "received_at": format_time(copy.received_at),
                "log": _place(copy.log_partition, copy.log_offset, copy.record_id),
                "content": _raw(copy.content),
            }
            for copy in trace.copies[:MOST_COPIES]
        ],
        "more_copies": len(trace.copies) > MOST_COPIES,
        "set_aside": [
            {
                "kind": record.kind,
                "reason": record.reason,
                "logged_at": format_time(record.logged_at),
                "log": _place(record.log_partition, record.log_offset, None),
            }
            for record in trace.set_aside
        ],
    }


def _place(partition: int, offset: int, record_id: UUID | None) -> dict[str, Any]:
    return {"partition": partition, "offset": offset, "record_id": record_id and str(record_id)}
