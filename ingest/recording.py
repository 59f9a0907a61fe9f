"""Recording events of contacts that exist: from drafts that keep all rules to records on the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest import answers
from ingest.database import DatabaseAwayError
from ingest.publisher import Acked
from schemas.records import EventRecorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from ingest.advice import Advice
    from ingest.batches import Batch
    from ingest.events import EventDraft
    from ingest.known_contacts import Found, KnownContacts
    from ingest.publisher import Outcome, Publisher
    from ingest.requests import Caller


class Recording:
    """Writes events. Safe to use from many threads."""

    def __init__(self, publisher: Publisher, known: KnownContacts, advice: Advice, new_id: Callable[[], UUID]) -> None:
        self._publisher = publisher
        self._known = known
        self._advice = advice
        self._new_id = new_id

    def check_room(self, size: int) -> float:
        """Raise Unavailable when a batch of so many bytes could not be handed over now; give the moment it began."""
        return self._publisher.check_room(size)

    def record(self, caller: Caller, contact_id: int, draft: EventDraft, id_: str) -> Outcome:
        """Write one event of a known contact; raise Unavailable if it was not handed over."""
        outcome = self._publisher.publish(
            [self._record(caller.workspace_id, contact_id, draft, id_, caller.received_at)]
        )[0]
        answers.count("accepted" if isinstance(outcome, Acked) else "unknown")
        return outcome

    def record_batch(self, caller: Caller, batch: Batch[EventDraft], began: float | None = None) -> None:
        """Write the good events of a batch and give each its answer; raise Unavailable if none was handed over.

        `began` is what `check_room` gave: reading the batch is part of its time.
        """
        workspace_id = caller.workspace_id
        drafts = batch.open
        ids = self._known.existing(workspace_id, {draft.contact_id for _, draft in drafts if draft.contact_id})
        externals = {draft.external_id for _, draft in drafts if draft.external_id}
        by_external_id = self._known.by_external_id(workspace_id, externals)
        undecided: set[int] = set()
        if ids.undecided or by_external_id.undecided:
            undecided = {place for place, draft in drafts if _is_undecided(draft, ids, by_external_id)}
        if undecided and len(undecided) == len(drafts):
            raise DatabaseAwayError("no contact of the batch is remembered")
        records: list[tuple[int, EventDraft, EventRecorded]] = []
        for place, draft in drafts:
            contact_id = ids.ids.get(draft.contact_id or 0) or by_external_id.ids.get(draft.external_id or "")
            id_ = draft.id or str(self._new_id())
            if place in undecided:
                batch.settle(place, _undecided_contact(id_))
            elif contact_id is None:
                batch.settle(place, _unknown_contact(draft))
            elif caller.dry_run:
                warned = self._advice.about(workspace_id, draft)
                batch.settle(place, {"status": "accepted", "id": id_, "position": None, "warnings": warned})
            else:
                record = self._record(workspace_id, contact_id, draft, id_, caller.received_at)
                records.append((place, draft, record))
        outcomes = self._publisher.publish([record for _, _, record in records], began) if records else []
        for (place, draft, record), outcome in zip(records, outcomes, strict=True):
            answer = answers.item_outcome(outcome)
            answer["id"] = record.id
            if isinstance(outcome, Acked):
                answer["warnings"] = self._advice.about(workspace_id, draft)
            batch.settle(place, answer)

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


def _is_undecided(draft: EventDraft, ids: Found[int], by_external_id: Found[str]) -> bool:
    return draft.contact_id in ids.undecided or draft.external_id in by_external_id.undecided


def _undecided_contact(id_: str) -> dict[str, Any]:
    """Say that nobody can tell at the moment whether the event's contact exists; its neighbours go on."""
    message = "The database is needed to look up this contact and cannot be reached. Send it again with the same id."
    return {"status": "unknown", "code": "database_unavailable", "pointer": "", "message": message, "id": id_}


def _unknown_contact(draft: EventDraft) -> dict[str, Any]:
    """Say that the event's contact does not exist (or is another workspace's)."""
    pointer = "/external_id" if draft.contact_id is None else "/contact_id"
    message = "There is no such contact in this workspace. Create it first with POST /api/v1/contacts."
    rejected = {"status": "rejected", "code": "contact_not_found", "pointer": pointer, "message": message}
    return rejected | ({"id": draft.id} if draft.id else {})
