"""Recording events: from drafts that keep all rules to answers, one by one or in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.answers import count, position_of, too_large
from ingest.names import warnings
from ingest.publisher import Acked, TooLarge
from schemas.records import EventRecorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from ingest.batches import Batch
    from ingest.events import EventDraft, Invalid
    from ingest.known_contacts import KnownContacts
    from ingest.publisher import Outcome, Publisher


class Recording:
    """Writes events of contacts that exist. Safe to use from many threads."""

    def __init__(self, publisher: Publisher, known: KnownContacts, new_id: Callable[[], UUID]) -> None:
        self._publisher = publisher
        self._known = known
        self._new_id = new_id

    def record(self, workspace_id: int, contact_id: int, draft: EventDraft, id_: str, received_at: datetime) -> str:
        """Write one event of a known contact; return its position, or raise Unavailable or Problem."""
        record = self._record(workspace_id, contact_id, draft, id_, received_at)
        outcome = self._publisher.publish([record])[0]
        count("accepted" if isinstance(outcome, Acked) else "unknown")
        return position_of(outcome, id=id_)

    def record_batch(self, workspace_id: int, batch: Batch[EventDraft], received_at: datetime) -> None:
        """Write the good events of a batch, and give each its answer; raise Unavailable if none was handed over."""
        drafts = batch.open
        ids = self._known.existing(workspace_id, {draft.contact_id for _, draft in drafts if draft.contact_id})
        externals = {draft.external_id for _, draft in drafts if draft.external_id}
        by_external_id = self._known.by_external_id(workspace_id, externals) if externals else {}
        records: list[tuple[int, EventDraft, EventRecorded]] = []
        for place, draft in drafts:
            contact_id = draft.contact_id if draft.contact_id in ids else by_external_id.get(draft.external_id or "")
            if contact_id is None:
                batch.settle(place, unknown_contact(draft))
                continue
            id_ = draft.id or str(self._new_id())
            records.append((place, draft, self._record(workspace_id, contact_id, draft, id_, received_at)))
        outcomes = self._publisher.publish([record for _, _, record in records]) if records else []
        for (place, draft, record), outcome in zip(records, outcomes, strict=True):
            batch.settle(place, settled(draft, record.id, outcome))

    def _record(
        self, workspace_id: int, contact_id: int, draft: EventDraft, id_: str, received_at: datetime
    ) -> EventRecorded:
        return EventRecorded(
            workspace_id=workspace_id,
            contact_id=contact_id,
            record_id=self._new_id(),
            id=id_,
            received_at=received_at,
            name=draft.name,
            occurred_at=draft.occurred_at,
            properties=draft.properties,
        )


def settled(draft: EventDraft, id_: str, outcome: Outcome) -> dict[str, Any]:
    """Say what became of an event of a batch."""
    if isinstance(outcome, Acked):
        position = outcome.position.encode()
        return {"status": "accepted", "id": id_, "position": position, "warnings": warnings(draft.name)}
    if isinstance(outcome, TooLarge):
        message = too_large(outcome)
        return {"status": "rejected", "id": id_, "code": "record_too_large", "pointer": "", "message": message}
    message = "Not acknowledged in time: send it again with this id."
    return {"status": "unknown", "id": id_, "code": "not_acknowledged", "pointer": "", "message": message}


def unknown_contact(draft: EventDraft) -> dict[str, Any]:
    """Say that the event's contact does not exist (or is another workspace's)."""
    pointer = "/external_id" if draft.contact_id is None else "/contact_id"
    message = "There is no such contact in this workspace. Create it first with POST /api/v1/contacts."
    rejected = {"status": "rejected", "code": "contact_not_found", "pointer": pointer, "message": message}
    return rejected | ({"id": draft.id} if draft.id else {})


def rejected(invalid: Invalid) -> dict[str, Any]:
    """Say which rules an item of a batch breaks."""
    first = invalid.faults[0]
    answer = {"status": "rejected", "code": first.code, "pointer": first.pointer, "message": first.message}
    return answer | {"errors": [fault.document() for fault in invalid.faults]}
