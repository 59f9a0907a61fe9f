"""The shapes of the JSON answers. JSON that callers sent (properties, custom data) goes out as it came in, unparsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from flask import Response
from msgspec.structs import astuple

from query.catalogue import NOTHING_SAID, Catalogue
from schemas.times import LATE_AFTER, format_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from query.contacts import Contact, ContactSummary
    from query.history import ContactThen
    from query.places import Place
    from query.questions import Row
    from query.shown_names import ShownName
    from query.sidebar_tokens import Conversation
    from query.summary import Histogram, NameSummary
    from query.timeline import Event, Page


Document: TypeAlias = "dict[str, Any] | EventDocument"


def answer(document: Document, status: int = 200) -> Response:
    """Make a JSON answer; personal data, so no cache may keep it."""
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(document), status, headers, content_type="application/json")


def moment(value: datetime | None) -> str | None:
    """Write a time, or nothing."""
    return None if value is None else format_time(value)


class EventDocument(msgspec.Struct, gc=False):  # a page makes fifty: written in two thirds of the time of a dict
    """An event as it goes out."""

    id: str
    contact_id: int
    name: str
    shown_as: str
    hidden: bool
    occurred_at: datetime
    received_at: datetime
    late: bool
    properties: msgspec.Raw


def event_document(event: Event, catalogue: Catalogue = NOTHING_SAID) -> EventDocument:
    """Write an event."""
    return _documents([astuple(event)], event.contact_id, catalogue)[0]


def page_documents(page: Page, catalogue: Catalogue) -> list[EventDocument]:
    """Write the events of a page; the encoder writes their times as `format_time` does, several times faster."""
    return _documents(page.rows, page.contact_id, catalogue)


def _documents(rows: Iterable[Row], contact_id: int, catalogue: Catalogue) -> list[EventDocument]:
    shown, hidden, raw = catalogue.shown_as, catalogue.hidden, msgspec.Raw
    return [
        EventDocument(
            row[0],
            contact_id,
            row[1],
            shown.get(row[1], row[1]),  # type: ignore[arg-type] # a name is never None
            row[1] in hidden,
            row[2],
            row[3],
            row[3] - row[2] > LATE_AFTER,  # as `is_late` has it, without a call
            raw(row[4].encode()),
        )
        for row in rows
    ]


def contact_document(contact: Contact) -> dict[str, Any]:
    """Write a contact's profile, with the totals of its events."""
    return profile_document(contact) | {
        "event_count": contact.event_count,
        "first_event_at": moment(contact.first_event_at),
        "last_event_at": moment(contact.last_event_at),
    }


def profile_document(contact: Contact | ContactThen) -> dict[str, Any]:
    """Write what a contact is, now or at a moment."""
    return {
        "id": contact.id,
        "external_id": contact.external_id,
        "email": contact.email,
        "name": contact.name,
        "custom_data": msgspec.Raw(contact.custom_data.encode()),
        "custom_data_changed_at": {key: format_time(at) for key, at in contact.custom_data_changed_at.items()},
        "created_at": format_time(contact.created_at),
        "updated_at": format_time(contact.updated_at),
    }


def contact_line(contact: ContactSummary) -> dict[str, Any]:
    """Write a contact of a list."""
    return {
        "id": contact.id,
        "external_id": contact.external_id,
        "email": contact.email,
        "name": contact.name,
        "last_event_name": contact.last_event_name,
        "last_event_at": moment(contact.last_event_at),
    }


def name_document(name: NameSummary, catalogue: Catalogue = NOTHING_SAID) -> dict[str, Any]:
    """Write the totals of one name."""
    return {
        "name": name.name,
        "shown_as": catalogue.shown(name.name),
        "hidden": name.name in catalogue.hidden,
        "count": name.count,
        "first_occurred_at": format_time(name.first_occurred_at),
        "last_occurred_at": format_time(name.last_occurred_at),
    }


def shown_name_document(name: ShownName) -> dict[str, Any]:
    """Write the totals of what is shown under one name."""
    return {
        "name": name.name,
        "recorded_names": list(name.recorded),
        "count": name.count,
        "first_occurred_at": format_time(name.first_occurred_at),
        "last_occurred_at": format_time(name.last_occurred_at),
        "pinned": name.pinned,
        "hidden": name.hidden,
    }


def histogram_document(histogram: Histogram, zone: str, occurred_from: datetime, before: datetime) -> dict[str, Any]:
    """Write a histogram, each day with its names."""
    days: dict[str, dict[str, int]] = {}
    for entry in histogram.days:
        days.setdefault(entry.day.isoformat(), {})[entry.name] = entry.count
    return {
        "time_zone": zone,
        "from": format_time(occurred_from),
        "before": format_time(before),
        "counted_back_to": moment(histogram.counted_back_to),
        "days": [{"day": day, "count": sum(names.values()), "names": names} for day, names in days.items()],
    }


def conversation_document(conversation: Conversation | None) -> dict[str, Any] | None:
    """Write the conversation beside which the sidebar stands."""
    if conversation is None:
        return None
    return {"id": conversation.id, "started_at": format_time(conversation.started_at)}


def place_members(place: Place | None) -> dict[str, Any]:
    """Write from which moment of the log an answer is: the position from which a stream may go on."""
    position = None if place is None else place.position
    return {"position": position and position.encode()}


def lines(documents: Iterable[Document]) -> bytes:
    """Write NDJSON."""
    return b"".join(one_line(document) + b"\n" for document in documents)


def one_line(document: Document) -> bytes:
    """Write JSON in one line: what callers wrote may have breaks between its tokens (in strings they are escaped)."""
    return msgspec.json.encode(document).replace(b"\r", b" ").replace(b"\n", b" ")
