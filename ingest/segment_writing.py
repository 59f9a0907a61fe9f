"""Writing what came through the Segment door: contacts first, made on first sight, then their events.

Uses the same ways as the API's own requests: one identity a contact whoever makes it, every record acknowledged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest import answers
from ingest.batches import Batch
from ingest.contact_views import upserted_item
from ingest.contacts import ContactDraft
from ingest.database import DatabaseAwayError
from ingest.events import EventDraft, Invalid
from ingest.publisher import Unavailable
from ingest.segment import Ignored, Read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.contact_bodies import ContactBody
    from ingest.parts import Parts
    from ingest.requests import Caller


def write(parts: Parts, caller: Caller, messages: Sequence[Read | Ignored | Invalid]) -> list[dict[str, Any]]:
    """Write the good messages and give each its answer; raise Unavailable or DatabaseAwayError if that came to nothing.

    Contacts go before events, since an event's contact has to be usable; when contacts cannot be written, the events of
    known contacts still are.
    """
    settled: dict[int, dict[str, Any]] = {}
    bodies: dict[int, ContactBody] = {}
    events: dict[int, EventDraft] = {}
    for place, message in enumerate(messages):
        if isinstance(message, Invalid):
            settled[place] = answers.item_rejected(message)
        elif isinstance(message, Ignored):
            settled[place] = _ignored(message)
        elif isinstance(message.content, EventDraft):
            events[place] = message.content
        else:
            bodies[place] = message.content
    named = {draft.external_id for draft in events.values() if draft.external_id}
    written, unusable = _write_contacts(parts, caller, list(bodies.values()), named)
    settled |= zip(bodies, written, strict=True)
    for place, draft in list(events.items()):
        if draft.external_id in unusable:
            settled[place] = unusable[draft.external_id] | ({"id": draft.id} if draft.id else {})
            del events[place]
    if events:
        batch: Batch[EventDraft] = Batch(list(events.values()), answers.item_rejected)
        parts.recording.record_batch(caller, batch)
        settled |= zip(events, batch.document()["items"], strict=True)
    for place, message in enumerate(messages):
        if isinstance(message, Read) and message.warnings:
            settled[place]["warnings"] = [*settled[place].get("warnings", []), *message.warnings]
    return [settled[place] for place in range(len(messages))]


def _write_contacts(
    parts: Parts, caller: Caller, bodies: list[ContactBody], named: set[str]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Write what is said about contacts, and make those that events name and nobody has made.

    Returns the answers to the bodies; and, of contacts that cannot have events now, the answer to their events.
    """
    found = parts.known.by_external_id(caller.workspace_id, named)
    drafts = [ContactDraft(_id(body, parts), body.external_id or "", body.profile, body.custom_data) for body in bodies]
    missing = named - found.ids.keys() - found.undecided - {draft.external_id for draft in drafts}
    drafts += [ContactDraft(str(parts.new_id()), external_id, {}, None) for external_id in sorted(missing)]
    items = _upserted(parts, caller, drafts)
    unusable = dict.fromkeys(found.undecided, _unknown("database_unavailable"))
    for draft, item in zip(drafts, items, strict=True):
        if item["status"] != "accepted" and (draft.external_id not in found.ids or item["status"] == "rejected"):
            unusable[draft.external_id] = {key: item[key] for key in ("status", "code", "pointer", "message")}
    return items[: len(bodies)], unusable


def _upserted(parts: Parts, caller: Caller, drafts: list[ContactDraft]) -> list[dict[str, Any]]:
    try:
        outcomes = parts.contacts.upsert(caller.workspace_id, drafts) if drafts else []
    except (Unavailable, DatabaseAwayError) as error:
        reason = error.reason if isinstance(error, Unavailable) else "database_unavailable"
        return [_unknown(reason) | {"external_id": draft.external_id, "update_id": draft.id} for draft in drafts]
    items = [upserted_item(draft, outcome) for draft, outcome in zip(drafts, outcomes, strict=True)]
    return [item | ({"pointer": "/userId"} if item.get("pointer") == "/external_id" else {}) for item in items]


def _id(body: ContactBody, parts: Parts) -> str:
    return body.update_id or str(parts.new_id())


def _unknown(code: str) -> dict[str, Any]:
    message = "This needs the contact, and contacts cannot be written at the moment. Send it again with the same id."
    return {"status": "unknown", "code": code, "pointer": "", "message": message}


def _ignored(message: Ignored) -> dict[str, Any]:
    told = f"A message of the type {message.kind} is taken and not kept: only track and identify are."
    return {"status": "ignored", "code": "type_not_kept", "pointer": "/type", "message": told}
