"""Recording events of contacts that exist: from drafts that keep all rules to records on the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest import answers
from ingest.database import DatabaseAwayError
from ingest.publisher import Acked
from schemas.partitioning import contact_hash
from schemas.records import EventWriter, contact_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.advice import Advice
    from ingest.batches import Batch
    from ingest.events import EventDraft
    from ingest.known_contacts import Found, KnownContacts
    from ingest.publisher import Encoded, Outcome, Publisher
    from ingest.requests import Caller


class Recording:
    """Writes events. Safe to use from many threads. `new_ids` makes so many ids."""

    def __init__(
        self, publisher: Publisher, known: KnownContacts, advice: Advice, new_ids: Callable[[int], list[str]]
    ) -> None:
        self._publisher = publisher
        self._known = known
        self._advice = advice
        self._new_ids = new_ids

    def check_room(self, size: int) -> float:
        """Raise Unavailable when a batch of so many bytes could not be handed over now; give the moment it began."""
        return self._publisher.check_room(size)

    def record(self, caller: Caller, contact_id: int, draft: EventDraft, id_: str) -> Outcome:
        """Write one event of a known contact; raise Unavailable if it was not handed over."""
        (outcome,) = self._publisher.publish_encoded(self._encoded(caller, [(contact_id, draft, id_)]))
        answers.count("accepted" if isinstance(outcome, Acked) else "unknown")
        return outcome

    def record_batch(self, caller: Caller, batch: Batch[EventDraft], began: float | None = None) -> None:
        """Write the good events of a batch and give each its answer; raise Unavailable if none was handed over.

        `began` is what `check_room` gave: reading the batch is part of its time.
        """
        workspace_id, drafts = caller.workspace_id, batch.open
        ids = self._known.existing(workspace_id, {each.contact_id for _, each in drafts if each.contact_id is not None})
        externals = {each.external_id for _, each in drafts if each.external_id is not None}
        by_external_id = self._known.by_external_id(workspace_id, externals)
        undecided: set[int] = set()
        if ids.undecided or by_external_id.undecided:
            undecided = {place for place, draft in drafts if _is_undecided(draft, ids, by_external_id)}
        if undecided and len(undecided) == len(drafts):
            raise DatabaseAwayError("no contact of the batch is remembered")
        new_ids = iter(self._new_ids(sum([draft.id is None for _, draft in drafts])))
        places: list[int] = []
        events: list[tuple[int, EventDraft, str]] = []
        for place, draft in drafts:
            found = ids.ids.get(draft.contact_id or 0) or by_external_id.ids.get(draft.external_id or "")
            id_ = draft.id or next(new_ids)
            if place in undecided:
                batch.settle(place, _undecided_contact(id_))
            elif found is None:
                batch.settle(place, _unknown_contact(draft))
            else:
                places.append(place)
                events.append((found, draft, id_))
        outcomes: Sequence[Outcome | None] = [None] * len(events)
        if events and not caller.dry_run:
            outcomes = self._publisher.publish_encoded(self._encoded(caller, events), began)
        for place, (_, draft, id_), outcome in zip(places, events, outcomes, strict=True):
            answer = answers.item_outcome(outcome)
            answer["id"] = id_
            if answer["status"] == "accepted":
                answer["warnings"] = self._advice.about(workspace_id, draft)
            batch.settle(place, answer)

    def _encoded(self, caller: Caller, events: Sequence[tuple[int, EventDraft, str]]) -> list[Encoded]:
        """Write the records of a request's events, each given with its contact and its id."""
        workspace_id = caller.workspace_id
        write = EventWriter(workspace_id, caller.received_at).write
        return [
            (
                contact_hash(workspace_id, contact_id),
                (
                    contact_key(workspace_id, contact_id, record_id),
                    write(contact_id, id_, draft.name, draft.occurred_at, draft.properties),
                ),
            )
            for (contact_id, draft, id_), record_id in zip(events, self._new_ids(len(events)), strict=True)
        ]


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
