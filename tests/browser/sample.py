"""A small workspace to look at, written record by record to the topic, each as if it had arrived when it happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from schemas.ids import uuid7
from schemas.records import ContactCreated, ContactErased, ContactUpdated, EventErased, EventNameChanged, EventRecorded

if TYPE_CHECKING:
    from schemas.records import NameChange
    from tests.browser.log import Log

ON_ITS_WAY = timedelta(milliseconds=180)
BEFORE_IT_CHANGED = "another value"


class Sample:
    """Writes one workspace's records. `now` is when its story is told: all its times are counted back from there."""

    def __init__(self, log: Log, workspace_id: int, now: datetime) -> None:
        self.now = now
        self._log = log
        self._workspace_id = workspace_id
        self._events: dict[int, list[EventRecorded]] = {}
        self._count = 0

    def add_contact(
        self,
        contact_id: int,
        *,
        name: str | None = None,
        email: str | None = None,
        external_id: str | None = None,
        custom_data: dict[str, Any] | None = None,
        changed: dict[str, datetime] | None = None,
        created_at: datetime | None = None,
    ) -> None:
        """Add a contact. `changed` tells when a key of its custom data got the value that it has now."""
        data, changed = custom_data or {}, changed or {}
        first = {key: BEFORE_IT_CHANGED if key in changed else value for key, value in data.items()}
        created = ContactCreated(
            **self._common(contact_id, created_at or self.now - timedelta(days=90)),
            external_id=external_id or f"shop_{contact_id}",
            email=email,
            name=name,
            custom_data=_text(first),
        )
        self._log.append(created)
        for key, moment in sorted(changed.items(), key=lambda change: change[1]):
            self.change_contact(contact_id, {key: data[key]}, moment)

    def change_contact(self, contact_id: int, custom_data: dict[str, Any], moment: datetime | None = None) -> None:
        """Change some of a contact's custom data, now or at a moment."""
        common = self._common(contact_id, moment or datetime.now(UTC))
        self._log.append(ContactUpdated(**common, profile={}, custom_data=_text(custom_data)))

    def erase_contact(self, contact_id: int) -> None:
        """Erase a contact, as its erasure does that was asked for."""
        self._log.append(ContactErased(**self._common(contact_id, datetime.now(UTC))))
        del self._events[contact_id]

    def add(
        self,
        contact_id: int,
        name: str,
        before: timedelta,
        properties: dict[str, Any] | None = None,
        *,
        late: timedelta = timedelta(),
    ) -> EventRecorded:
        """Add an event that happened so long ago, and was received as much later."""
        occurred_at = self.now - before
        event = EventRecorded(
            **self._common(contact_id, occurred_at + late + ON_ITS_WAY),
            name=name,
            occurred_at=occurred_at,
            properties=_text(properties or {}),
        )
        self._log.append(event)
        self._events.setdefault(contact_id, []).insert(0, event)
        return event

    def erase_event(self, event: EventRecorded) -> None:
        """Erase an event."""
        self._log.append(EventErased(**self._common(event.contact_id, datetime.now(UTC)), event_id=event.id))
        self._events[event.contact_id].remove(event)

    def say(self, name: str, **change: Any) -> None:  # noqa: ANN401 - texts and booleans
        """Say something about an event name."""
        common = self._common(0, datetime.now(UTC))
        del common["contact_id"]
        self._log.append(EventNameChanged(**common, name=name, change=cast("NameChange", change)))

    def is_told(self, name: str) -> bool:
        """Whether there is an event of this name."""
        return any(event.name == name for events in self._events.values() for event in events)

    def timeline(self, contact_id: int) -> list[EventRecorded]:
        """Give a contact's events as a timeline has to show them: newest first, of one moment the last written."""
        return sorted(self._events.get(contact_id, []), key=attrgetter("occurred_at"), reverse=True)

    def _common(self, contact_id: int, received_at: datetime) -> dict[str, Any]:
        self._count += 1
        return {
            "workspace_id": self._workspace_id,
            "contact_id": contact_id,
            "record_id": uuid7(),
            "id": f"sample-{self._count:06d}",
            "received_at": received_at,
        }


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)
