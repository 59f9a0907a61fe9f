"""Test mode: a client that sends nothing and shows what it would have sent."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from contact_events.outcomes import Accepted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contact_events.outcomes import DeliveryCallback


class Recorder:
    """Keeps the bodies of events and contacts, as they would have gone out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.events: list[dict[str, Any]] = []
        self.contacts: list[dict[str, Any]] = []
        self._ids: dict[str, int] = {}

    def record_event(self, event_id: str, line: bytes, callback: DeliveryCallback | None) -> None:
        """Keep an event, and call it accepted."""
        with self._lock:
            self.events.append(json.loads(line))
        if callback is not None:
            callback(Accepted(event_id, ""))

    def record_contact(self, body: Mapping[str, Any]) -> int:
        """Keep a contact; its id is 1 for the first external id, 2 for the next, and so on."""
        with self._lock:
            self.contacts.append(dict(body))
            return self._ids.setdefault(str(body["external_id"]), len(self._ids) + 1)

    def clear(self) -> None:
        """Forget everything but the ids."""
        with self._lock:
            self.events.clear()
            self.contacts.clear()
