"""Requests about contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest import answers
from ingest.batches import Batch, split, split_lines
from ingest.bodies import is_ndjson, read_body
from ingest.calls import Answer
from ingest.contact_bodies import ContactBody, read_contact
from ingest.contacts import Busy, ContactDraft, Erased
from ingest.events import Invalid
from ingest.publisher import Acked
from ingest.requests import begin, contact_id_from, limit_rate, refuse_header_id, settle_id
from runtime.problems import Fault, Problem

if TYPE_CHECKING:
    from ingest.calls import Call
    from ingest.contacts import UpsertOutcome, Written
    from ingest.parts import Parts
    from ingest.rules import Rules

_BUSY = "Another request is creating this contact at this moment."
_ERASED = "The contact with this external_id is being erased. Create it anew a little later."


def _read(call: Call, rules: Rules) -> tuple[ContactBody, str | None]:
    body = read_contact(rules, read_body(call.request))
    if isinstance(body, Invalid):
        answers.refuse_unreadable(body)
        settle_id(call, None, body.faults)
    assert isinstance(body, ContactBody)
    return body, settle_id(call, body.update_id, [])


def post_contact(parts: Parts, call: Call) -> Answer:
    """Create a contact, or find it by its external id and merge what is given."""
    caller = begin(parts, call, "contacts:write")
    body, given = _read(call, parts.contact_rules)
    draft = _draft(body, given or str(parts.new_id()))
    limit_rate(parts, call, caller, 1)
    with answers.world_away(update_id=draft.id):
        if caller.dry_run:
            (found,) = parts.contacts.look(caller.workspace_id, [draft])
            return Answer.of(200, {"dry_run": True} | _would(draft, found))
        outcome = parts.contacts.upsert(caller.workspace_id, [draft])[0]
    if isinstance(outcome, Erased):
        raise Problem(409, "contact_being_erased", _ERASED, headers={"Retry-After": "3600"})
    if isinstance(outcome, Busy):
        detail = f"{_BUSY} {answers.SEND_AGAIN}"
        extra = {"update_id": draft.id}
        raise Problem(503, "contact_being_created", detail, headers=answers.RETRY_AFTER, extra=extra)
    position = answers.position_of(outcome.outcome, update_id=draft.id)
    return Answer.of(201 if outcome.created else 200, _contact(draft, outcome) | {"position": position})


def patch_contact(parts: Parts, call: Call, contact_id: str) -> Answer:
    """Change a contact's profile fields and custom data."""
    caller = begin(parts, call, "contacts:write")
    body, given = _read(call, parts.change_rules)
    id_ = given or str(parts.new_id())
    if not body.profile and body.custom_data is None:
        fault = Fault("", "nothing_to_change", "Send at least one of email, name and custom_data.")
        raise Problem(422, "invalid_request", fault.message, [fault])
    limit_rate(parts, call, caller, 1)
    number = contact_id_from(contact_id)
    with answers.world_away(update_id=id_):
        if number is None or not parts.known.exists(caller.workspace_id, number):
            raise answers.not_found()
        document: dict[str, Any] = {"id": number, "update_id": id_, "position": None}
        if caller.dry_run:
            return Answer.of(200, {"dry_run": True} | document)
        outcome = parts.contacts.change(caller.workspace_id, number, id_, body.profile, body.custom_data)
    return Answer.of(200, document | {"position": answers.position_of(outcome, update_id=id_)})


def post_contact_batch(parts: Parts, call: Call) -> Answer:
    """Create or find many contacts."""
    caller = begin(parts, call, "contacts:write")
    refuse_header_id(call)
    body = read_body(call.request, ndjson_allowed=True)
    texts = split_lines(body) if is_ndjson(call.request) else split(body, "contacts")
    bodies = [read_contact(parts.contact_rules, text) for text in texts]
    limit_rate(parts, call, caller, len(bodies))
    batch: Batch[ContactBody] = Batch(bodies, answers.item_rejected)
    places = [place for place, _ in batch.open]
    drafts = [_draft(item, item.update_id or str(parts.new_id())) for _, item in batch.open]
    with answers.world_away():
        if caller.dry_run:
            found = parts.contacts.look(caller.workspace_id, drafts)
            settled = [{"status": "accepted"} | _would(draft, id_) for draft, id_ in zip(drafts, found, strict=True)]
        else:
            outcomes = parts.contacts.upsert(caller.workspace_id, drafts) if drafts else []
            settled = [upserted_item(draft, outcome) for draft, outcome in zip(drafts, outcomes, strict=True)]
    for place, answer in zip(places, settled, strict=True):
        batch.settle(place, answer)
    document = batch.document()
    if document["rejected"]:
        parts.refusals.items(call, document["items"])
    return answers.batch_answer(document, dry_run=caller.dry_run)


def delete_contact(parts: Parts, call: Call, contact_id: str) -> Answer:
    """Erase a contact and all that is known of it."""
    caller = begin(parts, call, "erase", dry_run_allowed=False)
    id_ = settle_id(call, None, []) or str(parts.new_id())
    limit_rate(parts, call, caller, 1)
    number = contact_id_from(contact_id)
    with answers.world_away(update_id=id_):
        outcome = None if number is None else parts.erasing.erase_contact(caller.workspace_id, number, id_)
    if outcome is None:
        raise answers.not_found()
    position = answers.position_of(outcome, update_id=id_)
    return Answer.of(202, {"id": number, "update_id": id_, "position": position})


def _draft(body: ContactBody, update_id: str) -> ContactDraft:
    assert body.external_id is not None
    return ContactDraft(update_id, body.external_id, body.profile, body.custom_data)


def _contact(draft: ContactDraft, written: Written) -> dict[str, Any]:
    contact = {"id": written.contact_id, "external_id": draft.external_id, "created": written.created}
    return contact | {"update_id": draft.id, "warnings": []}


def _would(draft: ContactDraft, found: int | None) -> dict[str, Any]:
    contact = {"id": found, "external_id": draft.external_id, "created": found is None}
    return contact | {"update_id": draft.id, "position": None, "warnings": []}


def upserted_item(draft: ContactDraft, outcome: UpsertOutcome) -> dict[str, Any]:
    """Say in a batch what became of a contact."""
    names = {"external_id": draft.external_id, "update_id": draft.id}
    if isinstance(outcome, Erased):
        fault = {"code": "contact_being_erased", "pointer": "/external_id", "message": _ERASED}
        return {"status": "rejected"} | names | fault
    if isinstance(outcome, Busy):
        fault = {"code": "contact_being_created", "pointer": "", "message": f"{_BUSY} Send it again."}
        return {"status": "unknown"} | names | fault
    answer = answers.item_outcome(outcome.outcome)
    return answer | (_contact(draft, outcome) if isinstance(outcome.outcome, Acked) else names)
