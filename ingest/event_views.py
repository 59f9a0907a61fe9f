"""Requests about events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest import answers
from ingest.batches import Batch, read_events, split_lines
from ingest.bodies import is_ndjson, read_body
from ingest.calls import Answer
from ingest.events import EventDraft, Invalid
from ingest.fields import AHEAD, EVENT_ID
from ingest.names import CONVENTION, suggestion
from ingest.requests import begin, contact_id_from, limit_rate, refuse_header_id, settle_id
from runtime.problems import Fault, Problem

if TYPE_CHECKING:
    from ingest.calls import Call
    from ingest.parts import Parts
    from ingest.requests import Caller
    from ingest.workspaces import WorkspaceSettings


def post_event(parts: Parts, call: Call, contact_id: str) -> Answer:
    """Record one event of the contact in the path."""
    caller = begin(parts, call, "events:write")
    draft = by_settings(parts.events.read(read_body(call.request), caller.received_at + AHEAD), caller.settings)
    call.event_name = draft.name
    if isinstance(draft, Invalid):
        answers.refuse_unreadable(draft)
        settle_id(call, None, draft.faults)
    assert isinstance(draft, EventDraft)
    id_ = settle_id(call, draft.id, []) or str(parts.new_id())
    limit_rate(parts, call, caller, 1)
    number = contact_id_from(contact_id)
    with answers.world_away(id=id_):
        if number is None or not parts.known.exists(caller.workspace_id, number):
            raise answers.not_found()
        if caller.dry_run:
            warned = parts.advice.about(caller.workspace_id, draft)
            return Answer.of(200, {"dry_run": True, "id": id_, "position": None, "warnings": warned})
        outcome = parts.recording.record(caller, number, draft, id_)
    position = answers.position_of(outcome, id=id_)
    return Answer.of(202, {"id": id_, "position": position, "warnings": parts.advice.about(caller.workspace_id, draft)})


def post_event_batch(parts: Parts, call: Call) -> Answer:
    """Record events of many contacts."""
    caller = begin(parts, call, "events:write")
    refuse_header_id(call)
    items, began = _read_batch(parts, call, caller)
    limit_rate(parts, call, caller, len(items))
    batch: Batch[EventDraft] = Batch(items, answers.item_rejected)
    with answers.world_away():
        parts.recording.record_batch(caller, batch, began)
    document = batch.document()
    if document["rejected"]:
        parts.refusals.items(call, document["items"], lambda place: items[place].name)
    if not caller.dry_run:
        for status in ("accepted", "rejected", "unknown"):
            answers.count(status, document[status])
    return answers.batch_answer(document, dry_run=caller.dry_run)


def _read_batch(parts: Parts, call: Call, caller: Caller) -> tuple[list[EventDraft | Invalid], float | None]:
    """Read a batch; give also the moment from which its time counts. Its body is let go of before anything waits."""
    body = read_body(call.request, ndjson_allowed=True)
    began = None
    if not caller.dry_run:
        with answers.world_away():  # its records are larger still: while Kafka is away, no time goes into judging them
            began = parts.recording.check_room(len(body))
    latest = caller.received_at + AHEAD
    if is_ndjson(call.request):
        items = [parts.batch_events.read(line, latest) for line in split_lines(body)]
    else:
        items = read_events(parts.batch_events, body, latest)
    if caller.settings.strict_names:
        items = [by_settings(item, caller.settings) for item in items]
    return items, began


def delete_event(parts: Parts, call: Call, contact_id: str, event_id: str) -> Answer:
    """Erase one event of a contact."""
    caller = begin(parts, call, "erase", dry_run_allowed=False)
    id_ = settle_id(call, None, []) or str(parts.new_id())
    limit_rate(parts, call, caller, 1)
    number = contact_id_from(contact_id)
    with answers.world_away(update_id=id_):
        if number is None or not parts.known.exists(caller.workspace_id, number):
            raise answers.not_found()
        if not EVENT_ID.fullmatch(event_id):
            raise Problem(404, "event_not_found", "No event can have this id.")
        outcome = parts.erasing.erase_event(caller.workspace_id, number, event_id, id_)
    position = answers.position_of(outcome, update_id=id_)
    return Answer.of(202, {"id": event_id, "update_id": id_, "position": position})


def by_settings(draft: EventDraft | Invalid, settings: WorkspaceSettings) -> EventDraft | Invalid:
    """Apply what the workspace has made a rule."""
    if not settings.strict_names or isinstance(draft, Invalid) or CONVENTION.fullmatch(draft.name):
        return draft
    better = suggestion(draft.name)
    hint = f" Send {better}." if better else ""
    message = f"This workspace takes only names in lowercase with underscores, such as plan_upgraded.{hint}"
    return Invalid([Fault("/name", "unconventional_name", message, CONVENTION.pattern)], name=draft.name)
